"""Who listens to a broker."""

import asyncio
from collections.abc import Callable

from flows.brokers.port import Broker, Heard
from operators.answers import Execution

WAIT_SECONDS = 100.0
"""Of a fast loop."""


class Ear:
    """What a broker tells, as it comes."""

    def __init__(self, broker: Broker) -> None:
        self.told: list[Heard] = []
        self._task = asyncio.create_task(self._hear(broker))

    async def _hear(self, broker: Broker) -> None:
        async for heard in broker.events():
            self.told.append(heard)

    @property
    def executions(self) -> list[Execution]:
        """The executions among it."""
        return [one for one in self.told if isinstance(one, Execution)]

    async def until(self, seen: Callable[[list[Heard]], bool]) -> list[Heard]:
        """What was told, once it holds something."""
        async with asyncio.timeout(WAIT_SECONDS):
            while not seen(self.told):
                await asyncio.sleep(0.05)
        return self.told

    async def end(self) -> None:
        """Listens no more."""
        self._task.cancel()
        await asyncio.wait([self._task])
