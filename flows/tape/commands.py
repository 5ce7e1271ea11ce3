"""`scalp import` and `scalp tape`."""

import time
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.faults import faults_of_input, progress, warn

if TYPE_CHECKING:
    from flows.feeds.alpaca.days import DaysReport
    from flows.tape.history_files import HistoryReport
    from flows.tape.reader import TapeInfo
    from flows.tape.segments import AnyTape

imports = typer.Typer(no_args_is_help=True, help="Make a tape from recorded data.")
tapes = typer.Typer(no_args_is_help=True, help="Look into a tape.")


class StampName(StrEnum):
    """What a bar's time stamp names."""

    START = "start"
    CLOSE = "close"


class ShareFeed(StrEnum):
    """Whose trades make a share's bars."""

    SIP = "sip"
    IEX = "iex"


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

    with faults_of_input(), progress("import") as tell:
        report = import_bars(
            file, out, ticker=ticker, stamp=stamp.value, zone=zone, history=history, overwrite=overwrite,
            progress=tell,
        )  # fmt: skip
    for line in report.first_rejected:
        warn(line)
    if report.rejected:
        warn(f"rows refused: {_counts(report.rejected)}")
    bars = ", ".join(f"{name} {count}" for name, count in report.tickers.items())
    print(
        f"{out}: {report.events} events over {report.sessions} sessions; bars {bars}; {report.quotes} MODELLED quotes"
    )
    if report.sessions <= history:
        warn(f"all {report.sessions} sessions are history (--history {history}): nothing on this tape can trade")


@imports.command("iv")
def import_iv(
    file: Annotated[Path, typer.Argument(help="CSV: date, ticker, iv (a fraction per year)")],
    out: Annotated[Path, typer.Option(help="the tape to write")],
    overwrite: Annotated[bool, typer.Option(help="replace an existing tape")] = False,
) -> None:
    """Import the at-the-money implied volatility of past sessions, to be replayed beside a market tape."""
    from flows.tape.history_files import import_iv

    with faults_of_input():
        _tell_history(out, import_iv(file, out, overwrite=overwrite), "at-the-money IV")


@imports.command("dividends")
def import_dividends(
    file: Annotated[Path, typer.Argument(help="CSV: ticker, ex_date, amount (dollars a share), declared")],
    out: Annotated[Path, typer.Option(help="the tape to write")],
    overwrite: Annotated[bool, typer.Option(help="replace an existing tape")] = False,
) -> None:
    """Import declared dividends, to be replayed beside a market tape."""
    from flows.tape.history_files import import_dividends

    with faults_of_input():
        _tell_history(out, import_dividends(file, out, overwrite=overwrite), "dividends")


def _tell_history(out: Path, report: "HistoryReport", what: str) -> None:
    counts = ", ".join(f"{name} {count}" for name, count in report.tickers.items())
    print(f"{out}: {report.events} events of {report.first} to {report.last}; {what} {counts}")


@imports.command("lean")
def import_lean(
    root: Annotated[Path, typer.Argument(help="folder with LEAN's option and equity (or indexoption and index)")],
    ticker: Annotated[str, typer.Option(help="the underlying; SPX or SPXW for the index and its weeklies")],
    day: Annotated[list[datetime], typer.Option("--date", formats=["%Y-%m-%d"], help="a session; may be repeated")],
    out: Annotated[Path, typer.Option(help="the tape to write")],
    overwrite: Annotated[bool, typer.Option(help="replace an existing tape")] = False,
) -> None:
    """Import recorded option chains and their underlying from minutes in LEAN's folders."""
    from flows.tape.lean import import_lean

    with faults_of_input(), progress("import") as tell:
        days = [moment.date() for moment in day]
        report = import_lean(root, ticker, days, out, overwrite=overwrite, progress=tell)
    for line in (*report.missing, *report.first_rejected):
        warn(line)
    if report.rejected:
        warn(f"rows refused: {_counts(report.rejected)}")
    if report.outside:
        warn(f"rows outside the session left out: {_counts(report.outside)}")
    print(
        f"{out}: {report.events} events over {report.sessions} sessions; {report.contracts} contracts, "
        f"{report.chains} chains, {report.bars} bars and {report.quotes} quotes of {report.ticker}"
    )


@imports.command("alpaca")
def import_alpaca(
    ticker: Annotated[list[str], typer.Option(help="a share or fund; may be repeated")],
    day: Annotated[list[datetime], typer.Option("--date", formats=["%Y-%m-%d"], help="a session; may be repeated")],
    out: Annotated[Path, typer.Option(help="the tape to write")],
    options_of: Annotated[list[str] | None, typer.Option(help="a ticker whose options' volumes to bring")] = None,
    history: Annotated[int, typer.Option(min=0, help="sessions before the first that only warm up")] = 5,
    shares: Annotated[ShareFeed, typer.Option(help="bars of all exchanges, or of one")] = ShareFeed.SIP,
    live: Annotated[bool, typer.Option("--live/--paper", help="whose account the keys are of")] = False,
    address: Annotated[str | None, typer.Option(help="another Alpaca, such as scalp fake-alpaca tells")] = None,
    overwrite: Annotated[bool, typer.Option(help="replace an existing tape")] = False,
) -> None:
    """Import past sessions from Alpaca, with quotes modelled from bars; keys are those of the environment."""
    from flows.brokers.alpaca.keys import keys
    from flows.feeds.alpaca.plan import Plan

    with faults_of_input(), progress("import") as tell:
        days = [moment.date() for moment in day]
        plan = Plan.checked(ticker, options_of or [], days, history)
        from flows.feeds.alpaca.asking import Access
        from flows.feeds.alpaca.days import import_days

        access = Access(keys(), stocks=shares.value, paper=not live, address=address)
        report = import_days(access, plan, out, now_ns=time.time_ns(), overwrite=overwrite, progress=tell)
    _tell_days(out, report, history)


def _tell_days(out: Path, report: "DaysReport", history: int) -> None:
    for line in (*report.missing, *report.first_rejected):
        warn(line)
    if report.rejected:
        warn(f"rows refused: {_counts(report.rejected)}")
    if report.chains:
        warn("Alpaca keeps no past quotes of options: the chains hold volumes alone, nothing can be bought on them")
    if report.history_sessions < history:
        warn(
            f"{history} sessions of history were asked for, Alpaca has bars of {report.history_sessions}: clouds and "
            "averages warm up on these alone"
        )
    print(
        f"{out}: {report.events} events over {report.sessions} sessions and {report.history_sessions} of history; "
        f"bars {', '.join(f'{name} {count}' for name, count in report.bars.items())}; "
        f"{report.quotes} MODELLED quotes, {report.chains} chains"
    )


def _counts(counted: dict[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counted.items())


@tapes.command()
def info(tape: Path) -> None:
    """Say what a tape holds: a file, or the folder of an engine's tape."""
    from flows.tape.segments import open_tape

    with faults_of_input():
        opened = open_tape(tape)
        _describe(opened, opened.info())


@tapes.command()
def verify(tape: Path) -> None:
    """Read every byte of a tape: exit 2 on corruption, a warning on a torn tail."""
    from flows.tape.segments import open_tape

    with faults_of_input():
        opened = open_tape(tape)
        _describe(opened, opened.verify())
    print("every frame is whole")


def export_tape(
    tape: Annotated[Path, typer.Argument(help="a tape, or the folder of an engine's")],
    out: Annotated[Path, typer.Option(help="the folder to write into; made if it is not there")],
    overwrite: Annotated[bool, typer.Option("--overwrite", "--force", help="replace files that are there")] = False,
) -> None:
    """Write every event of a tape to Parquet, one file a kind of event."""
    from flows.engine.recording import said_of_front
    from flows.runs import BadTapes
    from flows.tape.parquet_export import BadExport, export_tape
    from flows.tape.segments import open_tape

    with faults_of_input(), progress("export") as tell:
        opened = open_tape(tape)
        try:
            written = export_tape(opened, out, overwrite=overwrite, progress=tell)
        except BadExport as fault:
            raise BadTapes(f"{tape}: {fault}") from fault
    if said := said_of_front(opened):
        warn(said)
    if opened.torn:
        warn(f"{tape} ends in an unfinished write; its {written.events} whole events were exported")
    rows = ", ".join(f"{name} {count}" for name, count in written.rows.items() if count)
    print(f"{out}: {written.events} events in {len(written.rows)} files; rows {rows or 'none'}")


def _describe(tape: "AnyTape", info: "TapeInfo") -> None:
    from flows.report import tape_lines

    for line in tape_lines(tape.path, info):
        print(line)
    if info.torn_offset is not None:
        warn(f"{tape.path}: unfinished write at byte {info.torn_offset}; the {info.events} events before it are whole")
