"""Paces what is asked of a broker: one bucket of tokens, part of which only exits and cancels may take."""

import asyncio
import heapq
from itertools import count
from typing import Final, Literal

Lane = Literal["exit", "cancel", "lookup", "entry"]
ORDER: Final[tuple[Lane, ...]] = ("exit", "cancel", "lookup", "entry")
RESERVED: Final = 0.3
"""Share of the bucket that is kept for exits and cancels. Source: product rule "Orders", a bucket of their own."""


class Lanes:
    """A bucket of `size` requests that fills at `per_second`; who waits longest in the highest lane is next.

    One call may need more than one request: each is told with `spend`, and those that nobody waited for are made up for
    by whoever comes next. Time is the running loop's.
    """

    def __init__(self, size: int, per_second: float) -> None:
        self._size, self._per_second = float(size), per_second
        self._tokens, self._at = float(size), 0.0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._numbers, self._promised = count(), 0
        self._blocked_until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def take(self, lane: Lane) -> None:
        """Returns when a request may go out."""
        ready = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (ORDER.index(lane), next(self._numbers), ready))
        self._serve()
        await ready

    def spend(self) -> None:
        """A request goes out: one that was waited for, or a further one."""
        if self._promised:
            self._promised -= 1
        else:
            self._tokens -= 1.0

    def hold(self, seconds: float) -> None:
        """The broker said that it takes nothing for so long."""
        self._blocked_until = max(self._blocked_until, asyncio.get_running_loop().time() + seconds)

    def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        self._tokens = min(self._size, self._tokens + (now - self._at) * self._per_second)
        self._at = now
        if self._timer is not None:
            self._timer.cancel()
        while self._waiting:
            place, _, ready = self._waiting[0]
            needed = 1.0 if ORDER[place] in ("exit", "cancel") else 1.0 + RESERVED * self._size
            wait = max(self._blocked_until - now, (min(needed, self._size) - self._tokens) / self._per_second)
            if wait > 0.0 and not ready.done():
                self._timer = loop.call_later(max(wait, 0.001), self._serve)
                return
            heapq.heappop(self._waiting)
            if not ready.done():
                self._tokens -= 1.0
                self._promised += 1
                ready.set_result(None)
