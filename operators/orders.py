"""Orders and executions: their states, which only move up, and their names."""

import hashlib
from typing import Final, Literal

import msgspec

LegName = Literal["option", "fund"]
Action = Literal["first", "second", "exit"]
Side = Literal["buy", "sell"]
OrderState = Literal["intent", "sending", "working", "partial", "filled", "cancelled", "rejected", "expired", "unknown"]

PREFIX: Final = "sc-"
"""How the names of all our orders begin, at whatever broker."""
RANK: Final[dict[OrderState, int]] = {
    "intent": 0,
    "sending": 1,
    "unknown": 2,
    "working": 3,
    "partial": 4,
    "cancelled": 5,
    "rejected": 5,
    "expired": 5,
    "filled": 6,
}
"""States only move up; a fill after a cancel is legal, so `filled` is the highest."""


class Order(msgspec.Struct):
    """An order of the desk, in whole shares or contracts; prices are micro-dollars a share, None for a market order.

    `attempt` counts the orders of one action. A cancel that is under way is `cancel_asked`. `unit_fee_micros` is what
    the paper exchange takes for each unit filled, `collar_micros` the most that a market order pays for one. A broker
    that ended it at `ending_filled` units in all says so in `ending`; `executions` are those that were booked.
    """

    order_id: str
    signal_id: str
    action: Action
    attempt: int
    symbol: str
    side: Side
    quantity: int
    limit_micros: int | None
    sent_ns: int
    state: OrderState = "intent"
    filled: int = 0
    fills: int = 0
    ended_ns: int | None = None
    cancel_asked: bool = False
    reason: str | None = None
    unit_fee_micros: int = 0
    collar_micros: int | None = None
    ending: OrderState | None = None
    ending_filled: int = 0
    executions: list[str] = []

    @property
    def open(self) -> bool:
        """Whether it may still fill."""
        return self.state not in ("filled", "cancelled", "rejected", "expired")

    @property
    def remaining(self) -> int:
        """Units that are not filled."""
        return self.quantity - self.filled


class Cancel(msgspec.Struct, frozen=True):
    """A cancel that goes to the broker, decided on at event `tape_seq`."""

    client_order_id: str
    tape_seq: int


class Fill(msgspec.Struct, frozen=True):
    """One execution: the price is a share's in micro-dollars, the fee for all of it."""

    execution_id: str
    order_id: str
    quantity: int
    price_micros: int
    fee_micros: int
    at_ns: int


def advance(order: Order, state: OrderState) -> bool:
    """Moves the order up to `state`; False, and nothing changed, where that would not be upwards."""
    if RANK[state] <= RANK[order.state]:
        return False
    order.state = state
    return True


def order_id(day: str, book_id: str, signal_id: str, leg: LegName, action: Action, attempt: int) -> str:
    """`sc-` + session as digits + `-` + 20 hex digits: the same for the same intent, whoever computes it."""
    text = f"{book_id}|{signal_id}|{leg}|{action}|{attempt}"
    return f"{PREFIX}{day.replace('-', '')}-{hashlib.sha256(text.encode()).hexdigest()[:20]}"


def is_ours(name: str) -> bool:
    """Whether an order's name is one of ours, at whatever broker."""
    return name.startswith(PREFIX)
