"""A broker in memory behind the port: it fills what it is told to fill, and goes wrong where a script says so."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence

from msgspec.structs import replace

from flows.brokers.port import Account, Capabilities, Connection, Heard, Held, NotSent, Placed, Unclear
from operators.answers import Answer, Execution, Verdict
from operators.events import Intent

Fault = Callable[[], None]
OVER = ("cancelled", "rejected", "expired")


class Order:
    """An order that was accepted."""

    def __init__(self, intent: Intent) -> None:
        self.intent, self.filled = intent, 0
        self.state: Verdict = "working"

    @property
    def open(self) -> bool:
        """Whether it may still fill."""
        return self.state not in OVER and self.filled < self.intent.quantity

    @property
    def answer(self) -> Answer:
        """The broker's word on it."""
        return Answer(0, 0, 0, self.intent.client_order_id, self.state, self.filled)


class Exchange:
    """One account. `faults` are taken one a call, by the call's name: each is raised before or after the call's effect.

    `accepted` counts orders by client id; `mute` keeps events from being told.
    """

    name, address = "exchange", "memory"
    capabilities = Capabilities(True, True, False, True, 48, 100, 50.0)

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self.done: list[Execution] = []
        self.accepted: Counter[str] = Counter()
        self.calls: list[str] = []
        self.before: dict[str, list[Exception | None]] = defaultdict(list)
        self.after: dict[str, list[Exception | None]] = defaultdict(list)
        self.mute = False
        self.cancels_work = True
        self.hidden: set[str] = set()
        self.unreadable: set[str] = set()
        self.bought: Counter[str] = Counter()
        self.power_micros = 10**12
        self.account_id, self.equity_micros = "X1", 10**11
        self.on_request: Callable[[], None] = lambda: None
        self._events: asyncio.Queue[Heard] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None

    def fill(self, name: str, quantity: int, price_micros: int = 50_000_000) -> Execution:
        """Fills a part of an order and tells of it."""
        order = self.orders[name]
        order.filled += quantity
        intent = order.intent
        self.bought[intent.symbol] += quantity if intent.side == "buy" else -quantity
        execution = Execution(
            0, 0, len(self.done) + 1, f"x{len(self.done) + 1}", name, intent.symbol, intent.side, quantity, price_micros
        )
        self.done.append(execution)
        self.tell(execution)
        return execution

    def fill_from_outside(self, name: str, quantity: int) -> None:
        """Fills from another thread than that of the broker."""
        self._outside(lambda: self.fill(name, quantity))

    def reconnect_from_outside(self) -> None:
        """Breaks the stream off, and brings it up again."""
        self._outside(lambda: self.tell(Connection(False, "a test")))
        self._outside(lambda: self.tell(Connection(True)))

    def _outside(self, what: Callable[[], object]) -> None:
        assert self._loop is not None, "nobody has connected yet"
        self._loop.call_soon_threadsafe(what)

    def tell_from_outside(self, heard: Heard) -> None:
        """Tells from another thread than that of the broker."""
        assert self._loop is not None, "nobody has connected yet"
        self._loop.call_soon_threadsafe(self.tell, heard)

    def tell(self, heard: Heard) -> None:
        """Puts something onto the stream of events."""
        if not self.mute:
            self._events.put_nowait(heard)

    def _fails(self, call: str, faults: dict[str, list[Exception | None]]) -> None:
        fault = faults[call].pop(0) if faults[call] else None
        if fault is not None:
            raise fault

    async def _called(self, call: str) -> None:
        self.calls.append(call)
        self.on_request()
        await asyncio.sleep(0.01)
        self._fails(call, self.before)

    async def connect(self) -> Account:
        await self._called("connect")
        if self._loop not in (None, asyncio.get_running_loop()):
            # A new process: what was told to the one before is gone.
            self._events = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self.tell(Connection(True))
        return await self.account()

    async def close(self) -> None:
        self.calls.append("close")

    async def account(self) -> Account:
        await self._called("account")
        return Account(self.account_id, self.equity_micros, self.equity_micros, self.power_micros, 2)

    async def positions(self) -> Sequence[Held]:
        await self._called("positions")
        return [Held(symbol, held, 50_000_000) for symbol, held in self.bought.items() if held]

    async def open_orders(self) -> Sequence[Placed]:
        await self._called("open_orders")
        live = [order for order in self.orders.values() if order.open]
        return [Placed(one.answer, one.intent.symbol, one.intent.side, one.intent.quantity) for one in live]

    async def lookup(self, client_order_id: str) -> Answer | None:
        await self._called("lookup")
        order = None if client_order_id in self.hidden else self.orders.get(client_order_id)
        if order is None:
            return None
        return replace(order.answer, state="unknown") if client_order_id in self.unreadable else order.answer

    async def executions(self, since_ns: int) -> Sequence[Execution]:
        await self._called("executions")
        return [one for one in self.done if one.event_ns >= since_ns]

    async def submit(self, intent: Intent) -> Answer:
        await self._called("submit")
        if intent.client_order_id in self.orders:
            return self.orders[intent.client_order_id].answer
        self.accepted[intent.client_order_id] += 1
        self.orders[intent.client_order_id] = Order(intent)
        self._fails("submit", self.after)
        return self.orders[intent.client_order_id].answer

    async def cancel(self, client_order_id: str) -> Answer:
        await self._called("cancel")
        order = self.orders.get(client_order_id)
        if order is None:
            raise Unclear(f"no order {client_order_id}")
        if self.cancels_work and order.open:
            order.state = "cancelled"
        self._fails("cancel", self.after)
        return order.answer

    async def events(self) -> AsyncIterator[Heard]:
        while True:
            yield await self._events.get()


def busy(seconds: float) -> NotSent:
    """The broker takes nothing for so long."""
    return NotSent("too many requests", seconds)
