"""The orders that are on their way or at the broker, as the engine's side knows them."""

from typing import Final

import msgspec

from operators.answers import Answer, Execution, Verdict
from operators.events import Intent
from operators.orders import RANK, Order

OVER: Final = ("cancelled", "rejected", "expired")


class Flight(msgspec.Struct):
    """One order from its intent on: the broker's newest word, and the executions that were put onto the tape.

    `sent` says that it may have left, `posting` that it is on its way and unanswered: a broker that does not know it
    may yet. `withdrawn` says that a cancel was asked for. `executions` are the ids of those that were put onto the
    tape, `booked` their units. `news_at` is in monotonic seconds.
    """

    name: str
    news_at: float
    quantity: int = 0
    state: Verdict | None = None
    filled: int = 0
    booked: int = 0
    executions: set[str] = set()
    sent: bool = False
    withdrawn: bool = False
    posting: bool = False

    @property
    def told(self) -> bool:
        """Whether anything was ever said of it."""
        return self.state is not None or self.booked > 0

    @property
    def over(self) -> bool:
        """Whether the broker will fill no more of it, by its word or because all is filled."""
        return self.state in OVER or (0 < self.quantity <= max(self.filled, self.booked))

    @property
    def missing(self) -> bool:
        """Whether the broker tells of more that was filled than of executions."""
        return self.booked < self.filled

    @property
    def settled(self) -> bool:
        """Whether nothing more is to come."""
        return self.over and not self.missing


class Flights:
    """All orders of this run, by name. `answer` and `execution` say whether they are news."""

    def __init__(self) -> None:
        self.known: dict[str, Flight] = {}
        self._strange: set[str] = set()

    @property
    def open(self) -> list[Flight]:
        """Those of which more is to come, oldest first."""
        return [flight for flight in self.known.values() if not flight.settled]

    def begin(self, intent: Intent, now: float) -> Flight:
        """An order that is about to be sent."""
        flight = self.known.setdefault(intent.client_order_id, Flight(intent.client_order_id, now))
        flight.quantity = intent.quantity
        return flight

    def restore(self, order: Order, now: float) -> None:
        """An order that a run before this one left open: it may have left."""
        flight = Flight(order.order_id, now, order.quantity, booked=order.filled, sent=True)
        flight.executions = set(order.executions)
        self.known.setdefault(order.order_id, flight)

    def answer(self, answer: Answer, now: float) -> bool:
        """Takes the broker's word; old news, or what was said before, are none."""
        flight = self.known.get(answer.client_order_id)
        if flight is None:
            return False
        flight.news_at = now
        lower = flight.state is not None and RANK[answer.state] < RANK[flight.state]
        if lower or (answer.state == flight.state and answer.filled <= flight.filled):
            return False
        moved, flight.state = answer.state != flight.state, answer.state
        more, flight.filled = answer.filled > flight.filled, max(flight.filled, answer.filled)
        return moved or (more and answer.state in OVER)

    def execution(self, execution: Execution, now: float) -> bool:
        """Takes an execution, ours or a stranger's; one that was there before is no news."""
        flight = self.known.get(execution.client_order_id)
        if flight is None:
            news = execution.execution_id not in self._strange
            self._strange.add(execution.execution_id)
            return news
        flight.news_at = now
        if execution.execution_id in flight.executions:
            return False
        flight.executions.add(execution.execution_id)
        flight.booked += execution.quantity
        return True
