"""The thread of a broker: one event loop that sends, hears, looks after what is under way, and reconciles."""

import asyncio
import random
import threading
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from itertools import count
from typing import Any, Final

from flows.backoff import USUAL
from flows.brokers.lanes import Lanes
from flows.brokers.port import Broker, Connection, NotSent, Unclear, Unusable
from flows.brokers.reconciling import Reconciling, Standing
from flows.brokers.sending import Sending
from operators.answers import Answer, Execution, Withdrawal
from operators.events import Action, AnyEvent, Command, Intent
from operators.orders import Order

RECONCILED: Final = "the broker's account is not reconciled"
"""Why entries wait at a start, after a break and while the two sides differ; how they differ follows it."""
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
    """Runs one account of a broker for one desk. `standing` gives what the desk believes.

    Entries wait until the account is reconciled, and whenever it is not: `difference` is what does not agree. Nothing
    is sent to another account than the one with this id. `fault` is what broke the thread.
    """

    def __init__(
        self,
        broker: Broker,
        account_id: str,
        tape: Tape,
        standing: Callable[[], Standing],
        now_ns: Callable[[], int],
        since_ns: int,
        lanes: Lanes,
    ) -> None:
        self.difference = ""
        self.fault: Exception | None = None
        self._broker, self._account_id, self._tape, self._standing = broker, account_id, tape, standing
        self._lanes, broker.on_request = lanes, lanes.spend
        self._sending = Sending(broker, tape.put, tape.safe, now_ns, lanes)
        self._reconciling = Reconciling(broker, self._sending, tape.put, since_ns)
        self._up, self._signed_in = asyncio.Event(), asyncio.Event()
        self._connection = Connection(False)
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)

    def start(self, left: Sequence[Order] = (), said: Sequence[str] = ()) -> None:
        """Begins: entries wait for the first reconciliation.

        `left` are orders that a run before this one may have sent, `said` the reasons that it gave for no entries.
        """
        for order in left:
            self._sending.flights.restore(order, 0.0)
            self._reconciling.since_ns = min(self._reconciling.since_ns, order.sent_ns)
            if order.cancel_asked:  # whether the run before this one still did it nobody knows
                self.send(Withdrawal(0, 0, 0, 0, order.order_id))
        self._say("not looked at yet")
        for reason in said:
            self._command("restore", reason)
        self._thread.start()

    def send(self, echo: Intent | Withdrawal) -> None:
        """An echo that stands on the tape; from any thread. After a fault the next start looks after it."""
        if self.fault is None:
            self._loop.call_soon_threadsafe(lambda: self._begin(self._obey(echo)))

    def halt(self) -> None:
        """From now on no entry leaves; from any thread, and before the kill is on the tape."""
        self._sending.halted = True

    def lifted(self) -> None:
        """A person or a session's open lifted what stands all the same: it is said again; from any thread."""
        if self.fault is None:
            self._loop.call_soon_threadsafe(self._say_again)

    def rearm(self) -> None:
        """Entries may leave again."""
        self._sending.halted = False

    def idle(self) -> bool:
        """Whether no echo is under way: each was answered, its order may rest. Waits for the loop's next turn."""

        async def look() -> bool:
            return not self._tasks

        return asyncio.run_coroutine_threadsafe(look(), self._loop).result()

    def close(self, seconds: float) -> None:
        """Ends the thread, if it began, and the broker's connections; the next start looks up what is under way."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop)
            self._thread.join(seconds)

    def _stop(self) -> None:
        self._main.cancel()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._main = self._loop.create_task(self._work())
        try:
            self._loop.run_until_complete(self._main)
        except asyncio.CancelledError:
            pass
        except BaseExceptionGroup as faults:
            self._broken(faults.exceptions[0])
        except Exception as fault:
            self._broken(fault)
        finally:
            self._loop.run_until_complete(self._end())
            self._loop.close()

    async def _work(self) -> None:
        """Connects, reconciles, and goes on until it is told to stop."""
        await self._connected()
        async with asyncio.TaskGroup() as group:
            for work in (self._hear, self._look_after, self._reconcile):
                group.create_task(work())

    async def _end(self) -> None:
        """Ends what this thread began, and has the broker end what it began itself."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(*TROUBLE):
            await self._broker.close()
        # What a library leaves behind is cancelled and needs a turn of the loop to end.
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for other in left:
            other.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.sleep(0)  # a socket whose connecting was cancelled is closed in the loop's next turn

    async def _obey(self, echo: Intent | Withdrawal) -> None:
        await self._signed_in.wait()
        await self._sending.obey(echo)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._broken(task.exception())

    def _broken(self, fault: BaseException | None) -> None:
        self.fault = self.fault or (fault if isinstance(fault, Exception) else RuntimeError(repr(fault)))

    async def _connected(self) -> None:
        for failures in count(1):
            try:
                account = await self._broker.connect()
            except TROUBLE as fault:
                self._say(f"the broker cannot be reached: {fault}")
            else:
                if account.account_id == self._account_id:
                    self._signed_in.set()
                    return
                self._say(f"it is {account.account_id}, not {self._account_id}: start with that account's keys")
            await asyncio.sleep(USUAL.seconds(failures, random.random()))  # noqa: S311  # no secret

    async def _hear(self) -> None:
        async for heard in self._broker.events():
            match heard:
                case Connection(up, reason):
                    self._connection = heard
                    if up:
                        self._up.set()
                    else:
                        self._say(f"the broker does not tell of orders: {reason}")
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
        """Now, after each reconnection and every half minute, oftener while the stream is down or something moves.

        That all agrees counts only where the stream was up all the while.
        """
        while True:
            self._up.clear()
            await self._lanes.take("lookup")
            connection = self._connection
            differences: list[str] | None
            try:
                differences = await self._reconciling.once(self._standing)
            except TROUBLE as fault:
                differences = [f"the broker does not answer: {fault}"]
            if differences == [] and not (connection.up and self._connection is connection):
                differences = None
            if differences is not None:  # where too much moves to say, what was said before holds
                self._say("; ".join(differences))
            # Not wait_for, which in Python 3.11 may forget that it was cancelled: then the thread would never end.
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_SECONDS if differences == [] else AGAIN_SECONDS):
                    await self._up.wait()

    def _say(self, difference: str) -> None:
        """Entries wait while there is a difference; each new one takes the place of the one before."""
        before, self.difference = self._sending.withheld, difference
        self._sending.withheld = f"{RECONCILED}: {difference}" if difference else ""
        if self._sending.withheld == before:
            return
        self._say_again()
        if before:
            self._command("restore", before)

    def _say_again(self) -> None:
        if self._sending.withheld:
            self._command("reduce", self._sending.withheld)

    def _command(self, action: Action, reason: str) -> None:
        self._tape.put(Command(0, 0, 0, action, "engine", reason))
