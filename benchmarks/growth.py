"""How the time of a replay grows with contracts and tickers: the slope of log time over log size.

Run as `python -m benchmarks.growth [--runs 5]`; prints one JSON object. Each figure is the median of whole processes
`scalp replay`, records in SQLite and their digest included; sizes take turns, so that a busy minute of the machine
falls on all of them. The tapes, made by benchmarks/tapes.py, are a session each:

- contracts: one underlying with a chain every 15 s, and an outside signal every two minutes, for which the whole chain
  is priced (IV and Greeks), ranked and recorded. Nobody else asks for a chain: without signals it is only read.
- tickers: shares with a quote a second, 1-minute bars and a chain of 100 contracts every 15 s each, and the two funds
  that stand for them all; own signals.

A process takes a second or more before it reads a tape, which hides growth. So there are three times: `raw` is the
whole process; `net` is without `start`, a replay of one bar; `marginal` is without `common`, a replay of what the tapes
of a kind have in common (no chain, no share: history, signals, funds). Slopes are least squares through all sizes: 1 is
linear, less is better than linear; noise moves those of `marginal` most, where the smallest size takes little more than
`common`. `line` is a + b x size with the least squares of relative errors. Fits are on CPU time (user and system, all
threads), which other processes disturb less; `slope_seconds` is on the clock's. The yardstick is the plain loop of
benchmarks.replay over the tape of the largest size, which records nothing.

Run once: `days`, five such tickers over one and four sessions, whose memory must be the same; `expiries`, the most
contracts with a fifth of the strikes and five times the expiries.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SIZES = {"contracts": (50, 200, 1000, 5000), "tickers": (2, 5, 15, 50)}
SCALP = Path(sys.executable).with_name("scalp")


class Point(NamedTuple):
    """A tape: what differs, and how much of it there is."""

    kind: str
    size: int


class Spent(NamedTuple):
    """What a process took, its start and end included."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


START = Point("start", 0)
ONCE = Point("expiries", 5000), Point("days", 1), Point("days", 4)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--loop", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    if given.loop:
        from benchmarks.replay import loop

        loop(given.loop, *beside(given.loop))
        return
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(rounded(measured(Path(folder), given.runs))))


def measured(folder: Path, runs: int) -> dict[str, Any]:
    """Medians of all points, and what follows from them."""
    points = [START, *(Point(kind, size) for kind in SIZES for size in (0, *SIZES[kind]))]
    for point in (*points, *ONCE):
        make = "-m", "benchmarks.tapes", point.kind, str(point.size), tape(folder, point)
        subprocess.run([sys.executable, *make], check=True)
    found = [[replay(folder, point) for point in points] for _ in range(runs)]
    spent = {point: median(each) for point, each in zip(points, zip(*found, strict=True), strict=True)}
    return {
        "runs": runs,
        "fitted_on": "cpu_seconds",
        "start": spent[START]._asdict(),
        **{kind: growth(kind, spent) | yardstick(folder, kind, spent) for kind in SIZES},
        "once": {f"{point.kind}_{point.size}": replay(folder, point)._asdict() for point in ONCE},
    }


def tape(folder: Path, point: Point) -> Path:
    return folder / f"{point.kind}_{point.size}.tape"


def beside(path: Path) -> list[Path | None]:
    """The signals and the settings that stand beside a tape."""
    return [file if file.exists() else None for file in (path.with_suffix(".csv"), path.with_suffix(".toml"))]


def replay(folder: Path, point: Point) -> Spent:
    """One replay into a new database."""
    path, database = tape(folder, point), folder / "records.db"
    named = zip(("--signals", "--rules"), beside(path), strict=True)
    options = [part for option, file in named if file for part in (option, file)]
    spent = process([SCALP, "replay", path, *options, "--database", f"sqlite:///{database}", "--json"])
    database.unlink()
    return spent


def process(command: Sequence[str | Path]) -> Spent:
    """One process from its start to its end."""
    began = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, list(map(str, command)))
    return Spent(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def median(runs: Sequence[Spent]) -> Spent:
    return Spent(*map(statistics.median, zip(*runs, strict=True)))


def growth(kind: str, spent: dict[Point, Spent]) -> dict[str, Any]:
    """The figures of a kind, and its slopes."""
    sizes, common = SIZES[kind], spent[Point(kind, 0)]
    each = [spent[Point(kind, size)] for size in sizes]
    told: dict[str, Any] = {"sizes": sizes} | {name: [getattr(one, name) for one in each] for name in Spent._fields}
    told["common"] = common._asdict()
    for field in ("cpu_seconds", "seconds"):
        times = np.array(told[field])
        parts = {"raw": times, "net": times - getattr(spent[START], field), "marginal": times - getattr(common, field)}
        told[f"slope_{field}"] = {name: slope(sizes, part) for name, part in parts.items()}
        if field == "cpu_seconds":
            told |= {f"{name}_{field}": part.tolist() for name, part in parts.items() if name != "raw"}
            told["local_slopes"] = {name: local_slopes(sizes, part) for name, part in parts.items()}
            told["line"] = line(sizes, times)
    return told


def slope(sizes: Sequence[int], times: Sequence[float]) -> float | None:
    """Exponent of the power that fits best; None where noise left a time of nothing."""
    return None if min(times) <= 0.0 else float(np.polyfit(np.log(sizes), np.log(times), 1)[0])


def local_slopes(sizes: Sequence[int], times: Sequence[float]) -> list[float | None]:
    """Exponents between neighbours."""
    return [slope(*pair) for pair in zip(pairwise(sizes), pairwise(times), strict=True)]


def line(sizes: Sequence[int], times: np.ndarray) -> dict[str, float]:
    """The straight line through the times, and the largest relative distance from it."""
    each, fixed = np.polyfit(sizes, times, 1, w=1.0 / times)
    far = np.abs((fixed + each * np.array(sizes)) / times - 1.0)
    return {
        "fixed_seconds": float(fixed),
        "milliseconds_each": 1e3 * float(each),
        "largest_deviation": float(far.max()),
    }


def yardstick(folder: Path, kind: str, spent: dict[Point, Spent]) -> dict[str, Any]:
    """The plain loop over the largest tape, once."""
    largest = Point(kind, SIZES[kind][-1])
    bare = process([sys.executable, "-m", "benchmarks.growth", "--loop", tape(folder, largest)])
    return {"loop": bare._asdict(), "ratio_to_loop": spent[largest].cpu_seconds / bare.cpu_seconds}


def rounded(told: dict[str, Any]) -> dict[str, Any]:
    """Three digits after the point: more is not known."""
    return json.loads(json.dumps(told), parse_float=lambda text: round(float(text), 3))


if __name__ == "__main__":
    main()
