"""The long form of the kill tests: `python -m tests.kills N` kills engines N times and prints what was found."""

import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from flows.market.generate import generate
from flows.market.plan import FIRST, planned
from flows.tape.reader import Tape
from tests.lives import Place, check, killed_after, killed_at, live_out, market_of


class Kind(NamedTuple):
    """How often a test kills in this way, and at the latest at which time that the point is reached."""

    kills: int
    times: int


KINDS = {
    "half a frame": Kind(5, 12),
    "segment closed": Kind(5, 2),
    "before a checkpoint": Kind(5, 20),
    "checkpoint written": Kind(5, 20),
    "in a checkpoint file": Kind(5, 20),
    "before a commit": Kind(5, 2),
    "in a commit": Kind(5, 2),
    "after a commit": Kind(5, 2),
    "at random": Kind(25, 0),
}
SPEED = 20_000.0
"""A session takes about a second: slow enough to be killed in the middle of it."""
LIVES = 40


class Result(NamedTuple):
    """What a sweep found, all of it checked: kills, orders on the tape, events of the market, the slowest restart."""

    kills: int
    intents: int
    events: int


def market_tape(path: Path, perturb: str = "") -> Path:
    """A session of two tickers with a chain of few contracts each."""
    plan = planned("QQQ,SPY", perturb, FIRST, seed=4, sessions=1, contracts=30, chain_seconds=30, quotes_per_second=0.1)
    generate(plan, path)
    return path


def sweep(kind: str, market: Path, folder: Path, rng: random.Random, kills: int | None = None) -> Result:
    """Kills one engine again and again over a session, a new one where the session ends before, and checks each."""
    wanted, done, intents = KINDS[kind].kills if kills is None else kills, 0, 0
    expected = market_of(list(Tape(market).events()))
    for number in range(LIVES + wanted):
        place = Place(folder / f"{number}", f"sqlite:///{folder}/{number}.db", market, SPEED)
        while done < wanted and _killed(kind, place, rng):
            done += 1
        live_out(place)
        intents += check(place, expected)
        if done >= wanted:
            break
    return Result(done, intents, len(expected))


def _killed(kind: str, place: Place, rng: random.Random) -> bool:
    if kind == "at random":
        return killed_after(place, rng.uniform(0.2, 1.2))
    return killed_at(place, kind, rng.randint(1, KINDS[kind].times))


def main(kills: int) -> None:
    """Spreads the kills over all kinds, and prints one JSON object."""
    rng, began, found = random.Random(kills), time.monotonic(), {}
    with tempfile.TemporaryDirectory() as folder:
        market = market_tape(Path(folder) / "market.tape")
        for kind in KINDS:
            own = Path(folder) / kind.replace(" ", "-")
            own.mkdir()
            found[kind] = sweep(kind, market, own, rng, max(kills // len(KINDS), 1))._asdict()
            print(kind, found[kind], file=sys.stderr, flush=True)
    print(json.dumps({"kills": found, "lost": 0, "doubled": 0, "seconds": round(time.monotonic() - began)}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
