"""The account: its orders, what was filled, what is held and what can be paid for; no I/O and no clock."""

from collections import Counter
from typing import Final

from operators import prices, sessions
from operators.contracts import parse_occ
from operators.orders import Order
from tests.fakes.alpaca.market import Market
from tests.fakes.alpaca.orders import Execution, Listed, Position, Refused, Request, name

MICROSECOND_NS: Final = 1_000


class Account:
    """Orders, fills, positions and cash; money in micro-dollars."""

    def __init__(self, market: Market, cash_micros: int) -> None:
        self.market, self.cash_micros = market, cash_micros
        self.orders: dict[str, Listed] = {}
        self.accepted: Counter[str] = Counter()
        self.fills: list[Execution] = []
        self.positions: dict[str, Position] = {}
        self.expired: list[Position] = []
        self._last_submitted_ns = 0

    def accept(self, request: Request, now_ns: int) -> Listed:
        """Takes an order on. Raises Refused for a name that was used, and for what cannot be paid or delivered."""
        if request.client_id in self.accepted:
            raise Refused(422, 40010001, "client_order_id must be unique")
        self._afford(request)
        return self.enter(request, now_ns)

    def enter(self, request: Request, now_ns: int) -> Listed:
        """Writes an order down, whoever asked for it."""
        limit = request.limit_micros
        order = Order(
            request.client_id, "", "first", 1, request.symbol, request.side, request.quantity, limit, now_ns, "sending"
        )
        # Orders of one instant of the tape stay apart: lists are paged by this time.
        at_ns = self._last_submitted_ns = max(now_ns, self._last_submitted_ns + MICROSECOND_NS)
        listed = Listed(name("order", request.client_id), order, at_ns, at_ns, intent=request.intent)
        self.orders[request.client_id] = listed
        self.accepted[request.client_id] += 1
        return listed

    def filled(self, listed: Listed, quantity: int, price_micros: int, now_ns: int) -> Execution:
        """Books a fill on order, position and cash."""
        order = listed.order
        order.filled, order.fills = order.filled + quantity, order.fills + 1
        listed.value_micros += quantity * price_micros
        listed.filled_ns = listed.updated_ns = now_ns
        if order.remaining == 0:
            order.state, listed.status, listed.ended_ns = "filled", "filled", now_ns
        elif listed.live:
            order.state = "partial"
            listed.status = listed.status if listed.status == "pending_cancel" else "partially_filled"
        held = self._hold(order, quantity, price_micros)
        execution_id = name("fill", order.order_id, order.fills)
        fill = Execution(
            execution_id, order.order_id, order.symbol, order.side, quantity, price_micros, now_ns, held
        )  # fmt: skip
        self.fills.append(fill)
        return fill

    def live(self, symbol: str) -> list[Listed]:
        """The orders of a symbol that may still fill, oldest first, as the paper exchange has it."""
        found = [one for one in self.orders.values() if one.order.symbol == symbol and one.live]
        return sorted(found, key=lambda listed: (listed.order.sent_ns, listed.client_id))

    def held_for_orders(self, symbol: str) -> int:
        """Units that open sales promise."""
        sales = (listed.order for listed in self.live(symbol) if listed.order.side == "sell")
        return sum(order.remaining for order in sales)

    def buying_power_micros(self) -> int:
        """Cash that no open purchase promises."""
        purchases = (one.order for one in self.orders.values() if one.live and one.order.side == "buy")
        return self.cash_micros - sum(
            self._worth(order.symbol, order.limit_micros, order.remaining) for order in purchases
        )

    def equity_micros(self) -> int:
        """Cash, and what is held at the bid."""
        return self.cash_micros + sum(self.value_micros(position) for position in self.positions.values())

    def value_micros(self, position: Position) -> int:
        """What a position would fetch at the bid; nothing where there is none."""
        bid = prices.bid(self.market.quote(position.symbol)) or 0
        return bid * position.quantity * self.market.multiplier(position.symbol)

    def expire(self, now_ns: int) -> None:
        """Options whose last day it was leave the account for what they are worth."""
        today = sessions.new_york(now_ns).date()
        for symbol in sorted(self.positions):
            named, place = parse_occ(symbol), self.market.places.get(symbol)
            if named is None or named.expiry > today:
                continue
            position = self.positions.pop(symbol)
            spot = None if place is None else self.market.spot(place.underlying)
            worth = 0.0 if spot is None else max(named.right * (spot - named.strike), 0.0)
            self.cash_micros += prices.micros(worth) * position.quantity * self.market.multiplier(symbol)
            self.expired.append(position)

    def _afford(self, request: Request) -> None:
        if request.side == "buy":
            if self._worth(request.symbol, request.limit_micros, request.quantity) > self.buying_power_micros():
                raise Refused(403, 40310000, "insufficient buying power")
            return
        position = self.positions.get(request.symbol)
        available = (0 if position is None else position.quantity) - self.held_for_orders(request.symbol)
        if request.quantity > available:
            words = f"insufficient qty available for order (requested: {request.quantity}, available: {available})"
            raise Refused(403, 40310000, words)

    def _worth(self, symbol: str, limit_micros: int | None, quantity: int) -> int:
        quote = self.market.quote(symbol)
        asked = prices.micros(quote.ask) if quote is not None and prices.known(quote.ask) else 0
        return (asked if limit_micros is None else limit_micros) * quantity * self.market.multiplier(symbol)

    def _hold(self, order: Order, quantity: int, price_micros: int) -> int:
        """Moves position and cash; gives what is held afterwards."""
        position = self.positions.setdefault(order.symbol, Position(order.symbol, 0, 0))
        amount = quantity * price_micros * self.market.multiplier(order.symbol)
        if order.side == "buy":
            position.quantity, position.cost_micros = position.quantity + quantity, position.cost_micros + amount
            self.cash_micros -= amount
        else:
            position.cost_micros -= position.cost_micros * quantity // max(position.quantity, 1)
            position.quantity -= quantity
            self.cash_micros += amount
        if position.quantity == 0:
            del self.positions[order.symbol]
        return position.quantity
