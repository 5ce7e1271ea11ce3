"""Builders of bars, quotes, setups and tickets, and a stage that drives one desk at chosen times.

The usual world: Monday 2025-08-18 (EDT, no FOMC statement), TQQQ 49.99 to 50.00, 100,000 USD of equity. A signal of
80 points then buys 266 shares: 0.40 x 100,000 / 3 = 13,333.33 USD at 50.00, 133 now and 133 as second half; the stop
is 49.00 and the target 51.00.
"""

from collections.abc import Mapping
from datetime import date, time
from typing import Any, Literal

from msgspec.structs import replace

from operators import catalog, sessions, signals
from operators.audit import AuditRecord
from operators.codes import Refusal
from operators.config import EngineSettings, ScalpConfig
from operators.desk import Desk
from operators.events import MINUTE_NS, SECOND_NS, Bar, Command, Event, Mode, Quote
from operators.intents import Ticket
from operators.moments import Moment, Setup, Source, View
from operators.records import EtfScalpRecord, FillRecord, OrderRecord, Record, SignalRecord, VerdictRecord
from tests.play import EVENT_DRIVEN, Line, started

DAY = date(2025, 8, 18)
MILLISECOND_NS = 1_000_000
PLENTY = 1_000_000.0
"""Shares on either side of a quote, more than any order of these tests."""
LIQUID = dict.fromkeys((fund.ticker for fund in catalog.LEVERAGED_ETF_CATALOG), 1e9)
FUND_OF = {"SPY": "SPXL", "IWM": "TNA", "SMH": "SOXL", "XLK": "TECL", "META": "FNGU", "XLF": "FAS", "XBI": "LABU"}
FUND_OF |= {"GDX": "NUGT", "UNG": "BOIL", "USO": "UCO", "VXX": "UVXY", "QQQ": "TQQQ"}
"""Tickers of twelve families with the fund that a long signal buys."""
When = str | int
Action = Literal["flatten", "kill", "pause", "resume", "rearm", "mode"]


def ny(clock: str, day: date = DAY) -> int:
    """UTC nanoseconds of a New York wall time such as "10:00:01.2"."""
    return sessions.at(day, time.fromisoformat(clock))


def quote(at_ns: int, symbol: str = "TQQQ", **changes: Any) -> Quote:
    """A quote known the moment it happened: 49.99 to 50.00 with plenty of shares."""
    row: dict[str, Any] = {"seq": 1, "at_ns": at_ns, "event_ns": at_ns, "symbol": symbol, "bid": 49.99, "ask": 50.0}
    return Quote(**(row | {"bid_size": PLENTY, "ask_size": PLENTY} | changes))


def bar(at_ns: int, ticker: str = "QQQ", **changes: Any) -> Bar:
    """A rising one-minute bar that closed at `at_ns`, from 500 to 501."""
    row: dict[str, Any] = {"seq": 1, "at_ns": at_ns, "event_ns": at_ns, "ticker": ticker, "open": 500.0, "high": 501.0}
    return Bar(**(row | {"low": 500.0, "close": 501.0, "volume": 10_000.0} | changes))


def view(quotes: Mapping[str, Quote] | None = None, **changes: Any) -> View:
    """A bullish market with fresh quotes and liquid funds."""
    row: dict[str, Any] = {"bar": None, "ema12": None, "ema12_before": None, "atr": None, "agreement": (1, 1, 1, 1)}
    row |= {"macro_ready": True, "macro_colour": 1, "bias": 1, "quotes": dict(quotes or {}), "quotes_age_ns": 0}
    return View(**(row | {"quotes_max_age_ns": 2 * SECOND_NS, "dollar_volume": LIQUID} | changes))


def setup(at_ns: int, ticker: str = "QQQ", **changes: Any) -> Setup:
    """A long signal of 80 points on the bar that closed at the minute before."""
    row: dict[str, Any] = {"seq": 1, "at_ns": at_ns, "ticker": ticker, "bar_close_ns": at_ns // MINUTE_NS * MINUTE_NS}
    row |= {"direction": 1, "timeframe_minutes": 1, "source": "own", "volume_ratio": 2.0, "conviction": 80.0}
    return Setup(**(row | {"max_age_ns": 90 * SECOND_NS, "view": view()} | changes))


class Stage:
    """One desk behind the rules of the line, driven with quotes, moments, signals and commands at chosen times.

    Times are New York wall times of the stage's day, or UTC nanoseconds; they must not go back. `records` keeps all.
    """

    def __init__(
        self,
        *,
        engine: EngineSettings | None = None,
        mode: Mode = "leveraged_etf",
        cadences: dict[str, float] | None = None,
        equity_usd: int = 100_000,
        day: date = DAY,
        book_id: str = "replay:test",
        loop: str = "paper",
        **rules: Any,
    ) -> None:
        self.config, self.day = ScalpConfig(**rules), day
        self.engine = EngineSettings() if engine is None else engine
        self.rules = Line(self.config, self.engine).rules
        cadences = EVENT_DRIVEN if cadences is None else cadences
        run = replace(started(ny("09:00", day), mode, equity_usd, cadences, book_id), loop=loop)
        self.age_limit_ns = run.age_limit_ns("quote", self.engine.quote_max_age_seconds)
        self.desk = Desk.started(run, self.config, self.engine)
        self.book = self.desk.book
        self.records: list[Record] = self.desk.on(run)
        self.quotes: dict[str, Quote] = {}
        self.seq, self.quotes_ns = 1, 0

    def at(self, when: When) -> int:
        """Nanoseconds of a time."""
        return when if isinstance(when, int) else ny(when, self.day)

    def _on(self, item: Event | Moment | Ticket) -> list[Record]:
        self.seq += 1
        records = self.desk.on(item)  # type: ignore[arg-type]  # every Event of these tests is of AnyEvent
        self.records += records
        return records

    def quote(self, when: When, bid: float = 49.99, ask: float = 50.0, symbol: str = "TQQQ", **changes: Any) -> Any:
        """A quote; returns the records that it caused."""
        item = quote(self.at(when), symbol, **({"seq": self.seq, "bid": bid, "ask": ask} | changes))
        self.quotes[symbol], self.quotes_ns = item, max(self.quotes_ns, item.event_ns)
        return self._on(item)

    def signal(
        self,
        when: When,
        ticker: str = "QQQ",
        direction: int = 1,
        conviction: float = 80.0,
        source: Source = "own",
        seen: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> SignalRecord:
        """A signal with the stage's quotes in view; returns its record. `seen` changes the view, macro agrees."""
        at_ns = self.at(when)
        market: dict[str, Any] = {"quotes_age_ns": at_ns - self.quotes_ns, "quotes_max_age_ns": self.age_limit_ns}
        market |= {"macro_colour": direction, "bias": direction, **(seen or {})}
        born = setup(at_ns, ticker, seq=self.seq, direction=direction, conviction=conviction, source=source)
        born = replace(born, view=view(self.quotes, **market), **changes)
        (record,) = (found for found in self.decide(born) if isinstance(found, SignalRecord))
        return record

    def decide(self, born: Setup) -> list[Record]:
        """A setup through the rules to the desk."""
        ticket = signals.ticket(born)
        for rule in self.rules:
            ticket = rule(ticket)
        return self._on(ticket)

    def bar(
        self, when: When, flip: int = 0, cloud: tuple[float, float] | None = (100.0, 101.0), **changes: Any
    ) -> list[Record]:
        """A closed bar with the fast cloud after it; as given it lies far over the cloud and does not test it."""
        closed = bar(self.at(when), **({"seq": self.seq} | changes))
        lower, upper = (None, None) if cloud is None else cloud
        return self._on(Moment(closed.seq, closed.at_ns, closed, flip, lower, upper))

    def command(self, when: When, action: Action, argument: str = "") -> list[Record]:
        """What a person asks for."""
        at_ns = self.at(when)
        return self._on(Command(self.seq, at_ns, at_ns, action, "ann", argument))

    def reach(self, when: When) -> list[Record]:
        """An event that means nothing to the desk, so that timers run up to its time."""
        return self._on(bar(self.at(when), "ZZZ", seq=self.seq))

    def stand(self, until: When, every_ns: int = 10 * SECOND_NS) -> None:
        """States every symbol's newest quote again each ten seconds up to a time, and at that time."""
        last_ns, at_ns = self.at(until), self.book.now_ns
        while at_ns < last_ns:
            at_ns = min(at_ns + every_ns, last_ns)
            for number, known in enumerate(list(self.quotes.values()), start=1):
                when = at_ns - len(self.quotes) + number
                self.quote(when, known.bid, known.ask, known.symbol, bid_size=known.bid_size, ask_size=known.ask_size)

    def hold(self, when: When = "10:00", **signal: Any) -> EtfScalpRecord:
        """Buys the first half, whole: a quote, the signal a second later, and the latency. Returns the scalp."""
        at_ns = self.at(when)
        self.quote(at_ns)
        name = self.signal(at_ns + SECOND_NS, **signal).signal_id
        self.reach(at_ns + SECOND_NS + 200 * MILLISECOND_NS)
        return self.scalps[name]

    def hold_both(self) -> EtfScalpRecord:
        """Buys 133 shares at 50.00 at 10:00:01.2 and 133 at 50.01 at 10:02:00.2, when the bar of 10:01 bounced."""
        self.hold("10:00")
        self.quote("10:00:02", 50.0, 50.01)
        self.stand("10:01:59.9")
        self.bar("10:02", cloud=(499.0, 500.5))  # opened at 10:01, low 500.0 under 500.5, close 501.0 over it
        self.reach("10:02:00.2")
        return self.scalp

    @property
    def position(self) -> Any:
        """The only scalp that is not over."""
        (found,) = self.book.scalps.values()
        return found

    @property
    def audit(self) -> list[AuditRecord]:
        """What steered the book, in order."""
        return [record for record in self.records if isinstance(record, AuditRecord)]

    @property
    def scalps(self) -> dict[str, EtfScalpRecord]:
        """Each scalp as it was recorded last, by signal."""
        return {record.signal_id: record for record in self.records if isinstance(record, EtfScalpRecord)}

    @property
    def scalp(self) -> EtfScalpRecord:
        """The scalp recorded last."""
        return list(self.scalps.values())[-1]

    @property
    def orders(self) -> list[OrderRecord]:
        """Each order as it was recorded last, in the order of sending."""
        latest = {record.client_order_id: record for record in self.records if isinstance(record, OrderRecord)}
        return list(latest.values())

    def order(self, action: str) -> OrderRecord:
        """The order of an action that was sent last."""
        return [order for order in self.orders if order.action == action][-1]

    def count(self, action: str) -> int:
        """How many orders of an action were sent."""
        return sum(order.action == action for order in self.orders)

    @property
    def fills(self) -> list[FillRecord]:
        """All executions."""
        return [record for record in self.records if isinstance(record, FillRecord)]

    def verdicts(self, signal: SignalRecord, leg: str = "fund") -> list[VerdictRecord]:
        """The verdicts on one leg of a signal, in their order."""
        found = (record for record in self.records if isinstance(record, VerdictRecord))
        return [verdict for verdict in found if verdict.signal_id == signal.signal_id and verdict.leg == leg]

    def failed(self, signal: SignalRecord, leg: str = "fund") -> set[str]:
        """The codes that a leg of a signal failed with."""
        return {verdict.code for verdict in self.verdicts(signal, leg) if not verdict.passed}

    def verdict(self, signal: SignalRecord, code: Refusal, leg: str = "fund") -> VerdictRecord:
        """The only verdict of a code on a leg of a signal."""
        (found,) = (verdict for verdict in self.verdicts(signal, leg) if verdict.code == code)
        return found


def quoted(clock: str = "10:00", **changes: Any) -> Stage:
    """A stage with a quote of TQQQ and SQQQ, and all tickers allowed."""
    stage = Stage(**({"scalp_tickers": tuple(FUND_OF)} | changes))
    stage.quote(clock)
    stage.quote(ny(clock, stage.day) + 1, symbol="SQQQ")
    return stage


def refused(stage: Stage, when: When, *codes: str, **signal: Any) -> None:
    """The signal is refused with exactly these codes, and nothing is sent."""
    sent = len(stage.orders)
    record = stage.signal(when, **signal)
    found = (record.decision, {str(code) for code in stage.failed(record)}, len(stage.orders))
    assert found == ("refused", set(codes), sent), found


def entered(stage: Stage, when: When, **signal: Any) -> None:
    """The signal becomes an order."""
    sent = len(stage.orders)
    record = stage.signal(when, **signal)
    found = (record.decision, {str(code) for code in stage.failed(record)}, len(stage.orders))
    assert found == ("entered", set(), sent + 1), found


def pending(**changes: Any) -> Stage:
    """A purchase of 133 TQQQ at 50.00 that works since 10:00:01.2 because nothing was shown at the ask."""
    stage = Stage(**changes)
    stage.quote("10:00", ask_size=0.0)
    stage.signal("10:00:01")
    stage.reach("10:00:01.2")
    assert stage.order("first").state == "working"
    return stage


def stop_out(stage: Stage, clock: str, ticker: str) -> None:
    """A scalp that is stopped within seconds at a loss of 2.2 %."""
    start = ny(clock, stage.day)
    stage.hold(clock, ticker=ticker)
    symbol = stage.scalp.ticker
    stage.quote(start + 2 * SECOND_NS, 48.9, 48.91, symbol)
    stage.reach(start + 3 * SECOND_NS)
    assert stage.scalp.exit_reason == "stop_loss"
