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
from tests.lives import Place, check, check_left, killed_after, killed_at, live_out, market_of


class Kind(NamedTuple):
    """How often a test kills in this way, and at the latest at which time that the point is reached.

    With `keep_days` the engine drops older segments of its tape.
    """

    kills: int
    times: int
    keep_days: int = 0


KINDS = {
    "half a frame": Kind(5, 12),
    "segment closed": Kind(5, 2),
    "in compaction": Kind(5, 12, 1),
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
DAYS_SPEED, DAYS_SEGMENT_BYTES = 60_000.0, 200_000
LIVES = 40


class Result(NamedTuple):
    """What a sweep found, all of it checked: kills, orders on the tape, events of the market.

    `left` counts the rows that a replay of what was left of a tape gave again.
    """

    kills: int
    intents: int
    events: int
    left: int = 0


def market_tape(path: Path, perturb: str = "") -> Path:
    """A session of two tickers with a chain of few contracts each."""
    plan = planned("QQQ,SPY", perturb, FIRST, seed=4, sessions=1, contracts=30, chain_seconds=30, quotes_per_second=0.1)
    generate(plan, path)
    return path


def days_tape(path: Path) -> Path:
    """Three sessions of it, with fewer quotes."""
    plan = planned("QQQ,SPY", "", FIRST, seed=4, sessions=3, contracts=30, chain_seconds=120, quotes_per_second=0.05)
    generate(plan, path)
    return path


def place_of(kind: str, market: Path, folder: Path) -> Place:
    """A new engine for kills of this kind, over a session of some second or three faster ones."""
    place = Place(folder, f"sqlite:///{folder}.db", market, SPEED)
    keep_days = KINDS[kind].keep_days
    values = (f"tape_keep_days={keep_days}",)
    return place._replace(values=values, speed=DAYS_SPEED, segment_bytes=DAYS_SEGMENT_BYTES) if keep_days else place


def sweep(kind: str, market: Path, folder: Path, rng: random.Random, kills: int | None = None) -> Result:
    """Kills one engine again and again over a session, a new one where the session ends before, and checks each.

    An engine whose rules came so late behind its tape that nothing was left to replay is followed by another.
    """
    wanted, done, intents, left = KINDS[kind].kills if kills is None else kills, 0, 0, 0
    expected = market_of(list(Tape(market).events()))
    for number in range(LIVES + wanted):
        place = place_of(kind, market, folder / f"{number}")
        while done < wanted and _killed(kind, place, rng):
            done += 1
        live_out(place)
        intents += check(place, expected)
        if KINDS[kind].keep_days:
            left += check_left(place)
        if done >= wanted and (left or not KINDS[kind].keep_days):
            break
    return Result(done, intents, len(expected), left)


def _killed(kind: str, place: Place, rng: random.Random) -> bool:
    if kind == "at random":
        return killed_after(place, rng.uniform(0.2, 1.2))
    return killed_at(place, kind, rng.randint(1, KINDS[kind].times))


def main(kills: int) -> None:
    """Spreads the kills over all kinds, and prints one JSON object."""
    rng, began, found = random.Random(kills), time.monotonic(), {}
    with tempfile.TemporaryDirectory() as folder:
        market, days = market_tape(Path(folder) / "market.tape"), days_tape(Path(folder) / "days.tape")
        for kind, how in KINDS.items():
            own = Path(folder) / kind.replace(" ", "-")
            own.mkdir()
            tape = days if how.keep_days else market
            found[kind] = sweep(kind, tape, own, rng, max(kills // len(KINDS), 1))._asdict()
            print(kind, found[kind], file=sys.stderr, flush=True)
    print(json.dumps({"kills": found, "lost": 0, "doubled": 0, "seconds": round(time.monotonic() - began)}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
