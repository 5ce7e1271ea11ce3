"""`scalp doctor`: could an engine start and trade? Exit codes: 0 nothing failed, 2 bad usage, 3 something failed."""

import json
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.faults import RUN_FAILED, faults_of_input
from flows.options import AccountOption, BrokerOption, DatabaseOption, LiveOption, ModeName, RulesOption, SetOption

if TYPE_CHECKING:
    from flows.findings import Finding


def doctor(
    broker: BrokerOption = "paper",
    live: LiveOption = False,
    account: AccountOption = "",
    mode: Annotated[ModeName, typer.Option(help="instruments")] = ModeName.BOTH,
    state: Annotated[Path, typer.Option(help="the engine's folder")] = Path("scalp-state"),
    database: DatabaseOption = None,
    values: SetOption = None,
    rules_file: RulesOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Check account, feeds, clock, tables, disk, folder, tape and database before a start with these options."""
    found: list[Finding] = []
    with faults_of_input():
        from flows.examining import Asked, examined
        from flows.settings import load
        from operators.sessions import NEW_YORK

        asked = Asked(broker, live, account, mode.value, state, database, load(rules_file, values or []))
        for finding in examined(asked, datetime.now(NEW_YORK).date(), time.time_ns):
            found.append(finding)
            if not as_json:
                print(finding, flush=True)
    failed = any(finding.status == "FAIL" for finding in found)
    if as_json:
        print(json.dumps({"failed": failed, "checks": [finding._asdict() for finding in found]}))
    if failed:
        raise typer.Exit(RUN_FAILED)
