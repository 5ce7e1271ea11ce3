"""The long form of the kills with orders at a broker: `python -m tests.order_kills N` prints what was found."""

import datetime as dt
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from flows.market.generate import generate
from flows.market.plan import FIRST, planned
from flows.tape.reader import Tape
from flows.tape.writer import TapeWriter
from operators.events import AnyEvent, Bar, Quote
from operators.sessions import at
from tests.fakes.alpaca.process import Alpaca
from tests.lives import market_of
from tests.order_lives import AT_THE_BROKER, IN_THE_ENGINE, Place, begin, check, ended

RANDOM = "at random"
KINDS = (*IN_THE_ENGINE, *AT_THE_BROKER, RANDOM)
MOST_TIMES = 3
RANDOM_SECONDS = (0.3, 2.0)
TICKERS = ("QQQ", "SPY")
LIVES = 40


class Result(NamedTuple):
    """What a sweep found, all of it checked: kills, orders on the tapes."""

    kills: int
    intents: int


def market_tape(folder: Path) -> Path:
    """Forty minutes of a session: two scalps in options, entered at 09:48 and 09:50, left at 10:04 and 10:06.

    Nothing of the funds that the session has too: each event costs a life its time.
    """
    whole, path = folder / "whole.tape", folder / "market.tape"
    plan = planned(
        ",".join(TICKERS), "", FIRST, seed=1, sessions=1, contracts=30, chain_seconds=60, quotes_per_second=0.02
    )
    generate(plan, whole)
    tape, end_ns = Tape(whole), at(FIRST, dt.time(10, 10))
    events = (event for event in tape.events() if event.at_ns < end_ns and not _of_a_fund(event))
    with TapeWriter(path, tape.header) as out:
        for seq, event in enumerate(events, start=1):
            out.append(replace(event, seq=seq))
    return path


def _of_a_fund(event: AnyEvent) -> bool:
    return (isinstance(event, Bar) and event.ticker not in TICKERS) or (
        isinstance(event, Quote) and event.symbol not in TICKERS
    )


def sweep(kind: str, market: Path, folder: Path, rng: random.Random, kills: int) -> Result:
    """Kills engines so often, a new one at a new account where the market ended before, and checks each.

    Engines that entered nothing (killed before the market began, held back by a slow database) are followed by another.
    """
    done, intents, expected = 0, 0, market_of(list(Tape(market).events()))
    with Alpaca.on(market, "--lock-step") as fake:
        for number in range(LIVES + kills):
            fake.reset()
            where = Place(folder / f"{number}", market, fake.port)
            while done < kills and _killed(kind, where, rng):
                done += 1
            assert ended(begin(where)), f"the last life of {where.state} came to no end"
            intents += check(where, expected)
            if done >= kills and intents:
                break
    return Result(done, intents)


def _killed(kind: str, where: Place, rng: random.Random) -> bool:
    if kind == RANDOM:
        return not ended(begin(where), rng.uniform(*RANDOM_SECONDS))
    return not ended(begin(where, kind, rng.randint(1, MOST_TIMES)))


def main(kills: int) -> None:
    """Spreads the kills over all kinds, and prints one JSON object."""
    rng, began, found = random.Random(kills), time.monotonic(), {}
    with tempfile.TemporaryDirectory() as folder:
        market = market_tape(Path(folder))
        for kind in KINDS:
            own = Path(folder) / kind.replace(" ", "-")
            own.mkdir()
            found[kind] = sweep(kind, market, own, rng, max(kills // len(KINDS), 1))._asdict()
            print(kind, found[kind], file=sys.stderr, flush=True)
    told = {"kills": found, "doubled_orders": 0, "lost_fills": 0, "seconds": round(time.monotonic() - began)}
    print(json.dumps(told))


if __name__ == "__main__":
    main(int(sys.argv[1]))
