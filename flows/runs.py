"""The composition root: chooses tapes, settings and database, and runs the line.

`replay` is what `python -m bytewax.run "flows.runs:replay('F')"` and the command line both call.
"""

import hashlib
import json
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from importlib.metadata import version
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, Literal

import msgspec
from bytewax.dataflow import Dataflow
from bytewax.errors import BytewaxRuntimeError
from bytewax.run import cli_main
from sqlalchemy import Engine

from flows.records import queries
from flows.records.database import ensure, open_database
from flows.records.ledger import Attempt, Ledger
from flows.records.sink import LedgerSink
from flows.scalp import scalp
from flows.settings import BadSettings, Settings, load
from flows.tape.reader import Tape, TapeInfo
from flows.tape.signals_file import OutsideRow, merge, read_signals
from flows.tape.source import Count, TapeSource
from operators import catalog, closures, fomc, members, prices
from operators.config import RULES_VERSION
from operators.events import AnyEvent, Mode, RunStarted
from operators.market import Market
from operators.sessions import utc
from operators.steps import Desks

DATABASE = "sqlite:///scalp.db"
BATCH = 1_000
TABLES = {
    "catalog": catalog.VERSION,
    "closures": closures.VERSION,
    "fomc": fomc.VERSION,
    "members": members.VERSION,
}


class BadTapes(ValueError):
    """Tapes that cannot be replayed together; the message says which and why."""


class RunFailed(Exception):
    """A run that began and did not end well; the message says why."""


class Run:
    """A prepared replay: its dataflow, its book and what it has read and written so far."""

    def __init__(self, engine: Engine, started: RunStarted, tapes: list[Tape], settings: Settings, batch: int) -> None:
        self.engine, self.started, self.tapes = engine, started, tapes
        self.count, self.total = Count(), 0
        self.market, self.desks = Market(*settings), Desks(*settings)
        self.ledger, self._attempts = Ledger(engine), Attempt(engine)
        self._began = time.perf_counter()
        self._attempt = self._attempts.begin(started.book_id, batch, version("scalp"))

    @property
    def seconds(self) -> float:
        """Wall time since the run was prepared."""
        return time.perf_counter() - self._began

    @property
    def equity(self) -> Decimal:
        """Cash and what is held, at the last bid, in USD."""
        return prices.decimal(self.desks.books[self.started.book_id].book.equity_micros())

    @property
    def torn(self) -> list[Tape]:
        """The tapes that end in an unfinished write, once they were read."""
        return [tape for tape in self.tapes if tape.torn]

    def closed(self) -> None:
        """Notes how the attempt ended, after the last record was written."""
        alarm = self.ledger.alarms[0] if self.ledger.alarms else None
        whole = self.count.ended and alarm is None
        message = alarm if alarm is not None else None if self.count.ended else "the run broke off"
        status: Literal["done", "failed"] = "done" if whole else "failed"
        self._attempts.finish(self._attempt, status, message, self.count.events, self.seconds)

    def execute(self, flow: Dataflow) -> None:
        """Runs the line to the end of the tapes, or until SIGINT or SIGTERM, after which what was read is recorded.

        Raises what broke the line, and RunFailed for facts that differ and for a run that was stopped.
        """
        try:
            with _stopping(self.count):
                cli_main(flow)  # type: ignore[no-untyped-call]  # Bytewax gives its runner no types
        except BytewaxRuntimeError as error:
            raise _cause(error) from error
        if self.ledger.alarm_count:
            first = self.ledger.alarms[0]
            raise RunFailed(f"{self.ledger.alarm_count} recorded facts differ from this run's, the first: {first}")
        if self.count.stopped:
            raise RunFailed(f"stopped after event {self.count.events}; what it decided until then is recorded")


def prepare(
    tapes: Sequence[Path],
    *,
    mode: Mode = "both",
    settings: Settings | None = None,
    signals: Path | None = None,
    database: str | None = None,
    batch: int = BATCH,
    fills: Literal["paper"] = "paper",
) -> tuple[Run, Dataflow]:
    """A run over consecutive tapes and its dataflow; the database is brought to head if it is empty.

    `fills` says where the loop is closed: by the paper exchange inside the desk.

    Raises BadTapes, BadSettings, BadSignals, the errors of a tape that cannot be read, UnusableDatabase.
    """
    if batch < 1:
        raise BadTapes(f"a batch of {batch} events: it must be at least 1")
    settings = load() if settings is None else settings
    if mode != "leveraged_etf" and settings.scalp.entry_order_type == "market":
        raise BadSettings("entry_order_type = market: options take limit orders only; use mode leveraged_etf")
    opened, infos = _consecutive(tapes)
    names = tuple(tape.sha256() for tape in opened)
    rows = [] if signals is None else read_signals(signals)
    started = _started(names, infos, rows, mode, settings, fills)
    engine = open_database(database_url(database), create=True)
    ensure(engine)
    run = Run(engine, started, opened, settings, batch)
    run.total = sum(info.events for info in infos) + len(rows)
    tape, ledger = TapeSource(started, _events(opened, rows), batch, run.count), LedgerSink(run.ledger, run.closed)
    return run, scalp(tape, ledger, run.market, run.desks, settings.scalp)


def database_url(given: str | None) -> str:
    """The database that was named, else that of SCALP_DATABASE, else a file in the working directory."""
    return given or os.environ.get("SCALP_DATABASE") or DATABASE


def replay(tape: str, *more: str, mode: Mode = "both", database: str | None = None, batch: int = BATCH) -> Dataflow:
    """The dataflow of a replay with default settings, for `python -m bytewax.run "flows.runs:replay('F')"`."""
    return prepare([Path(path) for path in (tape, *more)], mode=mode, database=database, batch=batch)[1]


def summary(run: Run) -> dict[str, Any]:
    """What `--json` prints of a run that ended: read back from the database, but for events, seconds and equity."""
    book = run.started.book_id
    return {
        "book_id": book,
        "events": run.count.events,
        "history_events": run.count.history_events,
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


def _started(
    names: tuple[str, ...], infos: list[TapeInfo], rows: list[OutsideRow], mode: Mode, settings: Settings, loop: str
) -> RunStarted:
    """The run's first event, one nanosecond before the tapes' first; it names everything that decisions rest on.

    `names` are the digests of the tapes' bytes: a file may be called what it likes.
    """
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
        loop=loop,
        mode=mode,
        equity_micros=prices.micros_of(settings.engine.start_equity_usd),
        settings=effective,
        tapes=names,
        tables=TABLES,
        rules_version=RULES_VERSION,
        marks=tuple(sorted({mark for info in infos for mark in info.marks})),
        cadences={stream: max(info.cadences.get(stream, 0.0) for info in infos) for stream in streams},
    )


@contextmanager
def _stopping(count: Count) -> Iterator[None]:
    """Lets SIGINT and SIGTERM end the source: by itself one would break the line off, the other the process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> None:
        count.stopped = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _cause(error: BaseException) -> BaseException:
    """The error that an operator, the source or the sink raised, out of Bytewax's wrapping."""
    while isinstance(error, BytewaxRuntimeError) and error.__cause__ is not None:
        error = error.__cause__
    return error
