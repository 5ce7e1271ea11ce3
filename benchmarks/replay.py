"""What a replay costs beside the same operators in a plain loop over the same tape, in the same run.

Run as `python -m benchmarks.replay [--runs 5] [--sessions 1]`; prints one JSON object. The mix: 8 tickers and their
leveraged funds, one quote a second each, 1-minute bars, one chain of 100 contracts a minute a ticker, all simulated.
Every figure is that of a whole process, started anew for each run: imports, decoding and the end included. `loop` is
the yardstick: decode, market, rules and desk, one event after the other, nothing recorded.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

MIX = ("--quotes-per-second", "1", "--chain-seconds", "60", "--contracts", "100")
SEED = "7"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--tape", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--sessions", default="1")
    given = parser.parse_args()
    if given.part:
        told = PARTS[given.part](given.tape)
        print(json.dumps(told | {"peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)}))
        return
    with tempfile.TemporaryDirectory() as folder:
        tape = Path(folder) / "mix.tape"
        scalp = Path(sys.executable).with_name("scalp")
        made = ("generate", "--seed", SEED, "--sessions", given.sessions, *MIX, "--out", str(tape))
        subprocess.run([scalp, *made], check=True, stdout=subprocess.DEVNULL)
        print(json.dumps(measured(tape, given.runs)))


def measured(tape: Path, runs: int) -> dict[str, Any]:
    """Medians of each part, and their ratio to the plain loop."""
    # In turns, so that a busy minute of the machine falls on all of them.
    rounds = [{part: process(part, tape) for part in PARTS} for _ in range(runs)]
    found = {part: [each[part] for each in rounds] for part in PARTS}
    seconds = {part: statistics.median(one["seconds"] for one in each) for part, each in found.items()}
    events = found["loop"][0]["events"]
    return {
        "events": events,
        "tape_mb": round(tape.stat().st_size / 1e6, 1),
        "runs": runs,
        "seconds": {part: round(value, 2) for part, value in seconds.items()},
        "microseconds_an_event": {part: round(1e6 * value / events, 2) for part, value in seconds.items()},
        "peak_mb": {part: max(one["peak_mb"] for one in each) for part, each in found.items()},
        "ratio_without_records": round(seconds["line"] / seconds["loop"], 2),
        "ratio_with_records": round(seconds["recorded"] / seconds["loop"], 2),
    }


def process(part: str, tape: Path) -> dict[str, Any]:
    """One run of a part in a process of its own; `seconds` from its start to its end."""
    began = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.replay", "--part", part, "--tape", str(tape)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told | {"seconds": seconds}


def loop(tape: Path, outside: Path | None = None, rules_file: Path | None = None) -> dict[str, Any]:
    """The operators in a for loop; with a file of signals, and one of settings, where they are given."""
    from flows import runs
    from flows.settings import load
    from operators import funds, gate, route, signals, strikes, underlyings
    from operators.market import Market
    from operators.moments import Setup
    from operators.steps import Desks

    settings = load(rules_file)
    given = runs.read([tape], runs.Options(settings=settings, signals=outside))
    market, desks = Market(*settings), Desks(*settings)
    rules = (route.prechecks(settings.scalp), underlyings.price_chain(*settings), strikes.choose(settings.scalp))
    rules += (gate.greeks_gate(settings.scalp), funds.map_to_funds(settings.scalp))
    rules += (funds.check_liquidity(settings.scalp),)
    count = records = 0
    for event in chain([given.started], given.events):
        count += 1
        for item in market.on(event):
            if type(item) is Setup:
                ticket = signals.ticket(item)
                for rule in rules:
                    ticket = rule(ticket)
                records += len(desks.on(ticket))
            else:
                records += len(desks.on(item))
    return {"events": count, "records": records}


def line(tape: Path) -> dict[str, Any]:
    """The dataflow into a list."""
    from bytewax.run import cli_main
    from bytewax.testing import TestingSink

    from flows import runs
    from flows.scalp import scalp
    from flows.settings import load
    from flows.tape.source import Reading, TapeSource
    from operators.market import Market
    from operators.steps import Desks

    settings, reading, given = load(), Reading(), runs.read([tape], runs.Options())
    out: list[Any] = []
    source = TapeSource(given.started, given.events, runs.BATCH, reading)
    cli_main(scalp(source, TestingSink(out), Market(*settings), Desks(*settings)))
    return {"events": reading.events + 1, "records": len(out)}


def recorded(tape: Path) -> dict[str, Any]:
    """The whole replay, with its records in SQLite."""
    from flows import runs

    with tempfile.TemporaryDirectory() as folder:
        run, flow = runs.prepare([tape], runs.Options(database=f"sqlite:///{folder}/records.db"))
        run.execute(flow)
        run.engine.dispose()
    return {"events": run.reading.events + 1}


PARTS: dict[str, Callable[[Path], dict[str, Any]]] = {"loop": loop, "line": line, "recorded": recorded}

if __name__ == "__main__":
    main()
