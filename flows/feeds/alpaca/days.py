"""Imports past days of Alpaca: bars of shares with quotes modelled from them, and what was traded of their options.

Alpaca keeps no past quotes of options. A chain of a past day holds the volume traded so far and nothing else: nothing
is made up, and nothing can be bought on it.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from heapq import merge
from operator import attrgetter
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from flows.feeds.alpaca.asking import Access, Asking
from flows.feeds.alpaca.chains import nearest_expiries, within_reach
from flows.feeds.alpaca.faults import BadDays, Unanswered
from flows.feeds.alpaca.listing import Listing, listing
from flows.feeds.alpaca.plan import Plan, refuse_address
from flows.feeds.alpaca.translating import UNPLACED, Told, bar, count, instant_ns
from flows.tape.bars import SMALLEST_SIZE, modelled_sides
from flows.tape.faults import Refused
from flows.tape.frames import Header, Source
from flows.tape.lean_chain import COUNT, Standing
from flows.tape.places import Places
from flows.tape.writer import TapeWriter
from operators.contracts import packed_counts
from operators.events import MINUTE_NS, AnyEvent, Bar, Chain, Quote
from operators.sessions import Session

CADENCES: Final = {"bar": 60.0, "quote": 60.0, "chain": 60.0}


class DaysReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an import wrote; `bars` counts by ticker, `rejected` refused bars by reason, `first_rejected` names some.

    `history_sessions` counts those of which there are bars, `missing` says what a traded day lacks.
    """

    events: int
    sessions: int
    history_sessions: int
    bars: dict[str, int]
    history_bars: int
    quotes: int
    chains: int
    missing: tuple[str, ...]
    rejected: dict[str, int]
    first_rejected: tuple[str, ...]


class _Day(NamedTuple):
    """A day as it was answered: its events in order of time, and what they were made of."""

    events: list[AnyEvent]
    source: Source


class _Import:
    """An import as it goes."""

    def __init__(self, access: Access, plan: Plan) -> None:
        self._asking, self._plan, self._feed = Asking(access), plan, access.stocks
        self.refused, self.missing = Refused(), list[str]()
        self._rows, self._digest = 0, hashlib.sha256()

    def day(self, session: Session, *, history: bool) -> _Day:
        """The events of a session. Raises WrongKeys, Unanswered, and BadDays for a day without a bar."""
        self._rows, self._digest = 0, hashlib.sha256()
        told = self._asking.bars(self._plan.tickers, session.open_ns, session.close_ns - MINUTE_NS)
        self._count(told)
        bars = self._bars(session, told, history)
        events: list[AnyEvent] = list(bars)
        if not history:
            without = [ticker for ticker in self._plan.tickers if not any(one.ticker == ticker for one in bars)]
            if len(without) == len(self._plan.tickers):
                raise BadDays(f"{session.day} has no bar of {', '.join(without)}: there is nothing to trade on")
            self.missing += [f"{session.day} has no bar of {ticker}" for ticker in without]
            options = [self._options(session, ticker, bars) for ticker in self._plan.options_of]
            events = list(merge(*options, self._quotes(bars), bars, key=attrgetter("event_ns")))
        return _Day(events, Source(f"alpaca {self._feed} {session.day}", self._rows, self._digest.hexdigest()))

    def _count(self, told: dict[str, list[Told]]) -> None:
        self._rows += sum(map(len, told.values()))
        self._digest.update(json.dumps(told, sort_keys=True).encode())

    def _bars(self, session: Session, told: dict[str, list[Told]], history: bool) -> list[Bar]:
        read = (bar(ticker, one, self.refused, history) for ticker, rows in told.items() for one in rows)
        known = {(one.event_ns, one.ticker): one for one in read if one is not None}
        return [known[key] for key in sorted(known) if session.open_ns < key[0] <= session.close_ns]

    def _quotes(self, bars: list[Bar]) -> Iterator[Quote]:
        for one in bars:
            sides, size = modelled_sides(one.close), max(SMALLEST_SIZE, one.volume // 10)
            if sides is not None:
                yield Quote(UNPLACED, UNPLACED, one.event_ns, one.ticker, *sides, size, size)

    def _options(self, session: Session, ticker: str, bars: list[Bar]) -> list[AnyEvent]:
        """The contracts at the open, and at each minute's end what was traded of them so far."""
        spot = next((one.open for one in bars if one.ticker == ticker), None)
        found = None if spot is None else self._listing(session, ticker, spot)
        if found is None:
            self.missing.append(f"{session.day} has no contract of {ticker}")
            return []
        symbols = found.table.symbols
        told = self._asking.minutes(symbols, session.open_ns, session.close_ns - MINUTE_NS)
        self._count(told)
        try:
            traded = Standing(len(symbols), COUNT, _volumes(found, told), 0.0)
        except (ValueError, KeyError) as fault:
            raise Unanswered(f"bars of {ticker}'s options on {session.day}: {fault}") from fault
        events: list[AnyEvent] = [found.table]
        for at_ns in range(session.open_ns + MINUTE_NS, session.close_ns + 1, MINUTE_NS):
            volume = packed_counts(traded.at(at_ns)["count"])
            events.append(Chain(UNPLACED, UNPLACED, at_ns, ticker, b"", b"", volume=volume))
        return events

    def _listing(self, session: Session, ticker: str, spot: float) -> Listing | None:
        found = self._asking.contracts(within_reach(ticker, session.day, spot), expired=True)
        rows = {str(row.get("symbol")): row for row in found}
        # What is told today of a contract's trading and open interest was not known then.
        then = [{**row, "tradable": True, "open_interest": None} for row in rows.values()]
        made = listing(ticker, nearest_expiries(then), session.day, session.open_ns)
        return made if made.table.symbols else None


def import_days(
    access: Access,
    plan: Plan,
    out: Path,
    *,
    now_ns: int,
    overwrite: bool = False,
    progress: Callable[[int], None] | None = None,
) -> DaysReport:
    """Writes past sessions as one tape, marked MODELLED for its quotes; `progress` is told the events after each day.

    Raises BadDays, WrongKeys, Unanswered, and FileExistsError without `overwrite`; then nothing is written.
    """
    refuse_address(access.address)
    wanted, made = plan.sessions(now_ns), list[_Day]()
    if out.exists() and not overwrite:
        raise FileExistsError(f"{out} exists: choose another name or give --overwrite")
    going = _Import(access, plan)
    for session, history in wanted:
        made.append(going.day(session, history=history))
        if progress is not None:
            progress(sum(len(day.events) for day in made))
    marks = ("MODELLED", *(("IEX",) if access.stocks == "iex" else ()))
    header, places = Header(cadences=CADENCES, marks=marks, sources=tuple(day.source for day in made)), Places()
    with TapeWriter(out, header, overwrite=overwrite) as tape:
        for event in (event for day in made for event in day.events):
            seq, at_ns, _ = places.place(event.event_ns)
            tape.append(replace(event, seq=seq, at_ns=at_ns))
        tape.rejected = going.refused.counts
    return _report(going, made, len(plan.days))


def _volumes(found: Listing, told: dict[str, list[Told]]) -> Iterator[tuple[float, ...]]:
    """Minute's end, row, and contracts traded since the open, of each minute of a contract that had a trade."""
    rows = {symbol: row for row, symbol in enumerate(found.table.symbols)}
    for symbol, bars in told.items():
        total = 0.0
        for began_ns, volume in sorted((instant_ns(one.get("t")), count(one.get("v"))) for one in bars):
            total += volume
            yield began_ns + MINUTE_NS, rows[symbol], total


def _report(going: _Import, made: list[_Day], days: int) -> DaysReport:
    """Of the days that were made the last are traded."""
    events = [event for day in made for event in day.events]
    bars = [event for event in events if isinstance(event, Bar)]
    kinds = Counter(type(event) for event in events)
    return DaysReport(
        events=len(events),
        sessions=days,
        history_sessions=sum(bool(day.events) for day in made[:-days]),
        bars=dict(sorted(Counter(one.ticker for one in bars).items())),
        history_bars=sum(one.history for one in bars),
        quotes=kinds[Quote],
        chains=kinds[Chain],
        missing=tuple(going.missing),
        rejected=dict(sorted(going.refused.counts.items())),
        first_rejected=tuple(going.refused.first),
    )
