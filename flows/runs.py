"""The composition root: chooses tapes, settings and database, and runs the line.

`replay` is what `python -m bytewax.run "flows.runs:replay('F')"` and the command line both call.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import chain, combinations
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
from bytewax.dataflow import Dataflow

from flows.engine import recording
from flows.engine.echoes import Echoes
from flows.records import queries
from flows.records.database import database_url, ensure, open_database
from flows.records.sink import LedgerSink
from flows.running import Input, Run
from flows.scalp import scalp
from flows.settings import BadSettings, Settings, load, settings_of
from flows.tape.pace import Pace
from flows.tape.reader import TapeInfo
from flows.tape.segments import AnyTape, open_tape
from flows.tape.signals_file import OutsideRow, merge, read_signals
from flows.tape.source import TapeSource
from operators import catalog, closures, fomc, members, prices
from operators.config import RULES_VERSION
from operators.events import AnyEvent, Mode, RunStarted
from operators.records import run_record
from operators.sessions import utc

BATCH = 1_000
DEFAULTS = load()
TABLES = {
    "catalog": catalog.VERSION,
    "closures": closures.VERSION,
    "fomc": fomc.VERSION,
    "members": members.VERSION,
}


class BadTapes(ValueError):
    """Tapes that cannot be replayed together; the message says which and why."""


class Opened(NamedTuple):
    """A tape of a run with what it holds and the digest of its bytes."""

    tape: AnyTape
    info: TapeInfo
    sha256: str

    @property
    def history(self) -> bool:
        """Whether it holds nothing but history."""
        return self.info.history_events == self.info.events

    @property
    def first_ns(self) -> int:
        """When its first event was known, 0 if it has none."""
        return self.info.first_at_ns or 0

    @property
    def last_ns(self) -> int:
        """When its last event was known, 0 if it has none."""
        return self.info.last_at_ns or 0

    def beside(self, other: "Opened") -> bool:
        """Whether the two may overlap: one is history, and no bar of the one can stand for a bar of the other."""
        return (self.history or other.history) and not self.info.tickers.keys() & other.info.tickers.keys()


class Options(NamedTuple):
    """How tapes are replayed.

    `fills` are `recorded` ones, of the engine whose tape it is, with all that a broker said; or those of the `paper`
    exchange inside the desk, for a market that is played anew. None takes what is recorded, where it can be. `speed`
    is a multiple of the tapes' own time, None as fast as can be; it changes no record.
    """

    mode: Mode = "both"
    settings: Settings = DEFAULTS
    signals: Path | None = None
    database: str | None = None
    batch: int = BATCH
    speed: float | None = None
    fills: Literal["recorded", "paper"] | None = None


def read(paths: Sequence[Path], options: Options) -> Input:
    """Consecutive tapes, with tapes of history beside them; the order in which they are named is nothing.

    The tape of an engine is replayed as it was recorded, into the same book; with signals, a mode or settings of one's
    own its market is played anew, as that of any tape.
    Raises NoBeginning, BadTapes, BadSettings, BadSignals, the errors of a tape that cannot be read.
    """
    _check(options)
    tapes = _opened(paths)
    if options.fills != "paper":
        as_recorded = (options.mode, options.settings, options.signals) == ("both", DEFAULTS, None)
        if as_recorded and len(tapes) == 1 and recording.of_an_engine(tapes[0].tape):
            return _recorded(tapes[0])
        if options.fills == "recorded":
            raise BadTapes(
                "--fills recorded: name the one tape of an engine, and no mode, settings or signals of your own"
            )
    rows = [] if options.signals is None else read_signals(options.signals)
    total = sum(one.info.events for one in tapes) + len(rows)
    started, events = _started(tapes, rows, options), _events(tapes, rows)
    return Input(started, events, total, [one.tape for one in tapes], options.settings)


def _recorded(opened: Opened) -> Input:
    """The tape of an engine from its beginning, or from where what is left of it can be gone on from."""
    tape, (run, restored, _) = opened.tape, recording.beginning(opened.tape)
    echoes = Echoes(recording.never_put, restored.from_seq)
    events, total = recording.inputs(tape, echoes, max(run.seq, restored.from_seq)), opened.info.events
    return Input(run, events, total, [tape], settings_of(run), echoes, restored)


def prepare(paths: Sequence[Path], options: Options) -> tuple[Run, Dataflow]:
    """A run over these tapes and its dataflow; the database is brought to head if it is empty.

    Raises what `read` raises, and UnusableDatabase.
    """
    given = read(paths, options)
    run = _run(given, options)
    run.total = given.total
    pace = None if options.speed is None else Pace(options.speed)
    # States that are restored have taken their RunStarted already: its row alone is written once more.
    begun = given.restored.states is not None
    tape = TapeSource(None if begun else given.started, given.events, options.batch, run.reading, pace)
    run.scribe.take([run_record(given.started)] if begun else [])
    sink = LedgerSink(run.scribe, given.echoes)
    return run, scalp(tape, sink, run.market, run.desks)


def _check(options: Options) -> None:
    """Raises BadSettings for what the options of a run cannot be together."""
    if options.batch < 1:
        raise BadSettings(f"a batch of {options.batch} events: it must be at least 1")
    if options.mode != "leveraged_etf" and options.settings.scalp.entry_order_type == "market":
        raise BadSettings("entry_order_type = market: options take limit orders only; use mode leveraged_etf")


def _run(given: Input, options: Options) -> Run:
    """The run on its database, which is brought to head if it is empty and closed again if it cannot be used."""
    engine = open_database(database_url(options.database), create=True)
    try:
        ensure(engine)
        return Run(engine, given, options.batch, options.speed)
    except BaseException:
        engine.dispose()
        raise


def replay(tape: str, *more: str, mode: Mode = "both", database: str | None = None, batch: int = BATCH) -> Dataflow:
    """The dataflow of a replay with default settings, for `python -m bytewax.run "flows.runs:replay('F')"`."""
    paths = [Path(path) for path in (tape, *more)]
    return prepare(paths, Options(mode=mode, database=database, batch=batch))[1]


def summary(run: Run) -> dict[str, Any]:
    """What `--json` prints of a run that ended: read back from the database, but for events, seconds and equity."""
    book = run.started.book_id
    return {
        "book_id": book,
        "events": run.reading.events,
        "history_events": run.reading.history_events,
        "seconds": round(run.seconds, 3),
        "signals": queries.count_signals(run.engine, book),
        "refusals": queries.refusals(run.engine, book),
        "unfilled": queries.count_unfilled(run.engine, book),
        "trades": list(queries.trades(run.engine, book)),
        "open_positions": queries.open_positions(run.engine, book),
        "equity": format(run.equity, "f"),
        "records_sha256": queries.records_sha256(run.engine, book),
    }


def _opened(paths: Sequence[Path]) -> list[Opened]:
    """The tapes by first event, of equal ones by digest; raises BadTapes for tapes that are no run together."""
    if not paths:
        raise BadTapes("no tape was named")
    opened = [Opened(tape, tape.info(), tape.sha256()) for tape in map(open_tape, paths)]
    for one in opened:
        if one.info.first_at_ns is None:
            raise BadTapes(f"{one.tape.path} holds no event")
    opened.sort(key=lambda one: (one.first_ns, one.sha256))
    _check_overlaps(opened)
    if not any(one.info.tickers or not one.history for one in opened):
        names = ", ".join(str(one.tape.path) for one in opened)
        raise BadTapes(f"{names}: nothing but IV and dividends of the past; name a tape of the market as well")
    return opened


def _check_overlaps(tapes: list[Opened]) -> None:
    """Raises BadTapes where two tapes overlap that must not, and for history that would count twice."""
    for before, after in combinations(tapes, 2):
        if not before.beside(after) and after.first_ns <= before.last_ns:
            until, since = utc(before.last_ns), utc(after.first_ns)
            names = before.tape.path, after.tape.path
            raise BadTapes(f"{names[0]} ends at {until}, {names[1]} begins at {since}: tapes must not overlap")
        if before.sha256 == after.sha256:
            raise BadTapes(f"{before.tape.path} and {after.tape.path} are the same history: name it once")


def _events(tapes: list[Opened], rows: list[OutsideRow]) -> Iterator[AnyEvent]:
    """The events of all tapes and the signals, numbered from 1; one tape alone is numbered so already."""
    if len(tapes) == 1 and not rows:
        return recording.market(tapes[0].tape)
    market = chain.from_iterable(recording.market(one.tape) for one in tapes if not one.history)
    return merge(market, rows, [recording.market(one.tape) for one in tapes if one.history])


def _started(tapes: list[Opened], rows: list[OutsideRow], options: Options) -> RunStarted:
    """The run's first event, one nanosecond before the tapes' first; it names everything that decisions rest on.

    Tapes are named by the digests of their bytes: a file may be called what it likes.
    """
    settings, mode = options.settings, options.mode
    names, infos = tuple(one.sha256 for one in tapes), [one.info for one in tapes]
    effective = json.dumps([json.loads(model.model_dump_json()) for model in settings], sort_keys=True)
    identity = [names, msgspec.to_builtins(rows), effective, mode, TABLES, RULES_VERSION]
    book = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:20]
    first_ns = tapes[0].first_ns - 1
    streams = sorted({stream for info in infos for stream in info.cadences})
    return RunStarted(
        seq=0,
        at_ns=first_ns,
        event_ns=first_ns,
        book_id=f"replay:{book}",
        loop="paper",
        mode=mode,
        equity_micros=prices.micros_of(settings.engine.start_equity_usd),
        settings=effective,
        tapes=names,
        tables=TABLES,
        rules_version=RULES_VERSION,
        marks=tuple(sorted({mark for info in infos for mark in info.marks})),
        cadences={stream: max(info.cadences.get(stream, 0.0) for info in infos) for stream in streams},
    )
