"""The command `scalp`. Exit codes: 0 done, 2 bad usage or input (one line on stderr), 3 the run failed.

Imports that only one command needs stand in it: `scalp --help` should not wait for a database library.
"""

import json
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from flows.runs import Run
    from flows.tape.reader import Tape, TapeInfo

app = typer.Typer(name="scalp", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
imports = typer.Typer(no_args_is_help=True, help="Make a tape from recorded data.")
tapes = typer.Typer(no_args_is_help=True, help="Look into a tape.")
databases = typer.Typer(no_args_is_help=True, help="Look after the database.")
app.add_typer(imports, name="import")
app.add_typer(tapes, name="tape")
app.add_typer(databases, name="db")

BAD_INPUT, RUN_FAILED = 2, 3


class ModeName(StrEnum):
    """Which instruments a run may trade."""

    OPTIONS = "options"
    LEVERAGED_ETF = "leveraged_etf"
    BOTH = "both"


class StampName(StrEnum):
    """What a bar's time stamp names."""

    START = "start"
    CLOSE = "close"


class WhatName(StrEnum):
    """What can be exported."""

    SIGNALS = "signals"
    VERDICTS = "verdicts"
    SCALPS = "scalps"
    ORDERS = "orders"
    FILLS = "fills"


DatabaseOption = Annotated[
    str | None, typer.Option(help="database URL; default SCALP_DATABASE, else sqlite:///scalp.db", show_default=False)
]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="setting as name=value, value as JSON")]
RulesOption = Annotated[Path | None, typer.Option(help="TOML file of settings")]


def _fail(message: object, code: int) -> NoReturn:
    print(f"scalp: {' '.join(str(message).split())}", file=sys.stderr)
    raise typer.Exit(code)


def _warn(message: str) -> None:
    print(f"scalp: warning: {message}", file=sys.stderr)


@contextmanager
def _faults_of_input() -> Iterator[None]:
    """Turns what a person can mend into one line and exit code 2; faults of the program pass."""
    from flows.records.faults import UnusableDatabase
    from flows.runs import BadTapes
    from flows.settings import BadSettings
    from flows.tape.columns import BadBars
    from flows.tape.frames import Corrupt, NotATape, WrongVersion
    from flows.tape.signals_file import BadSignals

    try:
        yield
    except (BadBars, BadSettings, BadSignals, BadTapes, Corrupt, NotATape, WrongVersion, UnusableDatabase) as fault:
        _fail(fault, BAD_INPUT)
    except (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError) as fault:
        _fail(fault, BAD_INPUT)


@contextmanager
def _progress(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, silence elsewhere."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)


@app.command()
def replay(
    tape: Annotated[list[Path], typer.Argument(help="tapes, consecutive in time")],
    mode: Annotated[ModeName, typer.Option(help="instruments")] = ModeName.BOTH,
    values: SetOption = None,
    rules_file: Annotated[Path | None, typer.Option("--rules", help="TOML file of settings")] = None,
    signals: Annotated[Path | None, typer.Option(help="CSV: ticker, bar_close_utc, direction, conviction")] = None,
    database: DatabaseOption = None,
    batch: Annotated[int, typer.Option(min=1, help="events a batch; changes speed only")] = 1000,
    fills: Annotated[str, typer.Option(help="where fills come from: paper")] = "paper",
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Replay tapes through the whole engine against the paper exchange and record everything."""
    from flows import runs
    from flows.settings import load

    if fills != "paper":
        _fail(f"--fills {fills}: only paper is known", BAD_INPUT)
    with _faults_of_input():
        settings = load(rules_file, values or [])
        with _progress("replay", None) as progress:
            run, flow = runs.prepare(
                tape, mode=mode.value, settings=settings, signals=signals, database=database, batch=batch,
                progress=progress,
            )  # fmt: skip
            _execute(run, lambda: run.execute(flow))
        try:
            for torn in run.torn:
                _warn(f"{torn.path} ends in an unfinished write; its whole events were replayed")
            _tell(runs.summary(run), as_json)
        finally:
            run.engine.dispose()


def _execute(run: "Run", execute: Callable[[], None]) -> None:
    """Runs the line; what breaks it on the way is a failed run, but a corrupt tape is bad input."""
    from flows.records.faults import UnusableDatabase
    from flows.runs import RunFailed
    from flows.tape.frames import Corrupt

    try:
        execute()
    except Corrupt:
        raise
    except (RunFailed, UnusableDatabase) as fault:
        _fail(fault, RUN_FAILED)
    except Exception as fault:
        traceback.print_exc()
        _fail(f"the run failed after event {run.count.events}: {fault}", RUN_FAILED)


def _tell(summary: dict[str, object], as_json: bool) -> None:
    """The summary as one JSON object, or in words."""
    if as_json:
        print(json.dumps(summary))
        return
    from flows.report import lines

    for line in lines(summary):
        print(line)


@app.command()
def rules(values: SetOption = None, rules_file: Annotated[Path | None, typer.Option("--rules")] = None) -> None:
    """Show the effective settings with unit, range and meaning."""
    from flows.settings import load, rules

    with _faults_of_input():
        for rule in rules(load(rules_file, values or [])):
            expected = ", ".join(part for part in (rule.unit, rule.range) if part)
            print(f"{rule.name} = {rule.value}  ({expected})  {rule.meaning}")


@app.command()
def export(
    what: Annotated[WhatName, typer.Argument(help="which records")],
    out: Annotated[Path, typer.Option(help="a .csv or .parquet file")],
    database: DatabaseOption = None,
    book: Annotated[str | None, typer.Option(help="book id; default that of the newest run")] = None,
) -> None:
    """Write recorded rows of one book to CSV or Parquet."""
    from flows.records import export as exports
    from flows.records import queries
    from flows.runs import BadTapes

    with _faults_of_input(), _database(database) as engine:
        chosen = book or queries.latest_book(engine)
        if chosen is None:
            raise BadTapes("the database has no run yet: replay a tape first")
        try:
            rows = exports.export(engine, what.value, chosen, out)
        except ValueError as fault:
            raise BadTapes(str(fault)) from fault
    print(f"{rows} {what.value} of {chosen} written to {out}")


@contextmanager
def _database(url: str | None) -> Iterator["Engine"]:
    """The database at this program's revision; it has to exist."""
    from flows.records.database import ensure, open_database
    from flows.runs import database_url

    engine = open_database(database_url(url), create=False)
    try:
        ensure(engine)
        yield engine
    finally:
        engine.dispose()


@imports.command("bars")
def import_bars(
    file: Annotated[list[Path], typer.Argument(help="1-minute bars: CSV, CSV.gz or Parquet")],
    out: Annotated[Path, typer.Option(help="the tape to write")],
    ticker: Annotated[str | None, typer.Option(help="ticker of a single file; default from its name")] = None,
    stamp: Annotated[StampName, typer.Option(help="whether a stamp is a bar's start or close")] = StampName.START,
    zone: Annotated[str | None, typer.Option(help="time zone of stamps without one")] = None,
    history: Annotated[int, typer.Option(min=0, help="first sessions that only warm up")] = 4,
    overwrite: Annotated[bool, typer.Option(help="replace an existing tape")] = False,
) -> None:
    """Import 1-minute bars of one or more tickers, with quotes modelled from them."""
    from flows.tape.bars import import_bars

    with _faults_of_input(), _progress("import", None) as progress:
        report = import_bars(
            file, out, ticker=ticker, stamp=stamp.value, zone=zone, history=history, overwrite=overwrite,
            progress=progress,
        )  # fmt: skip
    for line in report.first_rejected:
        _warn(line)
    if report.rejected:
        _warn(f"rows refused: {', '.join(f'{count} {why}' for why, count in report.rejected.items())}")
    bars = ", ".join(f"{name} {count}" for name, count in report.tickers.items())
    print(
        f"{out}: {report.events} events over {report.sessions} sessions; bars {bars}; {report.quotes} MODELLED quotes"
    )
    if report.sessions <= history:
        _warn(f"all {report.sessions} sessions are history (--history {history}): nothing on this tape can trade")


@tapes.command()
def info(tape: Path) -> None:
    """Say what a tape holds."""
    from flows.tape.reader import Tape

    with _faults_of_input():
        opened = Tape(tape)
        _describe(opened, opened.info())


@tapes.command()
def verify(tape: Path) -> None:
    """Read every byte of a tape: exit 2 on corruption, a warning on a torn tail."""
    from flows.tape.reader import Tape

    with _faults_of_input():
        opened = Tape(tape)
        _describe(opened, opened.verify())
    print("every frame is whole")


def _describe(tape: "Tape", info: "TapeInfo") -> None:
    from flows.report import tape_lines

    for line in tape_lines(tape.path, info):
        print(line)
    if info.torn_offset is not None:
        _warn(f"{tape.path}: unfinished write at byte {info.torn_offset}; the {info.events} events before it are whole")


@databases.command()
def upgrade(database: DatabaseOption = None) -> None:
    """Bring a database to this program's revision."""
    from flows.records.database import migrate, open_database, revision
    from flows.runs import database_url

    with _faults_of_input():
        engine = open_database(database_url(database), create=True)
        try:
            before = revision(engine)
            migrate(engine)
            print(f"database at revision {revision(engine)} (was {before or 'empty'})")
        finally:
            engine.dispose()


def main() -> None:
    """Entry point of the console script."""
    app()
