"""The command `scalp`.

Exit codes: 0 done, 2 bad usage or input (one line on stderr), 3 the run failed, 130 Ctrl-C where nothing had begun.
"""

import json
import sys
import traceback
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.brokers.commands import brokers
from flows.doctor import doctor
from flows.engine.commands import rebuild, record, run
from flows.engine.steering_commands import steering
from flows.fake_alpaca import fake_alpaca
from flows.faults import RUN_FAILED, fail, faults_of_input, progress, run_command, warn
from flows.market.commands import generate
from flows.options import DatabaseOption, ModeName, RulesOption, SetOption
from flows.records.commands import databases, explain, exports
from flows.tape.commands import export_tape, imports, tapes

if TYPE_CHECKING:
    from bytewax.dataflow import Dataflow

    from flows.running import Run

app = typer.Typer(name="scalp", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(imports, name="import")
app.add_typer(tapes, name="tape")
app.add_typer(databases, name="db")
app.add_typer(exports, name="export")
app.add_typer(brokers, name="broker")
exports.command("tape")(export_tape)
app.command()(explain)
app.command()(generate)
app.command()(run)
app.command()(rebuild)
app.command()(record)
app.command()(doctor)
app.command()(fake_alpaca)
app.add_typer(steering)


class FillsName(StrEnum):
    """Where a replay's fills come from."""

    RECORDED = "recorded"
    PAPER = "paper"


@app.command()
def replay(
    tape: Annotated[list[Path], typer.Argument(help="tapes, consecutive in time; history may overlap")],
    mode: Annotated[ModeName, typer.Option(help="instruments")] = ModeName.BOTH,
    values: SetOption = None,
    rules_file: RulesOption = None,
    signals: Annotated[Path | None, typer.Option(help="CSV: ticker, bar_close_utc, direction, conviction")] = None,
    database: DatabaseOption = None,
    batch: Annotated[int, typer.Option(min=1, help="events a batch; changes speed only")] = 1000,
    speed: Annotated[float | None, typer.Option(help="times the tapes' own time, to look on; else at once")] = None,
    fills: Annotated[FillsName | None, typer.Option(help="recorded by an engine, else paper, or as you say")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Replay tapes through the whole engine against the paper exchange and record everything."""
    from flows import runs
    from flows.settings import load

    with faults_of_input():
        settings = load(rules_file, values or [])
        options = runs.Options(
            mode.value, settings, signals, database, batch, speed, None if fills is None else fills.value
        )
        replayed, flow = runs.prepare(tape, options)
        try:
            with progress("replay", replayed.total) as replayed.reading.progress:
                _execute(replayed, flow)
            _warn_of_tapes(replayed)
            _tell(runs.summary(replayed), as_json)
        finally:
            replayed.engine.dispose()


def _execute(run: "Run", flow: "Dataflow") -> None:
    """Runs the line; what breaks it on the way is a failed run, but a corrupt tape is bad input."""
    from flows.records.faults import UnusableDatabase
    from flows.running import RunFailed
    from flows.tape.frames import Corrupt

    try:
        run.execute(flow)
    except Corrupt:
        raise
    except (RunFailed, UnusableDatabase) as fault:
        fail(fault, RUN_FAILED)
    except Exception as fault:
        traceback.print_exc()
        fail(f"the run failed after event {run.reading.events}: {fault}", RUN_FAILED)


def _warn_of_tapes(run: "Run") -> None:
    """Says what the tapes lack at either end."""
    from flows.engine.recording import said_of_front

    for said in filter(None, map(said_of_front, run.tapes)):
        warn(said)
    for torn in run.torn:
        warn(f"{torn.path} ends in an unfinished write; its whole events were replayed")


def _tell(summary: dict[str, object], as_json: bool) -> None:
    """The summary as one JSON object, or in words."""
    if as_json:
        print(json.dumps(summary))
        return
    from flows.report import lines

    for line in lines(summary):
        print(line)


@app.command()
def rules(values: SetOption = None, rules_file: RulesOption = None) -> None:
    """Show the effective settings with unit, range and meaning."""
    from flows.settings import load, rules

    with faults_of_input():
        for rule in rules(load(rules_file, values or [])):
            expected = ", ".join(part for part in (rule.unit, rule.range) if part)
            print(f"{rule.name} = {rule.value}  ({expected})  {rule.meaning}")


def main() -> None:
    """Runs the command line; flows/entry.py comes before it."""
    sys.exit(run_command(app))
