"""What a broker says, and what is asked of it besides orders: the events by which a real account closes the loop."""

from typing import Literal

from operators.event import Event

Verdict = Literal["working", "cancelled", "rejected", "expired", "unknown"]


class Answer(Event, frozen=True, tag=14):
    """What became of an order of ours, `unknown` where nobody can say yet; `reason` is the broker's.

    `filled` is how much of it was filled by then in all, in units: executions that come later bring the rest.
    `broker_order_id` is the broker's own name of it.
    """

    client_order_id: str
    state: Verdict
    filled: int = 0
    reason: str = ""
    broker_order_id: str = ""


class Execution(Event, frozen=True, tag=15):
    """An execution at the broker in whole shares or contracts; price of a share and fee of all in micro-dollars.

    `client_order_id` names our order, or that of a stranger: a person at the broker's own page, a liquidation.
    """

    execution_id: str
    client_order_id: str
    symbol: str
    side: Literal["buy", "sell"]
    quantity: int
    price_micros: int
    fee_micros: int = 0


class Power(Event, frozen=True, tag=16):
    """What the broker lets the account spend now, in micro-dollars: less than the book's own where others trade it."""

    power_micros: int


class Withdrawal(Event, frozen=True, tag=17):
    """Echo of a cancel of an order that the desk decided on at event `cause_seq`."""

    cause_seq: int
    client_order_id: str
