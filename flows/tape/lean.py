"""Imports recorded option chains: the minutes of one underlying and its options in, one tape out."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from heapq import merge
from itertools import pairwise
from math import inf
from operator import attrgetter
from pathlib import Path

import msgspec
from msgspec.structs import replace

from flows.tape.faults import Refused
from flows.tape.frames import Header
from flows.tape.lean_chain import UNPLACED, OptionDay
from flows.tape.lean_files import BadLean, DayFiles, Layout, files_of, layout_of, midnight_ns
from flows.tape.lean_rows import MILLISECOND_NS, quotes, trades
from flows.tape.lean_zips import only_entry, survey
from flows.tape.places import Places
from flows.tape.writer import TapeWriter
from operators.events import MINUTE_NS, AnyEvent, Bar, Chain, Quote


class LeanReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an import wrote: how many events of each kind, and how many different contracts they name.

    `missing` names the files that a date lacks; `outside` counts good rows by kind that lie outside the session and
    were left out; `rejected` counts refused rows by reason and `first_rejected` names some.
    """

    ticker: str
    events: int
    sessions: int
    contracts: int
    chains: int
    bars: int
    quotes: int
    missing: tuple[str, ...]
    outside: dict[str, int]
    rejected: dict[str, int]
    first_rejected: tuple[str, ...]


class _Import:
    """One import as it goes: what was refused, left out and written so far."""

    def __init__(self, layout: Layout) -> None:
        self.layout, self.refused, self.outside = layout, Refused(), Counter[str]()
        self.symbols, self.kinds = set[str](), Counter[type]()

    def events(self, files: DayFiles) -> Iterator[AnyEvent]:
        """The events of a session in order of time, without their places; of one time in the order of the streams."""
        options = OptionDay(files, self.layout, self.refused, self.outside)
        table = options.table()
        self.symbols.update(table.symbols)
        streams: tuple[Iterable[AnyEvent], ...] = ([table], self._quotes(files), options.chains(), self._bars(files))
        for event in merge(*streams, key=attrgetter("event_ns")):
            self.kinds[type(event)] += 1
            yield event

    def _quotes(self, files: DayFiles) -> Iterator[Quote]:
        if files.quotes is None:
            return
        layout, session = self.layout, files.session
        entry, midnight = only_entry(files.quotes, layout.ticker), midnight_ns(session.day, layout.zone)
        for at_ms, sides in quotes(entry, layout.per_dollar, inf, self.refused):
            start_ns = midnight + at_ms * MILLISECOND_NS
            if session.open_ns <= start_ns < session.close_ns:
                yield Quote(UNPLACED, UNPLACED, start_ns + MINUTE_NS, layout.ticker, *sides)
            else:
                self.outside["underlying quotes"] += 1

    def _bars(self, files: DayFiles) -> Iterator[Bar]:
        layout, any_bar = self.layout, False
        entry, midnight = only_entry(files.bars, layout.ticker), midnight_ns(files.session.day, layout.zone)
        for at_ms, bar in trades(entry, layout.per_dollar, inf, self.refused):
            any_bar = True
            yield Bar(UNPLACED, UNPLACED, midnight + at_ms * MILLISECOND_NS + MINUTE_NS, layout.ticker, *bar)
        if not any_bar:
            raise BadLean(f"{files.bars.name} of {layout.ticker} holds no bar: there is nothing to trade on")


def import_lean(
    root: Path,
    ticker: str,
    days: Sequence[date],
    out: Path,
    *,
    overwrite: bool = False,
    progress: Callable[[int], None] | None = None,
) -> LeanReport:
    """Writes the recorded chains of a ticker on these days as one tape; `progress` is told the events after each day.

    Raises BadLean for what cannot be imported, and FileExistsError without `overwrite`; then nothing is written.
    """
    going = _Import(layout_of(ticker))
    found = _found(root, going.layout, days)
    paths = [path for files in found for path in files.all]
    if out.resolve() in {path.resolve() for path in paths}:
        raise BadLean(f"{out} is one of the files to import: choose another name for the tape")
    cadences = {"bar": 60.0, "chain": 60.0} | ({"quote": 60.0} if any(files.quotes for files in found) else {})
    header, places = Header(cadences=cadences, sources=tuple(map(survey, paths))), Places()
    with TapeWriter(out, header, overwrite=overwrite) as tape:
        for files in found:
            for event in going.events(files):
                seq, at_ns, _ = places.place(event.event_ns)
                tape.append(replace(event, seq=seq, at_ns=at_ns))
            if progress is not None:
                progress(tape.tally.events)
        tape.rejected = going.refused.counts
    return _report(going, found, tape.tally.events)


def _found(root: Path, layout: Layout, days: Sequence[date]) -> list[DayFiles]:
    """The files of each day, in order; raises BadLean."""
    if not days:
        raise BadLean("no date was given: name at least one session")
    ordered = sorted(days)
    for day, after in pairwise(ordered):
        if day == after:
            raise BadLean(f"{day} was given twice: give each date once")
    return [files_of(root, layout, day) for day in ordered]


def _report(going: _Import, found: list[DayFiles], events: int) -> LeanReport:
    return LeanReport(
        ticker=going.layout.ticker,
        events=events,
        sessions=len(found),
        contracts=len(going.symbols),
        chains=going.kinds[Chain],
        bars=going.kinds[Bar],
        quotes=going.kinds[Quote],
        missing=tuple(sentence for files in found for sentence in files.missing),
        outside=dict(sorted((+going.outside).items())),
        rejected=dict(sorted(going.refused.counts.items())),
        first_rejected=tuple(going.refused.first),
    )
