"""Broker, tape and desk have to agree: what was missed is brought in, what differs is told with both sides."""

from collections.abc import Callable, Collection, Sequence
from typing import Final, NamedTuple

from flows.brokers import comparing
from flows.brokers.port import Account, Broker, Held, Placed
from flows.brokers.sending import Sending
from operators.answers import Execution, Power
from operators.orders import Order, is_ours

MARGIN_NS: Final = 60_000_000_000
"""Executions are asked for from so long before the last time on: clocks differ, and doubled ones are known by name."""


class Standing(NamedTuple):
    """What the desk believes: units held by symbol, and the orders that may still fill."""

    held: dict[str, int]
    orders: Sequence[Order]


class Seen(NamedTuple):
    """What the broker said, all of it asked for after the desk's standing was taken."""

    account: Account
    held: Sequence[Held]
    placed: Sequence[Placed]
    executions: Sequence[Execution]


class Reconciling:
    """Compares one account with one desk; `since_ns` is the time up to which the tape knows it (UTC nanoseconds)."""

    def __init__(self, broker: Broker, sending: Sending, put: Callable[[Power], None], since_ns: int) -> None:
        self.strangers: list[str] = []
        self._broker, self._sending, self._put, self.since_ns = broker, sending, put, since_ns

    async def once(self, standing: Callable[[], Standing]) -> list[str] | None:
        """What differs, a sentence each; None while too much moves to say.

        Raises NotSent, Unclear or Unusable where the broker does not say.
        """
        before, over = standing(), {name for name, one in self._sending.flights.known.items() if one.over}
        lacking = [flight for flight in self._sending.flights.open if flight.missing]
        seen = await self._see()
        news = self._bring_in(seen, before)
        names = {placed.answer.client_order_id for placed in seen.placed}
        for flight in self._sending.flights.open:
            if flight.sent and flight.name not in names:
                await self._sending.look(flight)
        self._put(Power(0, 0, 0, seen.account.power_micros))
        self.strangers = comparing.strangers(before.held, seen.held, seen.placed)
        lost = [
            f"order {one.name} has {one.filled} filled at the broker, executions tell of {one.booked}"
            for one in lacking
            if one.missing
        ]
        if lost:  # of what was filled before the broker was asked nothing is under way any more
            return lost
        if news or self._sending.flights.open or standing() != before:
            return None
        return [*map(str, comparing.positions(before.held, seen.held)), *self._unknown(seen, over)]

    async def _see(self) -> Seen:
        account, held = await self._broker.account(), await self._broker.positions()
        placed = await self._broker.open_orders()
        return Seen(account, held, placed, await self._broker.executions(self.since_ns - MARGIN_NS))

    def _bring_in(self, seen: Seen, standing: Standing) -> bool:
        """Whether there were executions and answers that no stream told of; strangers' count where the desk holds.

        All with our mark count: an order that ended in a run before this one is no flight, and may yet have filled.
        """
        news = False
        for execution in seen.executions:
            if is_ours(execution.client_order_id) or execution.symbol in standing.held:
                news |= self._sending.hear(execution)
            self.since_ns = max(self.since_ns, execution.event_ns)
        for placed in seen.placed:
            news |= self._sending.hear(placed.answer)
        return news

    def _unknown(self, seen: Seen, over: Collection[str]) -> list[str]:
        """Orders that bear our mark and that no tape of ours knows, or that were over before the broker was asked."""
        names = [placed.answer.client_order_id for placed in seen.placed if comparing.ours(placed)]
        unknown = [name for name in names if name not in self._sending.flights.known]
        alive = [
            f"order {name} is open at the broker and has ended here: cancel it there" for name in names if name in over
        ]
        return [*(f"order {name} is at the broker and not on the tape" for name in unknown), *alive]
