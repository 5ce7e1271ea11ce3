"""A feed's streams in an asyncio loop in a thread of its own: watched, connected again, merged, conflated, queued."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from functools import partial
from queue import SimpleQueue
from typing import Any, Final, Self

from reactivex import Observable
from reactivex.scheduler.eventloop import AsyncIOScheduler

from flows.engine.telling import tell
from flows.feeds.alpaca.connecting import Emit, working
from flows.feeds.alpaca.faults import Occupied, WrongKeys
from flows.feeds.merging import Conflating, Connecting, merged, reconnecting, watched
from operators.events import AnyEvent

Work = Callable[[Emit], Coroutine[Any, Any, None]]
WAITING: Final = 1_000
"""Events that wait for the tape before quotes are conflated: some seconds of a busy market."""
END_SECONDS: Final = 3.0


class Streams:
    """Runs what was added for as long as a block runs; `queue` holds what came, `fault` is what ended it for good."""

    def __init__(self) -> None:
        self.queue: SimpleQueue[AnyEvent] = SimpleQueue()
        self.fault: Exception | None = None
        self._loop = asyncio.new_event_loop()
        self._scheduler = AsyncIOScheduler(self._loop)
        self._conflating = Conflating(self.queue.put, self.queue.qsize, WAITING)
        self._streams: dict[str, Observable[AnyEvent]] = {}
        self._thread = threading.Thread(target=self._loop.run_forever, name="alpaca", daemon=True)

    def add(self, name: str, work: Work, silent_seconds: float = 0.0, speaks: Callable[[], bool] = bool) -> None:
        """Adds work that emits; with `silent_seconds` it is begun again when it says nothing while `speaks` holds."""

        def connect() -> Observable[AnyEvent]:
            stream = working(self._loop, work)
            return watched(stream, silent_seconds, speaks, self._scheduler) if silent_seconds else stream

        self._streams[name] = reconnecting(Connecting(connect, self._scheduler, partial(self._broken, name)))

    def release(self) -> None:
        """Puts the quotes that were held back, from any thread."""
        self._loop.call_soon_threadsafe(self._conflating.release)

    def __enter__(self) -> Self:
        self._thread.start()
        self._loop.call_soon_threadsafe(self._begin)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _begin(self) -> None:
        self._subscription = merged(self._streams).subscribe(self._conflating.take)

    async def _end(self) -> None:
        """Leaves the streams, each of which then closes its socket."""
        self._subscription.dispose()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        if rest:
            await asyncio.wait(rest, timeout=END_SECONDS)

    def _broken(self, name: str, fault: Exception, seconds: float) -> None:
        if isinstance(fault, WrongKeys):
            self.fault = self.fault or fault
            return
        code = "W122" if isinstance(fault, Occupied) else "W121"
        tell(code, stream=name, detail=f"{type(fault).__name__}: {fault}", again_in_seconds=round(seconds, 1))
