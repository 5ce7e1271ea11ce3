"""Engines that trade at the fake Alpaca in lock step, are killed by SIGKILL and started again, each in its process."""

import asyncio
import multiprocessing
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from flows import points
from flows.brokers.alpaca.broker import Alpaca
from flows.brokers.port import Heard
from flows.engine import watch
from flows.engine.process import Engine, Plan
from flows.engine.telling import libraries_tell
from flows.records.database import open_database, reading
from flows.records.queries import records_sha256
from flows.records.tables import fills
from flows.runs import Options, prepare
from flows.settings import load
from flows.tape.segments import Segments
from operators.answers import Answer, Execution
from operators.events import AnyEvent, Intent, is_history
from tests.alpaca_brokers import KEYS, place
from tests.fakes.alpaca.process import Calls
from tests.lives import market_of
from tests.lockstep import LIMIT_SECONDS, LockStep
from tests.virtual import fast_loops

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["tests.lives", "tests.order_lives"])

AT_THE_BROKER = ("during the call", "after the call", "fill heard", "in reconciliation")
IN_THE_ENGINE = ("before an intent", "intent safe")
SPEED = 4.0
"""The broker's thread waits as much shorter: who never sent an order knows only after eight seconds that it is lost."""
MOMENT_SECONDS = 0.002 * SPEED
"""A call is under way then: the fake takes some ten of them."""


class Place(NamedTuple):
    """Where an engine lives, and at which port its broker does."""

    state: Path
    market: Path
    port: int

    @property
    def database(self) -> str:
        return f"sqlite:///{self.state.with_suffix('.db')}"

    @property
    def fake(self) -> Calls:
        return Calls(self.port)


class Beside(LockStep):
    """A market that the fake hears of first, and that waits until the engine has heard of all its fills.

    It waits for the open gate before its first event; `opened` is when it was open (monotonic).
    """

    def __init__(self, path: Path, fake: Calls) -> None:
        super().__init__(path)
        self._fake, self.opened = fake, 0.0

    def release(self, event: AnyEvent) -> None:
        if is_history(event):
            return
        if not self.opened:
            placing = self.engine.placing
            self.until(lambda: placing is not None and not placing.difference)
            self.opened = time.monotonic()
        self._fake.until(event.at_ns)

    def quiet(self, at_ns: int) -> bool:
        if not super().quiet(at_ns):
            return False
        book = self.engine.desks.books[self.engine.started.book_id].book
        known = [*book.orders.values(), *book.ended.values()]
        return not book.orders or sum(len(one.executions) for one in known) >= len(self._fake.state()["fills"])


class Dying(Alpaca):
    """Alpaca's adapter in a process that dies at a point, at the given time that it is reached."""

    point, left = "", 0

    async def submit(self, intent: Intent) -> Answer:
        if self._reached("during the call"):
            under_way = asyncio.create_task(super().submit(intent))
            await asyncio.sleep(MOMENT_SECONDS)
            points.die()
            return await under_way
        answer = await super().submit(intent)
        self._die_at("after the call")
        return answer

    async def events(self) -> AsyncIterator[Heard]:
        async for heard in super().events():
            if isinstance(heard, Execution):
                self._die_at("fill heard")
            yield heard

    async def executions(self, since_ns: int) -> Sequence[Execution]:
        found = await super().executions(since_ns)
        self._die_at("in reconciliation")
        return found

    def _reached(self, point: str) -> bool:
        self.left -= point == self.point
        return point == self.point and self.left == 0

    def _die_at(self, point: str) -> None:
        if self._reached(point):
            points.die()


def live(where: Place, point: str, times: int) -> None:
    """One life; ends with the market, or at the point."""
    libraries_tell()
    watch.BEHIND_SECONDS = LIMIT_SECONDS  # type: ignore[misc]  # a loaded machine's database may be seconds behind
    at = Dying(KEYS, place(where.fake))
    if point in IN_THE_ENGINE:
        points.arm(point, times)
    at.point, at.left = point, times
    feed = Beside(where.market, where.fake)
    with fast_loops(SPEED):
        feed.engine = Engine(Plan(where.state, where.database, "", "both", load(), 1e6, broker=at), lambda _: feed)
    feed.engine.run()


def begin(where: Place, point: str = "", times: int = 1) -> BaseProcess:
    """Starts a life."""
    process = _forks.Process(target=live, args=(where, point, times))
    process.start()
    return process


def ended(process: BaseProcess, seconds: float = 2 * LIMIT_SECONDS) -> bool:
    """Whether a life came to the market's end; after so many seconds it is killed."""
    process.join(seconds)
    with suppress(ProcessLookupError):
        process.kill()
    process.join(LIMIT_SECONDS)
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode == 0


def check(where: Place, market: list[bytes]) -> int:
    """Of each order there is at most one at the broker, and of each fill one in the book. Gives the orders."""
    tape, state = list(Segments(where.state / "tape").events()), where.fake.state()
    assert [event.seq for event in tape] == list(range(1, len(tape) + 1))
    assert market_of(tape) == market
    orders = [event.client_order_id for event in tape if isinstance(event, Intent)]
    assert len(set(orders)) == len(orders)
    assert max(state["accepted"].values(), default=0) <= 1
    assert state["accepted"].keys() <= set(orders)
    assert booked(where) == filled(state)
    _replays(where)
    return len(orders)


def filled(state: dict[str, Any]) -> Counter[str]:
    """Units that the broker filled, by order."""
    found = Counter[str]()
    for fill in state["fills"]:
        found[fill["client_id"]] += fill["quantity"]
    return found


def booked(where: Place) -> Counter[str]:
    """Units that the book counts, by order."""
    database = open_database(where.database, create=False)
    found = Counter[str]()
    with reading(database) as connection:
        for row in connection.execute(sa.select(fills.c.client_order_id, fills.c.quantity)):
            found[row.client_order_id] += int(row.quantity)
    database.dispose()
    return found


def _replays(where: Place) -> None:
    """The tape replays as it was recorded, into the same records."""
    again = f"sqlite:///{where.state.with_suffix('.again.db')}"
    run, flow = prepare([where.state / "tape"], Options(database=again))
    run.execute(flow)
    assert run.echoes is not None
    assert run.echoes.missing == []
    book_id = run.started.book_id
    run.engine.dispose()
    digests = []
    for url in (where.database, again):
        database = open_database(url, create=False)
        digests.append(records_sha256(database, book_id))
        database.dispose()
    assert digests[0] == digests[1]
