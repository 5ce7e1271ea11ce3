"""The thread of a broker: one event loop that sends, hears, looks after what is under way, and reconciles."""

import asyncio
import random
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from itertools import count
from typing import Any, Final

from flows.backoff import USUAL
from flows.brokers.lanes import Lanes
from flows.brokers.port import Broker, Connection, NotSent, Unclear, Unusable
from flows.brokers.reconciling import Reconciling, Standing
from flows.brokers.sending import Sending
from operators.answers import Answer, Execution, Withdrawal
from operators.events import AnyEvent, Command, Intent

RECONCILED: Final = "the broker's account is not reconciled"
"""Why entries wait at a start and after a break: a reason of the engine, withdrawn once both sides agree."""
LOOK_SECONDS: Final = 1.0
SILENT_SECONDS: Final = 5.0
"""An order of which nothing was heard for so long, though something has to come, is looked up."""
EVERY_SECONDS: Final = 30.0
AGAIN_SECONDS: Final = 2.0
TROUBLE: Final = (NotSent, Unclear, Unusable)


class Tape:
    """What the thread may do with the tape, each from any thread: append, and wait until a place is safe."""

    def __init__(self, put: Callable[[AnyEvent], None], synced: Callable[[int, float], bool]) -> None:
        self.put, self.synced = put, synced

    async def safe(self, seq: int) -> None:
        """Returns once the event survives a power cut."""
        while not await asyncio.to_thread(self.synced, seq, 1.0):
            pass


class BrokerThread:
    """Runs one broker for one desk. `standing` gives what the desk believes; `difference` is what does not agree.

    Entries wait until the account is reconciled, and whenever it is not.
    """

    def __init__(
        self,
        broker: Broker,
        tape: Tape,
        standing: Callable[[], Standing],
        now_ns: Callable[[], int],
        since_ns: int,
        lanes: Lanes,
    ) -> None:
        self.difference = ""
        self._broker, self._tape, self._standing = broker, tape, standing
        self._sending = Sending(broker, tape.put, tape.safe, now_ns, lanes)
        self._reconciling = Reconciling(broker, self._sending, tape.put, since_ns)
        self._up = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)

    def start(self) -> None:
        """Begins: entries wait for the first reconciliation."""
        for order in self._standing().orders:
            self._sending.flights.restore(order, 0.0)
        self._restrain(RECONCILED)
        self._thread.start()

    def send(self, echo: Intent | Withdrawal) -> None:
        """An echo that stands on the tape; from any thread."""
        self._loop.call_soon_threadsafe(lambda: self._begin(self._sending.obey(echo)))

    def halt(self) -> None:
        """From now on no entry leaves; from any thread, and before the kill is on the tape."""
        self._sending.halted = True

    def rearm(self) -> None:
        """Entries may leave again."""
        self._sending.halted = False

    def close(self, seconds: float) -> None:
        """Ends the thread; what is under way is looked up at the next start."""
        self._loop.call_soon_threadsafe(self._stop)
        self._thread.join(seconds)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._main())
        self._loop.close()

    async def _main(self) -> None:
        """Connects, reconciles, and goes on until it is told to stop."""
        await self._connected()
        async with asyncio.TaskGroup() as group:
            for work in (self._hear, self._look_after, self._reconcile):
                group.create_task(work())

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _stop(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()

    async def _connected(self) -> None:
        for failures in count(1):
            try:
                await self._broker.connect()
            except TROUBLE as fault:
                self._restrain(f"the broker cannot be reached: {fault}")
                await asyncio.sleep(USUAL.seconds(failures, random.random()))  # noqa: S311  # no secret
            else:
                return

    async def _hear(self) -> None:
        async for heard in self._broker.events():
            match heard:
                case Connection(up=True):
                    self._up.set()
                case Connection():
                    self._restrain(RECONCILED)
                case Answer() | Execution():
                    self._sending.hear(heard)

    async def _look_after(self) -> None:
        """Looks up orders that were silent for too long."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            now = self._loop.time()
            for flight in [one for one in self._sending.flights.open if one.sent]:
                waits = flight.state in (None, "unknown") or flight.missing
                if waits and now - flight.news_at >= SILENT_SECONDS:
                    self._begin(self._sending.inquire(flight.name))
                    if flight.missing:
                        self._up.set()

    async def _reconcile(self) -> None:
        """Now, after each reconnection and every half minute."""
        while True:
            self._up.clear()
            differences: list[str] | None
            try:
                differences = await self._reconciling.once(self._standing)
            except TROUBLE as fault:
                differences = [f"the broker does not answer: {fault}"]
            self._judge(differences)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._up.wait(), EVERY_SECONDS if differences == [] else AGAIN_SECONDS)

    def _judge(self, differences: list[str] | None) -> None:
        """What differs; None while too much moves to say."""
        if differences is None:
            return
        if differences:
            self._restrain("; ".join(differences))
        elif self.difference:
            self._tape.put(Command(0, 0, 0, "restore", "engine", RECONCILED))
            self.difference = ""

    def _restrain(self, why: str) -> None:
        if not self.difference:
            self._tape.put(Command(0, 0, 0, "reduce", "engine", RECONCILED))
        self.difference = why
