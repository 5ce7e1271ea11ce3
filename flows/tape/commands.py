"""`scalp import` and `scalp tape`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.faults import faults_of_input, progress, warn

if TYPE_CHECKING:
    from flows.tape.reader import Tape, TapeInfo

imports = typer.Typer(no_args_is_help=True, help="Make a tape from recorded data.")
tapes = typer.Typer(no_args_is_help=True, help="Look into a tape.")


class StampName(StrEnum):
    """What a bar's time stamp names."""

    START = "start"
    CLOSE = "close"


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
        warn(f"rows refused: {', '.join(f'{count} {why}' for why, count in report.rejected.items())}")
    bars = ", ".join(f"{name} {count}" for name, count in report.tickers.items())
    print(
        f"{out}: {report.events} events over {report.sessions} sessions; bars {bars}; {report.quotes} MODELLED quotes"
    )
    if report.sessions <= history:
        warn(f"all {report.sessions} sessions are history (--history {history}): nothing on this tape can trade")


@tapes.command()
def info(tape: Path) -> None:
    """Say what a tape holds."""
    from flows.tape.reader import Tape

    with faults_of_input():
        opened = Tape(tape)
        _describe(opened, opened.info())


@tapes.command()
def verify(tape: Path) -> None:
    """Read every byte of a tape: exit 2 on corruption, a warning on a torn tail."""
    from flows.tape.reader import Tape

    with faults_of_input():
        opened = Tape(tape)
        _describe(opened, opened.verify())
    print("every frame is whole")


def _describe(tape: "Tape", info: "TapeInfo") -> None:
    from flows.report import tape_lines

    for line in tape_lines(tape.path, info):
        print(line)
    if info.torn_offset is not None:
        warn(f"{tape.path}: unfinished write at byte {info.torn_offset}; the {info.events} events before it are whole")
