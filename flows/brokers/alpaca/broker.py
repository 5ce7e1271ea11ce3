"""Alpaca's trading API as a broker: shares, funds and options of US shares in one account, paper or live."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from flows.brokers.alpaca import wording
from flows.brokers.alpaca.calls import NOT_FOUND, OK, TOO_MANY, Calls, Reply
from flows.brokers.alpaca.keys import LIVE, Keys, Place
from flows.brokers.alpaca.lists import whole
from flows.brokers.alpaca.updates import Pace, Updates
from flows.brokers.alpaca.wording import Json, Unreadable
from flows.brokers.port import Account, Capabilities, Connection, Heard, Held, Placed, Unclear
from operators.answers import Answer, Execution
from operators.events import SECOND_NS, Intent

REFUSALS: Final = (400, 403, 404, 422)
"""Statuses by which Alpaca turns an order away for good, if it says why."""
ORDERS_A_PAGE, FILLS_A_PAGE = 500, 100
"""The most that Alpaca gives in one answer."""
OVERLAP_NS: Final = 1_000
"""Pages of orders are asked for from a microsecond before the last one on: orders of one instant stay together."""
Found = TypeVar("Found")


class Alpaca:
    """One account at the REST `address`; its `name` tells real money from a paper account's.

    `timeout_seconds` is for connecting and for each wait, `limit_seconds` for a whole request. `on_request` is called
    for every request that leaves. `pages` is how many orders and fills are asked for at once.
    """

    # Alpaca counts 200 requests a minute: what comes at once and what comes in a minute are together no more.
    capabilities = Capabilities(
        options=True,
        index_options=False,
        fractional=False,
        market_orders=True,
        id_characters=48,
        burst=80,
        per_second=2.0,
    )

    def __init__(
        self,
        keys: Keys,
        place: Place,
        *,
        timeout_seconds: float = 10.0,
        limit_seconds: float = 20.0,
        pace: Pace = Pace(),  # noqa: B008  # it cannot be changed
        pages: tuple[int, int] = (ORDERS_A_PAGE, FILLS_A_PAGE),
    ) -> None:
        self.address, self.keys, self.place = place.rest, keys, place
        self.name = "alpaca" if place == LIVE else "alpaca-paper"
        self.on_request: Callable[[], None] = lambda: None
        self._calls = Calls(keys, place.rest, timeout_seconds, limit_seconds, self._requested)
        self._heard: asyncio.Queue[Heard] = asyncio.Queue()
        self._updates = Updates(place.stream, keys, pace, self._hear)
        self._listening: asyncio.Task[None] | None = None
        self._pages = pages
        self._names: dict[str, str] = {}
        self._ids: dict[str, str] = {}
        self._leaving: dict[str, Future[Reply]] = {}

    async def connect(self) -> Account:
        """Asks for the account, then begins to listen."""
        account = await self.account()
        if self._listening is None:
            self._listening = asyncio.create_task(self._updates.run())
            self._listening.add_done_callback(self._deaf)
        return account

    async def close(self) -> None:
        """Ends the stream; requests that hang end by their timeout."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening])
        self._calls.close()

    async def account(self) -> Account:
        """The account now. Raises Unusable where it is blocked."""
        return _read(wording.account, await self._calls.read("/account"))

    async def positions(self) -> Sequence[Held]:
        """All that is held, in whole units."""
        told = await self._calls.read("/positions")
        if not isinstance(told, list):
            raise Unclear("Alpaca's list of positions is none")
        return [_read(wording.held, one) for one in told]

    async def open_orders(self) -> Sequence[Placed]:
        """All orders that may still fill."""
        size = self._pages[0]

        async def page(last: Json | None) -> Any:
            asked = {"status": "open", "limit": size, "direction": "asc"}
            if last is not None:
                asked["after"] = wording.stamp(wording.instant_ns(last.get("submitted_at")) - OVERLAP_NS)
            return await self._calls.read("/orders", asked)

        found = [_read(wording.placed, one) for one in await whole("open orders", page, size)]
        for one in found:
            self._know(one.answer)
        return found

    async def lookup(self, client_order_id: str) -> Answer | None:
        """The order of that name; None where Alpaca says in its own words that it has none.

        Unclear while the request with that order may still leave.
        """
        leaving = self._leaving.get(client_order_id)
        may_come = leaving is not None and not leaving.done()
        found = await self._find(client_order_id)
        if found is None and may_come:
            raise Unclear(f"{client_order_id} is still on its way to Alpaca")
        return found

    async def executions(self, since_ns: int) -> Sequence[Execution]:
        """All fills from an instant on; the order of each is asked for once, for fills do not tell its name.

        Alpaca tells of what comes after a time, without it: it is asked for a second more.
        """
        size, since = self._pages[1], wording.stamp(since_ns - SECOND_NS)

        async def page(last: Json | None) -> Any:
            asked = {"after": since, "direction": "asc", "page_size": size}
            return await self._calls.read(
                "/account/activities/FILL", asked | ({"page_token": last["id"]} if last else {})
            )

        found = [await self._execution(one) for one in await whole("fills", page, size)]
        return [one for one in found if one is not None and one.event_ns >= since_ns]

    async def submit(self, intent: Intent) -> Answer:
        """Sends a day order once. A refusal in Alpaca's words is `rejected`, a name used before is looked up.

        A 429 stands before the books, as far as is known. A sale that got one is NotSent: it goes again under its name,
        which Alpaca takes once. A purchase is Unclear: it will not go again, so nobody would find out.
        """
        selling = intent.side == "sell"
        reply = await self._calls.ask("post", "/orders", wording.order(intent), urgent=selling)
        reason = wording.message(reply.body)
        if reply.running is not None:
            self._leaving[intent.client_order_id] = reply.running
        if reply.status == OK:
            return self._named(intent.client_order_id, reply.body)
        if "client_order_id" in reason and "unique" in reason:
            return await self._known(intent.client_order_id, urgent=selling)
        if reply.status in REFUSALS and reason:
            return Answer(0, 0, 0, intent.client_order_id, "rejected", reason=reply.why)
        if reply.status == TOO_MANY and not selling:
            raise Unclear(reply.why)
        raise reply.fault()

    async def cancel(self, client_order_id: str) -> Answer:
        """Asks for a cancel; `working` where Alpaca takes it on and the stream will tell, else what a lookup says."""
        if client_order_id not in self._ids:
            await self._known(client_order_id, urgent=True)
        order_id = self._ids[client_order_id]
        reply = await self._calls.ask("delete", f"/orders/{order_id}", urgent=True)
        if reply.status == OK and self._updates.up:
            return Answer(0, 0, 0, client_order_id, "working", broker_order_id=order_id)
        if reply.status in (OK, *REFUSALS):
            return await self._known(client_order_id, urgent=True)
        raise reply.fault()

    async def events(self) -> AsyncIterator[Heard]:
        """What the stream tells, and whether it is up."""
        while True:
            yield await self._heard.get()

    async def _find(self, name: str, *, urgent: bool = False) -> Answer | None:
        asked = {"client_order_id": name}
        reply = await self._calls.ask("get", "/orders:by_client_order_id", asked, urgent=urgent)
        words = wording.message(reply.body)
        if reply.status == NOT_FOUND and words and "endpoint" not in words:
            return None
        return self._named(name, reply.good())

    async def _known(self, name: str, *, urgent: bool) -> Answer:
        """The state of an order that Alpaca has to know. Raises Unclear if it does not."""
        found = await self._find(name, urgent=urgent)
        if found is None:
            raise Unclear(f"Alpaca finds no order {name}")
        return found

    async def _execution(self, told: Json) -> Execution | None:
        """A fill of the list of activities; None for a fraction of a share, which only strangers trade."""
        order_id, quantity = told.get("order_id"), _read(wording.units, told.get("qty"))
        if not isinstance(order_id, str):
            raise Unclear("a fill in Alpaca's list is of no order")
        if not quantity:
            return None
        if order_id not in self._names:
            self._know(_read(wording.answer, await self._calls.read(f"/orders/{order_id}")))
        name, total, at = self._names[order_id], told.get("cum_qty"), told.get("transaction_time")
        return _read(wording.execution, order_id, name, told, total, at)

    def _deaf(self, listening: asyncio.Task[None]) -> None:
        """A stream that ends for good, which is a fault of ours, is a break like any other."""
        if not listening.cancelled():
            self._hear(Connection(False, f"listening failed: {type(listening.exception()).__name__}"))

    def _requested(self) -> None:
        self.on_request()

    def _named(self, name: str, told: object) -> Answer:
        """An order's state, if it is the order of that name."""
        found = _read(wording.answer, told)
        if found.client_order_id != name:
            raise Unclear(f"Alpaca answered of {found.client_order_id} instead of {name}")
        self._know(found)
        return found

    def _know(self, answer: Answer) -> None:
        self._names[answer.broker_order_id] = answer.client_order_id
        self._ids[answer.client_order_id] = answer.broker_order_id

    def _hear(self, heard: Heard) -> None:
        if isinstance(heard, Answer):
            self._know(heard)
        self._heard.put_nowait(heard)


def _read(reading: Callable[..., Found], *told: object) -> Found:
    """What a body says. Raises Unclear where it cannot be read."""
    try:
        return reading(*told)
    except Unreadable as fault:
        raise Unclear(f"Alpaca's answer cannot be read: {fault}") from None
