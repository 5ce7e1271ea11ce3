"""Orders and fills of a book: sending, cancelling, filling and ending them, with a record of each change."""

from typing import Final, Literal

from operators import contracts, orders, paper, prices, statements
from operators.book import BookState
from operators.codes import SecondHalf
from operators.config import EngineSettings, ScalpConfig
from operators.events import SECOND_NS, Quote
from operators.intents import AnyScalp, ScalpPosition
from operators.orders import Action, Cancel, Fill, LegName, Order, OrderState, Side
from operators.pretrade import highest_price, remember
from operators.records import Record
from operators.sizing import ETFScalpSizer, ScalpSizer

MILLISECOND_NS = 1_000_000
SIDE: Final[dict[Action, Side]] = {"first": "buy", "second": "buy", "exit": "sell"}


class Blotter:
    """Changes the orders of one book and collects the records of it in `out`."""

    def __init__(self, book: BookState, config: ScalpConfig, settings: EngineSettings) -> None:
        self.book, self.config, self.settings = book, config, settings
        self.sizers: dict[LegName, ScalpSizer | ETFScalpSizer] = {
            "option": ScalpSizer(config),
            "fund": ETFScalpSizer(config),
        }
        self.latency_ns = settings.paper_latency_ms * MILLISECOND_NS
        self.out: list[Record | Cancel] = []

    def send(
        self, scalp: AnyScalp, action: Action, quantity: int, limit_micros: int | None, reason: str | None
    ) -> Order:
        """Sends an order for a scalp; it reaches the exchange after the latency."""
        book, leaves = self.book, action == "exit"
        attempt = scalp.exit_attempts + 1 if leaves else 1
        name = orders.order_id(book.day, book.book_id, scalp.signal_id, scalp.leg, action, attempt)
        now, side = book.now_ns, SIDE[action]
        order = Order(name, scalp.signal_id, action, attempt, scalp.symbol, side, quantity, limit_micros, now)
        order.reason, order.unit_fee_micros = reason, paper.unit_fee_micros(scalp.leg, self.settings)
        book.orders[name] = order
        if leaves:
            scalp.exit_attempts, scalp.exit_id, scalp.priced_ns = attempt, name, now
        else:
            scalp.working += quantity
            if limit_micros is None:
                order.collar_micros = prices.micros(highest_price(book.quotes.get(scalp.symbol)))
            remember(book, order)
        self.move(order, "sending")
        if book.loop == "paper":
            book.set_timer(now + self.latency_ns, "arrive", name)
        return order

    def strange(self, scalp: AnyScalp, name: str, side: Side, quantity: int) -> Order:
        """An exit that somebody else had ordered, so far as it was filled: the book learns of it by its execution.

        It buys where more was sold than the scalp held.
        """
        book, attempt = self.book, scalp.exit_attempts + 1
        order = Order(name, scalp.signal_id, "exit", attempt, scalp.symbol, side, quantity, None, book.now_ns)
        order.reason, scalp.exit_attempts = scalp.exit_due, attempt
        book.orders[name] = order
        self.move(order, "working")
        return order

    def cancel(self, order: Order, reason: str) -> None:
        """Asks for a cancel; the order may still fill until the exchange has it."""
        if order.open and not order.cancel_asked:
            order.cancel_asked = True
            order.reason = order.reason if order.action == "exit" else reason
            if self.book.loop == "paper":
                self.book.set_timer(self.book.now_ns + self.latency_ns, "cancel", order.order_id)
            else:
                self.out.append(Cancel(order.order_id, self.book.seq))

    def arrive(self, order: Order) -> Fill | None:
        """The order is at the exchange; the fill that it gets at once, if any."""
        self.move(order, "working")
        return paper.match(self.book, order, self.book.quotes.get(order.symbol))

    def end(self, order: Order, state: OrderState) -> None:
        """The order ended without being filled whole."""
        order.ended_ns = self.book.now_ns
        if order.side == "buy":
            self.book.scalps[order.signal_id].working -= order.remaining
        self.move(order, state)

    def fill(self, order: Order, fill: Fill) -> None:
        """Books an execution: order, cash and scalp."""
        book, scalp = self.book, self.book.scalps[order.signal_id]
        order.filled, order.fills = order.filled + fill.quantity, order.fills + 1
        if order.remaining <= 0:
            order.ended_ns = fill.at_ns
            if order.action == "second":
                scalp.second_half = SecondHalf.FILLED
        amount = fill.quantity * scalp.multiplier * fill.price_micros
        scalp.fees_micros += fill.fee_micros
        if order.side == "buy":
            book.cash_micros -= amount + fill.fee_micros
            self._bought(scalp, fill, amount)
        else:
            book.cash_micros += amount - fill.fee_micros
            book.unsettled_micros += amount - fill.fee_micros
            scalp.sold, scalp.proceeds_micros = scalp.sold + fill.quantity, scalp.proceeds_micros + amount
            scalp.exit_ns = fill.at_ns
        self.out.append(statements.fill_record(book, order, fill))
        self.move(order, "filled" if order.remaining <= 0 else "partial", again=True)
        self.report(scalp)

    def _bought(self, scalp: AnyScalp, fill: Fill, amount: int) -> None:
        if scalp.bought == 0:
            scalp.entry_ns = fill.at_ns
            scalp.mark_micros = mark(scalp, self.book.quotes.get(scalp.symbol), fill.price_micros)
            self.book.scalps_today += 1
        scalp.working -= fill.quantity
        scalp.bought, scalp.cost_micros = scalp.bought + fill.quantity, scalp.cost_micros + amount
        average, sizer = scalp.average_micros, self.sizers[scalp.leg]
        scalp.stop_micros = max(scalp.stop_micros, sizer.stop(average))
        scalp.target_micros = sizer.target(average)

    def move(self, order: Order, state: OrderState, again: bool = False) -> None:
        """Moves the order up and records it; `again` records a change within the same state too."""
        if orders.advance(order, state) or again:
            self.out.append(statements.order_record(self.book, order))

    def report(self, scalp: AnyScalp, status: Literal["open", "closed", "expired"] = "open") -> None:
        """Records a scalp as it is now; there is a row from its first fill on."""
        if scalp.bought:
            self.out.append(statements.scalp_record(self.book, scalp, status))


def tick_of(scalp: AnyScalp) -> prices.Tick:
    """The price steps of what a scalp trades."""
    return contracts.ticks(scalp.underlying) if isinstance(scalp, ScalpPosition) else prices.fund_tick


def mark(scalp: AnyScalp, quote: Quote | None, otherwise: int) -> int:
    """What a share would fetch, in micro-dollars; `otherwise` where the quote says nothing of it.

    An option without a bid is worth nothing; a fund's bid is only not shown.
    """
    bid = prices.bid(quote)
    return otherwise if bid is None or (bid == 0 and scalp.leg == "fund") else bid


def newer(quote: Quote | None, since_ns: int) -> bool:
    """Whether the quote became known after an instant."""
    return quote is not None and quote.at_ns > since_ns


def seconds(count: float) -> int:
    """Seconds of a setting as nanoseconds."""
    return round(count * SECOND_NS)
