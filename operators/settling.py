"""What follows from executions and ends of orders: a scalp is over when nothing of it is held or working."""

from typing import Literal

from operators.blotter import Blotter
from operators.codes import ExitReason
from operators.intents import AnyScalp
from operators.leaving import Leaving
from operators.orders import Fill, Order, OrderState
from operators.restraint import Restraint


class Settling:
    """Books what became of a book's orders, and ends its scalps."""

    def __init__(self, blotter: Blotter, leaving: Leaving, restraint: Restraint) -> None:
        self.blotter, self.leaving, self.restraint, self.book = blotter, leaving, restraint, blotter.book

    def filled(self, order: Order, fill: Fill) -> None:
        """An execution of an order."""
        scalp = self.book.scalps[order.signal_id]
        self.blotter.fill(order, fill)
        if order.side == "sell":
            self.restraint.taken(scalp)
        if order.side == "buy" and scalp.exit_due is not None:
            self.leaving.send(scalp)
        self.settle(scalp, order)

    def end(self, order: Order, state: OrderState) -> None:
        """An order ended without being filled whole."""
        self.blotter.end(order, state)
        self.settle(self.book.scalps[order.signal_id], order)

    def settle(self, scalp: AnyScalp, order: Order) -> None:
        """What follows from an order that was filled or ended."""
        if scalp.held == 0 and not self.book.open_orders(scalp.signal_id):
            self.over(scalp)
        elif scalp.held and order.action == "exit" and not order.open:
            self.leaving.exit_ended(scalp)

    def over(self, scalp: AnyScalp, status: Literal["closed", "expired"] = "closed") -> None:
        """Nothing of the scalp is held or working any more."""
        book = self.book
        self.restraint.taken(scalp)
        del book.scalps[scalp.signal_id]
        if book.loop != "paper":
            book.over[scalp.signal_id] = scalp
            book.ended |= {name: order for name, order in book.orders.items() if order.signal_id == scalp.signal_id}
        book.orders = {name: order for name, order in book.orders.items() if order.signal_id != scalp.signal_id}
        if not scalp.bought:
            return
        book.realised_micros += scalp.open_micros
        self.blotter.report(scalp, status)
        stopped = scalp.exit_due is ExitReason.STOP_LOSS
        if stopped:
            book.stopped[f"{scalp.ticker}|{scalp.direction}"] = scalp.exit_ns
        else:
            book.left[scalp.ticker] = scalp.exit_ns
        if scalp.entry_ns >= book.open_ns and status == "closed":
            book.day_trades[-1] = (book.day, book.day_trades[-1][1] + 1)
        self.restraint.ended(stopped=stopped)
