"""The orders of the account, and why one is refused."""

import uuid
from typing import Final, Literal

import msgspec

from operators.orders import Order

ACCOUNT_ID: Final = uuid.UUID("0a1b2c3d-0000-4000-8000-5ca1b0000001")
DONE: Final = ("filled", "canceled", "expired", "rejected", "replaced")
Fate = Literal["", "partial_then_cancel", "partial_then_reject"]
CancelFate = Literal["", "fill_on_cancel", "fill_after_cancel", "cancel_never"]


class Refused(Exception):
    """What the broker does not do: HTTP status, Alpaca's code, and its words."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Request(msgspec.Struct, frozen=True):
    """An order that was asked for and may be accepted; prices in micro-dollars a share."""

    client_id: str
    symbol: str
    side: Literal["buy", "sell"]
    quantity: int
    limit_micros: int | None
    intent: str | None = None


class Listed(msgspec.Struct):
    """An order of the account: the paper exchange's order and what Alpaca tells of it besides.

    `value_micros` is the sum of price times units filled. `fate` is what the script has in mind for it, `foreign` says
    that the broker made it. Until `hidden_until` (seconds of the fake's clock) no lookup finds it.
    """

    order_id: str
    order: Order
    submitted_ns: int
    updated_ns: int
    status: str = "pending_new"
    value_micros: int = 0
    filled_ns: int | None = None
    ended_ns: int | None = None
    intent: str | None = None
    fate: Fate = ""
    foreign: bool = False
    hidden_until: float = 0.0
    shown_status: str | None = None

    @property
    def client_id(self) -> str:
        """The name that its sender gave it."""
        return self.order.order_id

    @property
    def live(self) -> bool:
        """Whether it may still fill."""
        return self.status not in DONE


class Execution(msgspec.Struct, frozen=True):
    """A fill: the price is a share's in micro-dollars, `position` what is held afterwards."""

    execution_id: str
    client_id: str
    symbol: str
    side: str
    quantity: int
    price_micros: int
    at_ns: int
    position: int


class Position(msgspec.Struct):
    """What is held of a symbol: units, and what was paid for all of them in micro-dollars."""

    symbol: str
    quantity: int
    cost_micros: int


def name(*parts: object) -> str:
    """A UUID that is a function of its parts."""
    return str(uuid.uuid5(ACCOUNT_ID, "|".join(map(str, parts))))
