"""The line without Bytewax: the same operators in a loop, for tests that ask what a rule does."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from operators import funds, gate, route, signals, strikes, underlyings
from operators.config import EngineSettings, ScalpConfig
from operators.events import AnyEvent, Mode, RunStarted
from operators.intents import Ticket
from operators.market import Market
from operators.moments import Setup
from operators.records import Record
from operators.steps import Desks, Item

MINUTE_DATA = {"bar": 60.0, "quote": 60.0, "chain": 60.0}
EVENT_DRIVEN = {"bar": 0.0, "quote": 0.0, "chain": 0.0}


def started(
    at_ns: int,
    mode: Mode = "leveraged_etf",
    equity_usd: int = 100_000,
    cadences: dict[str, float] | None = None,
    book_id: str = "replay:test",
) -> RunStarted:
    """The first event of a run, one nanosecond before `at_ns`."""
    return RunStarted(
        seq=0,
        at_ns=at_ns - 1,
        event_ns=at_ns - 1,
        book_id=book_id,
        loop="paper",
        mode=mode,
        equity_micros=equity_usd * 1_000_000,
        settings="{}",
        tapes=(),
        tables={},
        rules_version=1,
        cadences=MINUTE_DATA if cadences is None else cadences,
    )


class Line:
    """Market, rules and desk in one object; `on` gives the records of an event, `seen` the items before the desk."""

    def __init__(self, config: ScalpConfig | None = None, settings: EngineSettings | None = None) -> None:
        self.config = ScalpConfig() if config is None else config
        self.settings = EngineSettings() if settings is None else settings
        self.market, self.desks = Market(self.config, self.settings), Desks(self.config, self.settings)
        self.rules = (
            route.prechecks(self.config),
            underlyings.price_chain(self.config, self.settings),
            strikes.choose(self.config),
            gate.greeks_gate(self.config),
            funds.map_to_funds(self.config),
            funds.check_liquidity(self.config),
        )
        self.tickets: list[Ticket] = []

    def items(self, event: AnyEvent) -> Iterator[Item]:
        """What reaches the desk of an event."""
        for item in self.market.on(event):
            if isinstance(item, Setup):
                ticket = signals.ticket(item)
                for rule in self.rules:
                    ticket = rule(ticket)
                self.tickets.append(ticket)
                yield ticket
            else:
                yield item

    def on(self, event: AnyEvent) -> list[Record]:
        """The records of an event."""
        return [record for item in self.items(event) for record in self.desks.on(item)]

    def play(self, events: Iterable[AnyEvent]) -> list[Record]:
        """The records of many events."""
        return [record for event in events for record in self.on(event)]


def play(
    events: Iterable[AnyEvent],
    config: ScalpConfig | None = None,
    settings: EngineSettings | None = None,
    mode: Mode = "leveraged_etf",
) -> list[Record]:
    """The records of a run over minute data from its beginning."""
    line, listed = Line(config, settings), list(events)
    return line.play([started(listed[0].at_ns, mode), *listed])


def tape_events(path: Path) -> list[AnyEvent]:
    """All events of a tape file."""
    from flows.tape.reader import Tape

    return list(Tape(path).events())
