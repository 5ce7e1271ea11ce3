"""Brokers with what stands behind them, all alike for the tests that every broker has to pass."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from flows.brokers.port import Broker, Connection
from operators.answers import Answer
from operators.events import SECOND_NS, Intent
from tests.alpaca_brokers import broker as alpaca
from tests.alpaca_market import ny
from tests.ears import WAIT_SECONDS, Ear
from tests.fakes.alpaca.process import Alpaca
from tests.fakes.exchange import Exchange

FALL = ny("10:00:10.5")


class World(Protocol):
    """A broker, orders of TQQQ that rest there at first, and the power to fill them."""

    broker: Broker
    ear: Ear

    def buy(self, name: str, quantity: int) -> Intent:
        """A purchase that rests."""

    def sell(self, name: str, quantity: int) -> Intent:
        """A sale that rests, or fills at once."""

    async def fill(self, name: str, quantity: int) -> None:
        """Lets so many units of an order fill, 100 at most, if they did not yet."""

    def accepted(self) -> dict[str, int]:
        """How many orders were accepted, by name."""


class Memory:
    """The exchange in memory."""

    def __init__(self) -> None:
        self.broker = self.exchange = Exchange()

    ear: Ear

    def buy(self, name: str, quantity: int) -> Intent:
        return Intent(5, 0, 0, 4, name, "TQQQ", "buy", quantity, 49_950_000)

    def sell(self, name: str, quantity: int) -> Intent:
        return Intent(5, 0, 0, 4, name, "TQQQ", "sell", quantity, 49_000_000)

    async def fill(self, name: str, quantity: int) -> None:
        self.exchange.fill(name, quantity)

    def accepted(self) -> dict[str, int]:
        return dict(self.exchange.accepted)


class AtAlpaca:
    """Alpaca's adapter at the fake: 100 units a second fill from 10:00:10 on."""

    def __init__(self, fake: Alpaca) -> None:
        self.fake, self.broker, self._at_ns = fake, alpaca(fake), FALL

    ear: Ear

    def buy(self, name: str, quantity: int) -> Intent:
        return Intent(5, 0, 0, 4, name, "TQQQ", "buy", quantity, 49_950_000)

    def sell(self, name: str, quantity: int) -> Intent:
        return Intent(5, 0, 0, 4, name, "TQQQ", "sell", quantity, 49_000_000)

    async def fill(self, *_: object) -> None:
        self.fake.until(self._at_ns)
        self._at_ns += SECOND_NS

    def accepted(self) -> dict[str, int]:
        return dict(self.fake.state()["accepted"])


@asynccontextmanager
async def opened(world: World) -> AsyncIterator[World]:
    """The world for as long as a block runs, its broker connected, up and listened to."""
    world.ear = Ear(world.broker)
    try:
        await world.broker.connect()
        await world.ear.until(lambda told: Connection(True) in told)
        yield world
    finally:
        await world.ear.end()
        await world.broker.close()


async def state(broker: Broker, name: str, seen: Callable[[Answer], bool]) -> Answer:
    """What a lookup says, once it says something."""
    async with asyncio.timeout(WAIT_SECONDS):
        while (answer := await broker.lookup(name)) is None or not seen(answer):
            await asyncio.sleep(0.2)
    return answer
