"""The composition root: chooses tapes, settings and database, and runs the line.

`replay` is what `python -m bytewax.run "flows.runs:replay('F')"` and the command line both call.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
from bytewax.dataflow import Dataflow

from flows.records import queries
from flows.records.database import ensure, open_database
from flows.records.sink import LedgerSink
from flows.running import Run
from flows.scalp import scalp
from flows.settings import BadSettings, Settings, load
from flows.tape.reader import Tape, TapeInfo
from flows.tape.signals_file import OutsideRow, merge, read_signals
from flows.tape.source import TapeSource
from operators import catalog, closures, fomc, members, prices
from operators.config import RULES_VERSION
from operators.events import AnyEvent, Mode, RunStarted
from operators.sessions import utc

DATABASE = "sqlite:///scalp.db"
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


class Options(NamedTuple):
    """How tapes are replayed; `fills` says where the loop is closed: by the paper exchange inside the desk."""

    mode: Mode = "both"
    settings: Settings = DEFAULTS
    signals: Path | None = None
    database: str | None = None
    batch: int = BATCH
    fills: Literal["paper"] = "paper"


def prepare(paths: Sequence[Path], options: Options) -> tuple[Run, Dataflow]:
    """A run over consecutive tapes and its dataflow; the database is brought to head if it is empty.

    Raises BadTapes, BadSettings, BadSignals, the errors of a tape that cannot be read, UnusableDatabase.
    """
    _check(options)
    tapes, infos = _consecutive(paths)
    rows = [] if options.signals is None else read_signals(options.signals)
    started = _started(tuple(tape.sha256() for tape in tapes), infos, rows, options)
    run = _run(started, tapes, options)
    run.total = sum(info.events for info in infos) + len(rows)
    tape = TapeSource(started, _events(tapes, rows), options.batch, run.reading)
    return run, scalp(tape, LedgerSink(run), run.market, run.desks, options.settings.scalp)


def _check(options: Options) -> None:
    """Raises BadSettings for what the options of a run cannot be together."""
    if options.batch < 1:
        raise BadSettings(f"a batch of {options.batch} events: it must be at least 1")
    if options.mode != "leveraged_etf" and options.settings.scalp.entry_order_type == "market":
        raise BadSettings("entry_order_type = market: options take limit orders only; use mode leveraged_etf")


def _run(started: RunStarted, tapes: list[Tape], options: Options) -> Run:
    """The run on its database, which is brought to head if it is empty and closed again if it cannot be used."""
    engine = open_database(database_url(options.database), create=True)
    try:
        ensure(engine)
        return Run(engine, started, tapes, options.settings, options.batch)
    except BaseException:
        engine.dispose()
        raise


def database_url(given: str | None) -> str:
    """The database that was named, else that of SCALP_DATABASE, else a file in the working directory."""
    return given or os.environ.get("SCALP_DATABASE") or DATABASE


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
        "trades": list(queries.trades(run.engine, book)),
        "open_positions": queries.open_positions(run.engine, book),
        "equity": format(run.equity, "f"),
        "records_sha256": queries.records_sha256(run.engine, book),
    }


def _consecutive(paths: Sequence[Path]) -> tuple[list[Tape], list[TapeInfo]]:
    """The tapes in order of time; raises BadTapes where two overlap or one is empty."""
    if not paths:
        raise BadTapes("no tape was named")
    opened = [(tape, tape.info()) for tape in map(Tape, paths)]
    for tape, info in opened:
        if info.first_at_ns is None:
            raise BadTapes(f"{tape.path} holds no event")
    opened.sort(key=lambda pair: pair[1].first_at_ns or 0)
    for (before, ended), (after, begun) in pairwise(opened):
        if (begun.first_at_ns or 0) <= (ended.last_at_ns or 0):
            until, since = utc(ended.last_at_ns or 0), utc(begun.first_at_ns or 0)
            raise BadTapes(f"{before.path} ends at {until}, {after.path} begins at {since}: tapes must not overlap")
    return [tape for tape, _ in opened], [info for _, info in opened]


def _events(tapes: list[Tape], rows: list[OutsideRow]) -> Iterator[AnyEvent]:
    """The events of all tapes and the signals, numbered from 1; one tape alone is numbered so already."""
    events = chain.from_iterable(tape.events() for tape in tapes)
    return events if len(tapes) == 1 and not rows else merge(events, rows)


def _started(names: tuple[str, ...], infos: list[TapeInfo], rows: list[OutsideRow], options: Options) -> RunStarted:
    """The run's first event, one nanosecond before the tapes' first; it names everything that decisions rest on.

    `names` are the digests of the tapes' bytes: a file may be called what it likes.
    """
    settings, mode = options.settings, options.mode
    effective = json.dumps([json.loads(model.model_dump_json()) for model in settings], sort_keys=True)
    identity = [names, msgspec.to_builtins(rows), effective, mode, TABLES, RULES_VERSION]
    book = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:20]
    first_ns = (infos[0].first_at_ns or 1) - 1
    streams = sorted({stream for info in infos for stream in info.cadences})
    return RunStarted(
        seq=0,
        at_ns=first_ns,
        event_ns=first_ns,
        book_id=f"replay:{book}",
        loop=options.fills,
        mode=mode,
        equity_micros=prices.micros_of(settings.engine.start_equity_usd),
        settings=effective,
        tapes=names,
        tables=TABLES,
        rules_version=RULES_VERSION,
        marks=tuple(sorted({mark for info in infos for mark in info.marks})),
        cadences={stream: max(info.cadences.get(stream, 0.0) for info in infos) for stream in streams},
    )
