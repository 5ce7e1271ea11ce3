"""What option chains cost: a session of ten underlyings with 400 contracts each, every second; and how that grows.

Run as `python -m benchmarks.chains [--session] [--growth]` (both by default); prints one JSON object. The session's
tape is some 3 GB on disk and is removed at the end. Each figure is that of a whole process, `loop` being the same
operators in a plain loop over the same tape. Growth is the slope of log(seconds) over log(contracts or tickers), the
seconds of a process that reads next to nothing taken off: 1 is linear.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.replay import SEED, process

TEN = "SPY,QQQ,IWM,NVDA,TSLA,AAPL,MSFT,META,AMZN,AMD"
SESSION = ("--tickers", TEN, "--contracts", "400", "--chain-seconds", "1", "--quotes-per-second", "0.02")
GROWTH = ("--chain-seconds", "10", "--quotes-per-second", "0.02")
CONTRACTS, TICKERS = (60, 125, 250, 500, 1000, 2000), (1, 2, 4, 8)
LEAST = ("--tickers", "SPY", "--contracts", "60", "--chain-seconds", "300", "--quotes-per-second", "0.02")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--session", action="store_true")
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    both = given.session == given.growth
    with tempfile.TemporaryDirectory() as folder:
        told: dict[str, Any] = {}
        if given.session or both:
            told["session"] = session(Path(folder), given.runs)
        if given.growth or both:
            told["growth"] = growth(Path(folder), given.runs)
    print(json.dumps(told))


def made(folder: Path, *words: str) -> Path:
    """A simulated tape."""
    tape = folder / "chains.tape"
    command = [Path(sys.executable).with_name("scalp"), "generate", "--seed", SEED, *words, "--out", tape]
    subprocess.run([*command, "--overwrite"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return tape


def seconds(part: str, tape: Path, runs: int) -> float:
    """Median of whole processes."""
    return statistics.median(process(part, tape)["seconds"] for _ in range(runs))


def session(folder: Path, runs: int) -> dict[str, Any]:
    """A whole session streamed: time, memory, and the ratio to the plain loop."""
    tape = made(folder, *SESSION)
    found = {part: [process(part, tape) for _ in range(runs)] for part in ("loop", "recorded")}
    spent = {part: statistics.median(one["seconds"] for one in each) for part, each in found.items()}
    return {
        "tape_gb": round(tape.stat().st_size / 1e9, 2),
        "events": found["loop"][0]["events"],
        "seconds": {part: round(value, 1) for part, value in spent.items()},
        "contracts_a_second": round(23_400 * 10 * 400 / spent["recorded"]),
        "peak_mb": {part: max(one["peak_mb"] for one in each) for part, each in found.items()},
        "ratio": round(spent["recorded"] / spent["loop"], 2),
    }


def growth(folder: Path, runs: int) -> dict[str, Any]:
    """How the replay's time grows with contracts and with tickers."""
    least = seconds("line", made(folder, *LEAST), runs)
    by_contracts = {
        count: seconds("line", made(folder, *GROWTH, "--tickers", "SPY,QQQ", "--contracts", str(count)), runs) - least
        for count in CONTRACTS
    }
    by_tickers = {
        count: seconds("line", made(folder, *GROWTH, "--tickers", ",".join(TEN.split(",")[:count])), runs) - least
        for count in TICKERS
    }
    return {
        "least_seconds": round(least, 2),
        "seconds_by_contracts": {count: round(value, 2) for count, value in by_contracts.items()},
        "slope_contracts": round(slope(by_contracts), 2),
        "seconds_by_tickers": {count: round(value, 2) for count, value in by_tickers.items()},
        "slope_tickers": round(slope(by_tickers), 2),
    }


def slope(found: dict[int, float]) -> float:
    """Of the straight line through the logarithms."""
    points = [(math.log(count), math.log(max(value, 1e-9))) for count, value in found.items()]
    return statistics.linear_regression(*zip(*points, strict=True)).slope


if __name__ == "__main__":
    main()
