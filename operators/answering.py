"""Takes a broker's word: answers to orders, executions of ours and of strangers, what the account may spend.

An order that the broker ended waits for the executions that it tells of. An execution may still come after that: the
scalp of it is taken up again, with all its exits.
"""

from msgspec.structs import replace

from operators.answers import Answer, Execution, Power
from operators.book import BookState
from operators.codes import ExitReason, SecondHalf
from operators.intents import AnyScalp
from operators.orders import Fill, Order, is_ours
from operators.settling import Settling


class Answering:
    """The broker's side of one book; on paper the exchange is inside the desk, and nothing is heard of a broker."""

    def __init__(self, settling: Settling) -> None:
        self._settling, self._blotter, self._leaving = settling, settling.blotter, settling.leaving
        self._book: BookState = settling.book

    def take(self, said: Answer | Execution | Power) -> None:
        """What the broker said now."""
        book = self._book
        if book.loop == "paper":
            return
        match said:
            case Answer():
                self._answer(said)
            case Execution():
                self._execution(said)
            case Power():
                book.elsewhere_micros = 0
                book.elsewhere_micros = max(0, book.buying_power_micros(settled_only=False) - said.power_micros)

    def _answer(self, answer: Answer) -> None:
        order = self._book.orders.get(answer.client_order_id)
        if order is None or not order.open:
            return
        if answer.state in ("working", "unknown"):
            self._blotter.move(order, answer.state)
            if answer.state == "working" and order.action == "exit":
                self._settling.restraint.works(self._book.scalps[order.signal_id])
            return
        if answer.state == "rejected":
            order.reason = answer.reason or order.reason
        order.ending, order.ending_filled = answer.state, answer.filled
        self._end(order)

    def _end(self, order: Order) -> None:
        """Ends the order once all executions that its end tells of are there."""
        if order.ending is None or not order.open or order.filled < order.ending_filled:
            return
        scalp, restraint = self._book.scalps[order.signal_id], self._settling.restraint
        refused = order.ending == "rejected" and order.action == "exit"
        if refused:
            restraint.refused(scalp, order.reason or "without a reason")
        elif order.action == "exit":
            restraint.taken(scalp)
        self._settling.end(order, order.ending)
        if refused:
            self._leaving.send_later(scalp)

    def _execution(self, said: Execution) -> None:
        book, name = self._book, said.client_order_id
        known = book.orders.get(name) or book.ended.get(name)
        if known is not None and said.execution_id in known.executions:
            return
        order = self._strangers(said) if known is None else self._goes_on(known, said)
        if order is None:
            return
        if not is_ours(order.order_id):  # the rest was for others
            said = replace(said, quantity=order.remaining)
        if name in book.ended:
            self._take_up_again(order)
        order.executions.append(said.execution_id)
        scalp = book.scalps[order.signal_id]
        beyond = said.quantity - (order.remaining if order.open else 0)
        if order.side == "buy":
            scalp.working += max(0, beyond)
        if said.quantity > order.remaining:
            filled = order.filled + said.quantity
            book.reduce(f"{order.order_id} was filled for {filled} of {order.quantity}: look at the account", "person")
        fill = Fill(said.execution_id, order.order_id, said.quantity, said.price_micros, said.fee_micros, book.now_ns)
        self._settling.filled(order, fill)
        self._end(order)
        self._fit(scalp)

    def _take_up_again(self, order: Order) -> None:
        """An order of a scalp that was over: both are in the book again."""
        book = self._book
        scalp = book.over.pop(order.signal_id)
        book.scalps[scalp.signal_id] = scalp
        for name in [name for name, one in book.ended.items() if one.signal_id == scalp.signal_id]:
            book.orders[name] = book.ended.pop(name)
        book.realised_micros -= scalp.open_micros

    def _goes_on(self, order: Order, said: Execution) -> Order | None:
        """The order as it takes a further execution, None for a stranger's that has nothing of ours any more."""
        if is_ours(order.order_id):
            return order
        scalp = self._book.scalps.get(order.signal_id)
        if scalp is None:
            return None
        order.quantity = order.filled + min(said.quantity, max(scalp.held if order.side == "sell" else -scalp.held, 0))
        return order if order.remaining else None

    def _strangers(self, said: Execution) -> Order | None:
        """A sale of what a scalp holds that we did not order, as an exit of it; others are not ours to book.

        One from before the scalp bought sold something else, whenever it is told.
        """
        book = self._book
        if said.side == "buy":
            return self._bought_back(said)
        holders = [scalp for scalp in book.scalps_in_order() if scalp.symbol == said.symbol and scalp.held > 0]
        holders = [scalp for scalp in holders if not 0 < said.event_ns < self._begun_ns(scalp)]
        if not holders:
            return None
        scalp = holders[0]
        scalp.exit_due = ExitReason.BROKER
        self._leaving.drop_second(scalp, SecondHalf.EXIT_DUE)
        self._leaving.stop_entries(scalp, ExitReason.BROKER)
        return self._blotter.strange(scalp, said.client_order_id, "sell", min(said.quantity, scalp.held))

    def _bought_back(self, said: Execution) -> Order | None:
        """A purchase that mends what a scalp sold beyond what it held; what is bought besides is not ours to book."""
        for scalp in self._book.scalps_in_order():
            later = said.event_ns == 0 or said.event_ns >= scalp.exit_ns
            if scalp.symbol == said.symbol and scalp.held < 0 and later:
                quantity = min(said.quantity, -scalp.held)
                scalp.working += quantity
                return self._blotter.strange(scalp, said.client_order_id, "buy", quantity)
        return None

    def _begun_ns(self, scalp: AnyScalp) -> int:
        """When the scalp's first order was sent."""
        orders = self._book.orders.values()
        return min(order.sent_ns for order in orders if order.signal_id == scalp.signal_id)

    def _fit(self, scalp: AnyScalp) -> None:
        """An exit sells no more than is held; what was sold beyond that only a person can mend."""
        live = self._leaving.live_exit(scalp)
        if live is not None and live.remaining > scalp.held:
            self._blotter.cancel(live, "replaced")
        if scalp.held < 0:
            self._book.reduce(f"{-scalp.held} {scalp.symbol} were sold that nobody held: buy them back", "person")
