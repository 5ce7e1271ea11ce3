"""`scalp generate`."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from flows.faults import BAD_INPUT, fail, faults_of_input, progress

NAMES = "names with commas between"


def generate(
    seed: Annotated[int, typer.Option(help="the same seed and options give the same bytes")],
    out: Annotated[Path, typer.Option(help="the tape to write")],
    sessions: Annotated[int, typer.Option(help="sessions to trade, after a history")] = 1,
    tickers: Annotated[str | None, typer.Option(help=f"{NAMES}; default those of scalp_tickers")] = None,
    quotes_per_second: Annotated[float, typer.Option(help="quotes a second of each share and fund")] = 0.2,
    chain_seconds: Annotated[int, typer.Option(help="seconds between two snapshots of a chain")] = 15,
    contracts: Annotated[int, typer.Option(help="option contracts of each underlying")] = 60,
    start: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="first day, or the session after; default 2026-03-02")
    ] = None,
    perturb: Annotated[str, typer.Option(help=f"what goes wrong, {NAMES}: gaps, stale, crossed, halt")] = "",
    overwrite: Annotated[bool, typer.Option(help="replace an existing tape")] = False,
) -> None:
    """Make a tape of a SIMULATED market: shares, leveraged funds and option chains that never were."""
    from flows.market.generate import generate
    from flows.market.plan import FIRST, BadMarket, planned

    numbers = {"seed": seed, "sessions": sessions, "contracts": contracts}
    rates = {"quotes_per_second": quotes_per_second, "chain_seconds": chain_seconds}
    with faults_of_input(), progress("generate") as tell:
        try:
            plan = planned(tickers, perturb, FIRST if start is None else start.date(), **numbers, **rates)
            made = generate(plan, out, overwrite=overwrite, progress=tell)
        except BadMarket as fault:
            fail(fault, BAD_INPUT)
    print(
        f"{out}: SIMULATED, {made.events} events ({made.history_events} history) of {made.first} to {made.last}; "
        f"{made.quotes} quotes, {made.bars} bars, {made.chains} chains; funds {', '.join(made.funds)}"
    )
