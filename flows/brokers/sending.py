"""Sends what stands on the tape and finds out what became of it: at most one order an intent, whatever happens.

Nothing is sent before its intent survives a power cut, and nothing is sent twice on an unclear answer: it is looked up.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from flows.brokers.flights import Flight, Flights
from flows.brokers.inquiry import Inquiry
from flows.brokers.lanes import Lane, Lanes
from flows.brokers.port import Broker, NotSent, Unclear, Unusable
from flows.points import point
from operators.answers import Answer, Execution, Withdrawal
from operators.events import SECOND_NS, Intent

STALE_NS: Final = 5 * SECOND_NS
"""An entry that is older when it could go out is not sent. Source: product rule "Intent first"."""
CANCEL_SECONDS: Final = 3.0
"""How long a cancel may go without an end before the order is looked up and the cancel asked for again."""
AGAIN_SECONDS: Final = 1.0
Put = Callable[[Answer | Execution], None]


class Sending:
    """The orders of one account. `put` appends to the tape, `safe` returns once an event survives a power cut.

    `now_ns` is the tape's time. While `halted`, or for a reason that is `withheld`, no entry leaves.
    """

    def __init__(
        self, broker: Broker, put: Put, safe: Callable[[int], Awaitable[None]], now_ns: Callable[[], int], lanes: Lanes
    ) -> None:
        self.flights, self.halted, self.withheld = Flights(), False, ""
        self._broker, self._put, self._safe, self._now_ns, self._lanes = broker, put, safe, now_ns, lanes
        self._asking: set[str] = set()

    async def obey(self, echo: Intent | Withdrawal) -> None:
        """Does what an echo of the tape says; returns when that is settled or another has taken it over."""
        if isinstance(echo, Intent):
            await self._submit(echo)
        else:
            await self._cancel(echo.client_order_id)

    def hear(self, said: Answer | Execution) -> bool:
        """Takes what the broker told; whether that was news, which alone goes onto the tape.

        What it tells of has arrived, whatever it answered to the order.
        """
        taken = self.flights.answer if isinstance(said, Answer) else self.flights.execution
        news = taken(said, _now())  # type: ignore[arg-type]  # each takes its own kind
        if said.client_order_id in self.flights.known:
            self.flights.known[said.client_order_id].sent = True
        if news:
            self._put(said)
        return news

    async def _submit(self, intent: Intent) -> None:
        flight = self.flights.begin(intent, _now())
        while True:
            if flight.sent:  # turned away, and yet the broker told of it
                return await self._cancel(flight.name) if flight.withdrawn else None
            if flight.withdrawn:
                return self._say(intent.client_order_id, "cancelled", "withdrawn before it was sent")
            why = self._withheld(intent)
            if why:
                return self._say(intent.client_order_id, "rejected", why)
            await self._lanes.take(_lane(intent))
            await self._safe(intent.seq)
            point("intent safe")
            if flight.sent or flight.withdrawn or self._withheld(intent):
                continue
            try:
                self.hear(await self._posted(flight, intent))
                return None
            except NotSent as fault:
                flight.sent = flight.told
                await self._wait(fault)
            except Unusable as fault:
                return self._say(intent.client_order_id, "rejected", str(fault))
            except Unclear as fault:
                self._say(intent.client_order_id, "unknown", str(fault))
                return await self.inquire(intent.client_order_id)

    async def _posted(self, flight: Flight, intent: Intent) -> Answer:
        """The broker's answer to an order that goes out now."""
        flight.sent = flight.posting = True
        try:
            return await self._broker.submit(intent)
        finally:
            flight.posting = False

    def _withheld(self, intent: Intent) -> str:
        """Why an order is not sent. Of exits only one that a killed run decided is not: the desk prices it anew."""
        if intent.late:
            return "decided by a run that ended before it was sent"
        if intent.side == "sell":
            return ""
        if self.halted:
            return "trading was halted before it was sent"
        if self.withheld:
            return self.withheld
        age_ns = self._now_ns() - intent.at_ns
        return f"stale: {age_ns / SECOND_NS:.1f} s old, limit {STALE_NS / SECOND_NS:g}" if age_ns > STALE_NS else ""

    async def inquire(self, name: str) -> None:
        """Looks an order up until its fate is known or all of it is filled. One that never arrived is `rejected`."""
        if name in self._asking:
            return
        self._asking.add(name)
        inquiry, flight = Inquiry(_now()), self.flights.known[name]
        try:
            while flight.state in (None, "unknown") and not flight.over:
                await asyncio.sleep(inquiry.next_at - _now())
                try:
                    answer = await self._looked_up(flight)
                except (NotSent, Unclear, Unusable):
                    inquiry.failed(_now())
                    continue
                if inquiry.heard(answer, _now()):
                    self.hear(answer or Answer(0, 0, 0, name, "rejected", reason="it never arrived at the broker"))
        finally:
            self._asking.discard(name)

    async def _looked_up(self, flight: Flight) -> Answer | None:
        """What the broker says of an order; that it knows none is Unclear while the order is on its way."""
        await self._lanes.take("lookup")
        answer = await self._broker.lookup(flight.name)
        if answer is None and flight.posting:
            raise Unclear(f"{flight.name} is still on its way")
        return answer

    async def look(self, flight: Flight) -> None:
        """Asks once what became of an order that was silent for too long."""
        try:
            answer = await self._looked_up(flight)
        except (NotSent, Unclear, Unusable):
            return
        if answer is None:
            self._say(flight.name, "unknown", "the broker does not know it")
            await self.inquire(flight.name)
        else:
            self.hear(answer)

    async def _cancel(self, name: str) -> None:
        """Asks for a cancel until the order has ended; one that did not leave yet stays."""
        flight = self.flights.known.get(name)
        if flight is None:
            return
        flight.withdrawn = True
        while flight.sent and not flight.over:
            await self._lanes.take("cancel")
            try:
                self.hear(await self._broker.cancel(name))
            except NotSent as fault:
                await self._wait(fault)
                continue
            except (Unclear, Unusable):
                pass
            await self._until_over(flight, CANCEL_SECONDS)
            if not flight.over:
                await self.look(flight)

    async def _until_over(self, flight: Flight, seconds: float) -> None:
        until = _now() + seconds
        while not flight.over and _now() < until:
            await asyncio.sleep(min(0.1, seconds))

    async def _wait(self, fault: NotSent) -> None:
        """The broker took nothing: all wait as long as it said, at least a second."""
        seconds = max(AGAIN_SECONDS, fault.wait_seconds)
        self._lanes.hold(fault.wait_seconds)
        await asyncio.sleep(seconds)

    def _say(self, name: str, state: str, reason: str) -> None:
        self.hear(Answer(0, 0, 0, name, state, reason=reason))  # type: ignore[arg-type]  # both states are verdicts


def _lane(intent: Intent) -> Lane:
    return "exit" if intent.side == "sell" else "entry"


def _now() -> float:
    return asyncio.get_running_loop().time()
