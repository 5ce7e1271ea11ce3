"""From SIGKILL to running again: a day on the tape, and heavy chains of two lengths.

Run as `python -m benchmarks.restart [--runs 5]`; prints one JSON object. An engine plays a recording, faster than life,
into an empty folder and is killed shortly before the recording's end; then `scalp run` is started again and killed as
soon as its line has come to the head of the tape, `runs` times. `seconds` are from the start of the process to there,
medians, `caught_up` the events that the line took on the way, at most: at a high speed those of many minutes since the
last checkpoint that the database had. `yardstick` is a process that only imports the three largest libraries,
started in turn with the engines. Chains: ten underlyings with 400 contracts a second, for 2 and for 10 minutes.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import takewhile
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.chains import TEN
from benchmarks.tapes import SEED, write
from flows.cli import app
from flows.engine.echoes import Echoes
from flows.market.generate import Market
from flows.market.plan import Plan
from flows.tape.following import Follower
from flows.tape.reader import Tape
from flows.tape.segments import segment_paths
from operators.events import MINUTE_NS, SECOND_NS, is_history

SCALP: Final = Path(sys.executable).with_name("scalp")
YARDSTICK: Final = (sys.executable, "-c", "import bytewax, sqlalchemy, numpy")
DAY_SPEED, CHAIN_SPEED = 4000.0, 30.0
CHAIN_MINUTES: Final = (2, 10)
REST_NS: Final = 20 * SECOND_NS
"""So long before its end a recording counts as played."""
PATIENCE_SECONDS: Final = 120.0


class Restart(NamedTuple):
    """A start on a tape of so many events, of which the line took `caught_up`."""

    seconds: float
    events: int
    caught_up: int


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--engine", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    if given.engine:
        engine(given.engine)
        return
    told: dict[str, Any] = {"runs": given.runs}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        told["day"] = restarts(folder / "day", day_tape(folder / "day.tape"), DAY_SPEED, given.runs)
        for minutes in CHAIN_MINUTES:
            tape = chain_tape(folder / f"{minutes}.tape", minutes)
            told[f"chains_{minutes}_minutes"] = restarts(folder / f"{minutes}", tape, CHAIN_SPEED, given.runs)
    print(json.dumps(told))


def engine(words: list[str]) -> None:
    """`scalp run`, which says when its line has come to the head of the tape."""
    head = Echoes.head

    def said(echoes: Echoes) -> None:
        head(echoes)
        print(time.monotonic(), flush=True)

    Echoes.head = said  # type: ignore[method-assign,assignment]  # the one place that knows
    app(["run", *words])


def day_tape(path: Path) -> Path:
    """One simulated session, of the kind that `scalp run` makes for itself."""
    words = ("--seed", str(SEED), "--out", str(path))
    subprocess.run([SCALP, "generate", *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return path


def chain_tape(path: Path, minutes: int) -> Path:
    """The first minutes of a session with ten heavy chains."""
    plan = Plan(seed=SEED, tickers=tuple(TEN.split(",")), contracts=400, chain_seconds=1, quotes_per_second=0.02)
    market = Market(plan)
    until_ns = market.traded[0].open_ns + minutes * MINUTE_NS
    events = (event for batch in market.batches() for event in batch)
    write(path, plan, takewhile(lambda event: event.event_ns < until_ns, events))
    return path


def restarts(folder: Path, tape: Path, speed: float, runs: int) -> dict[str, Any]:
    """Kills an engine that has played nearly all of a tape, and starts it so many times again."""
    folder.mkdir()
    words = ["--state", str(folder / "state"), "--database", f"sqlite:///{folder}/records.db"]
    command = [sys.executable, "-m", "benchmarks.restart", "--engine", *words]
    command += ["--feed", f"replay:{tape}", "--speed", str(speed)]
    with (folder / "first.log").open("wb") as log:
        first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
        try:
            played(folder / "state" / "tape", tape)
        finally:
            first.kill()
            first.wait()
    rounds = [(imported(), restarted(command)) for _ in range(runs)]
    seconds = [one.seconds for _, one in rounds]
    yardstick = statistics.median(one for one, _ in rounds)
    return {
        "tape_mb": round(sum(path.stat().st_size for path in segment_paths(folder / "state" / "tape")) / 1e6, 1),
        "events": max(one.events for _, one in rounds),
        "caught_up": max(one.caught_up for _, one in rounds),
        "seconds": round(statistics.median(seconds), 2),
        "longest": round(max(seconds), 2),
        "yardstick": round(yardstick, 2),
        "ratio": round(statistics.median(seconds) / yardstick, 1),
    }


def played(folder: Path, tape: Path) -> None:
    """Waits until an engine's tape holds nearly all of a recording. Raises TimeoutError."""
    last_ns, until = Tape(tape).info().last_at_ns or 0, time.monotonic() + PATIENCE_SECONDS
    follower: Follower | None = None
    while time.monotonic() < until:
        if follower is None and segment_paths(folder):
            follower = Follower(folder, 1)
        events = [] if follower is None else follower.read()
        if any(event.at_ns > last_ns - REST_NS for event in events if not is_history(event)):
            return
        if not events:
            time.sleep(0.05)
    raise TimeoutError(f"{tape} was not played within {PATIENCE_SECONDS:.0f} s")


def restarted(command: list[str]) -> Restart:
    """One start, from the process to the head of its tape, and its end."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    live = process.stdout.readline()
    process.kill()
    _, said = process.communicate()
    began_at = [json.loads(line) for line in said.splitlines() if '"I001"' in line]
    if not live or not began_at:
        raise RuntimeError(f"the engine did not come to the head of its tape: {said}")
    first, last = (int(began_at[0][name]) for name in ("from_event", "head_event"))
    return Restart(float(live) - began, last, last - first)


def imported() -> float:
    """Seconds that the yardstick takes."""
    began = time.monotonic()
    subprocess.run(YARDSTICK, check=True)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
