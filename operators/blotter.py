"""Orders and fills of a book: sending, cancelling, filling and ending them, with a record of each change."""

import json
from typing import Final

from operators import orders, paper, prices, sessions
from operators.book import BookState
from operators.codes import SecondHalf
from operators.config import EngineSettings, ScalpConfig
from operators.events import SECOND_NS, Quote
from operators.intents import Action, ETFScalpPosition, Fill, Order, OrderState, Side
from operators.records import EtfScalpRecord, FillRecord, OrderRecord, Record
from operators.sizing import ETFScalpSizer

MILLISECOND_NS = 1_000_000
SIDE: Final[dict[Action, Side]] = {"first": "buy", "second": "buy", "exit": "sell"}


class Blotter:
    """Changes the orders of one book and collects the records of it in `out`."""

    def __init__(self, book: BookState, config: ScalpConfig, settings: EngineSettings) -> None:
        self.book, self.config, self.settings = book, config, settings
        self.sizer = ETFScalpSizer(config)
        self.latency_ns = settings.paper_latency_ms * MILLISECOND_NS
        self.out: list[Record] = []

    def send(
        self, scalp: ETFScalpPosition, action: Action, quantity: int, limit_micros: int | None, reason: str | None
    ) -> Order:
        """Sends an order for a scalp; it reaches the exchange after the latency."""
        book, leaves = self.book, action == "exit"
        attempt = scalp.exit_attempts + 1 if leaves else 1
        name = orders.order_id(book.day, book.book_id, scalp.signal_id, "fund", action, attempt)
        now, side = book.now_ns, SIDE[action]
        order = Order(name, scalp.signal_id, action, attempt, scalp.symbol, side, quantity, limit_micros, now)
        order.reason = reason
        book.orders[name] = order
        if leaves:
            scalp.exit_attempts, scalp.exit_id, scalp.priced_ns = attempt, name, now
        else:
            scalp.working += quantity
            orders.remember(book, order)
        self._move(order, "sending")
        book.set_timer(now + self.latency_ns, "arrive", name)
        return order

    def cancel(self, order: Order, reason: str) -> None:
        """Asks for a cancel; the order may still fill until the exchange has it."""
        if order.open and not order.cancel_asked:
            order.cancel_asked = True
            order.reason = order.reason if order.action == "exit" else reason
            self.book.set_timer(self.book.now_ns + self.latency_ns, "cancel", order.order_id)

    def arrive(self, order: Order) -> Fill | None:
        """The order is at the exchange; the fill that it gets at once, if any."""
        self._move(order, "working")
        return paper.match(self.book, order, self.book.quotes.get(order.symbol))

    def end(self, order: Order, state: OrderState) -> None:
        """The order ended without being filled whole."""
        order.ended_ns = self.book.now_ns
        if order.side == "buy":
            self.book.scalps[order.signal_id].working -= order.remaining
        self._move(order, state)

    def fill(self, order: Order, fill: Fill) -> None:
        """Books an execution: order, cash and scalp."""
        book, scalp = self.book, self.book.scalps[order.signal_id]
        order.filled, order.fills = order.filled + fill.quantity, order.fills + 1
        if order.remaining == 0:
            order.ended_ns = fill.at_ns
            if order.action == "second":
                scalp.second_half = SecondHalf.FILLED
        amount = fill.quantity * fill.price_micros
        scalp.fees_micros += fill.fee_micros
        if order.side == "buy":
            book.cash_micros -= amount + fill.fee_micros
            self._bought(scalp, fill, amount)
        else:
            book.cash_micros += amount - fill.fee_micros
            book.unsettled_micros += amount - fill.fee_micros
            scalp.sold, scalp.proceeds_micros = scalp.sold + fill.quantity, scalp.proceeds_micros + amount
            scalp.exit_ns = fill.at_ns
        self.out.append(self._fill_record(order, fill))
        self._move(order, "filled" if order.remaining == 0 else "partial", again=True)
        self.report(scalp)

    def _bought(self, scalp: ETFScalpPosition, fill: Fill, amount: int) -> None:
        if scalp.bought == 0:
            scalp.entry_ns = fill.at_ns
            scalp.mark_micros = prices.bid(self.book.quotes.get(scalp.symbol)) or fill.price_micros
            self.book.scalps_today += 1
        scalp.working -= fill.quantity
        scalp.bought, scalp.cost_micros = scalp.bought + fill.quantity, scalp.cost_micros + amount
        average = scalp.average_micros
        scalp.stop_micros = max(scalp.stop_micros, self.sizer.stop(average))
        scalp.target_micros = self.sizer.target(average)

    def _move(self, order: Order, state: OrderState, again: bool = False) -> None:
        """Moves the order up and records it; `again` records a change within the same state too."""
        if orders.advance(order, state) or again:
            self.out.append(self._order_record(order))

    def report(self, scalp: ETFScalpPosition, closed: bool = False) -> None:
        """Records a scalp as it is now; there is a row from its first fill on."""
        if scalp.bought:
            self.out.append(self._scalp_record(scalp, closed))

    def _order_record(self, order: Order) -> OrderRecord:
        limit = None if order.limit_micros is None else prices.decimal(order.limit_micros)
        return OrderRecord(
            book_id=self.book.book_id,
            client_order_id=order.order_id,
            signal_id=order.signal_id,
            action=order.action,
            attempt=order.attempt,
            symbol=order.symbol,
            side=order.side,
            quantity=order.quantity,
            limit_price=limit,
            state=order.state,
            filled_quantity=order.filled,
            reason=order.reason,
            sent_at=sessions.utc(order.sent_ns),
            ended_at=None if order.ended_ns is None else sessions.utc(order.ended_ns),
            tape_seq=self.book.seq,
        )

    def _fill_record(self, order: Order, fill: Fill) -> FillRecord:
        return FillRecord(
            book_id=self.book.book_id,
            execution_id=fill.execution_id,
            client_order_id=order.order_id,
            signal_id=order.signal_id,
            symbol=order.symbol,
            side=order.side,
            quantity=fill.quantity,
            price=prices.decimal(fill.price_micros),
            fee=prices.decimal(fill.fee_micros),
            filled_at=sessions.utc(fill.at_ns),
            tape_seq=self.book.seq,
        )

    def _scalp_record(self, scalp: ETFScalpPosition, closed: bool) -> EtfScalpRecord:
        gross = scalp.proceeds_micros - scalp.cost_micros
        net = gross - scalp.fees_micros
        return EtfScalpRecord(
            book_id=self.book.book_id,
            signal_id=scalp.signal_id,
            ticker=scalp.symbol,
            original_ticker=scalp.ticker,
            leverage=scalp.leverage,
            direction="long" if scalp.direction > 0 else "short",
            shares=scalp.bought,
            entry_price=prices.decimal(round(scalp.average_micros)),
            exit_price=prices.decimal(round(scalp.proceeds_micros / scalp.sold)) if scalp.sold else None,
            stop_loss=prices.decimal(scalp.stop_micros),
            target_price=prices.decimal(scalp.target_micros),
            status="closed" if closed else "open",
            exit_reason=scalp.exit_due if closed else None,
            gross_pnl=prices.decimal(gross) if closed else None,
            fees=prices.decimal(scalp.fees_micros),
            pnl=prices.decimal(net) if closed else None,
            pnl_pct=net / scalp.cost_micros if closed else None,
            second_half=scalp.second_half,
            broker="paper",
            order_id=scalp.order_id,
            entry_time=sessions.utc(scalp.entry_ns),
            exit_time=sessions.utc(scalp.exit_ns) if closed else None,
            metadata_json=json.dumps({"exposure_group": scalp.group}),
            tape_seq=self.book.seq,
        )


def newer(quote: Quote | None, since_ns: int) -> bool:
    """Whether the quote became known after an instant."""
    return quote is not None and quote.at_ns > since_ns


def seconds(count: float) -> int:
    """Seconds of a setting as nanoseconds."""
    return round(count * SECOND_NS)
