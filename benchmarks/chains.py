"""What option chains cost: a whole session of ten underlyings with 400 contracts each, every second.

Run as `python -m benchmarks.chains [--runs 5]`; prints one JSON object. The tape is some 3 GB on disk and is removed at
the end. Each figure is that of a whole process, `loop` being the same operators in a plain loop over the same tape.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.replay import SEED, process

TEN = "SPY,QQQ,IWM,NVDA,TSLA,AAPL,MSFT,META,AMZN,AMD"
MIX = ("--tickers", TEN, "--contracts", "400", "--chain-seconds", "1", "--quotes-per-second", "0.02")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(session(Path(folder) / "chains.tape", runs)))


def session(tape: Path, runs: int) -> dict[str, Any]:
    """A whole session streamed: time, memory, and the ratio to the plain loop."""
    scalp = Path(sys.executable).with_name("scalp")
    command = [scalp, "generate", "--seed", SEED, *MIX, "--out", tape]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    rounds = [{part: process(part, tape) for part in ("loop", "recorded")} for _ in range(runs)]
    found = {part: [each[part] for each in rounds] for part in rounds[0]}
    spent = {part: statistics.median(one["seconds"] for one in each) for part, each in found.items()}
    return {
        "tape_gb": round(tape.stat().st_size / 1e9, 2),
        "events": found["loop"][0]["events"],
        "seconds": {part: round(value, 1) for part, value in spent.items()},
        "contracts_a_second": round(23_400 * 10 * 400 / spent["recorded"]),
        "peak_mb": {part: max(one["peak_mb"] for one in each) for part, each in found.items()},
        "ratio": round(spent["recorded"] / spent["loop"], 2),
    }


if __name__ == "__main__":
    main()
