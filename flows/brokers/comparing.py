"""Where a broker's account and what an engine believes differ: each difference with both sides, and what others have.

What others hold or have ordered in the same account is none of the engine's business: it is told apart.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from flows.brokers.port import Held, Placed
from operators.answers import Answer
from operators.orders import Order, is_ours

UNKNOWN: Final = "unknown"


class Difference(NamedTuple):
    """What the two sides say of one thing."""

    what: str
    here: str
    there: str

    def __str__(self) -> str:
        return f"{self.what}: {self.here} here, {self.there} at the broker"


def ours(placed: Placed) -> bool:
    """Whether an order bears the mark of our names."""
    return is_ours(placed.answer.client_order_id)


def positions(here: Mapping[str, int], there: Sequence[Held]) -> Iterator[Difference]:
    """Symbols of ours of which the broker holds another number; what only others hold is none of our business."""
    units = {held.symbol: held.quantity for held in there}
    for symbol, quantity in sorted(here.items()):
        if units.get(symbol, 0) != quantity:
            yield Difference(symbol, str(quantity), str(units.get(symbol, 0)))


def strangers(here: Mapping[str, int], held: Sequence[Held], placed: Sequence[Placed]) -> list[str]:
    """What others hold and have ordered in this account, to be shown."""
    units = [f"{one.quantity} {one.symbol}" for one in held if one.symbol not in here]
    orders = [f"{one.side} {one.quantity} {one.symbol}" for one in placed if not ours(one)]
    return [*sorted(units), *sorted(orders)]


def orders(
    here: Mapping[str, Order], there: Sequence[Placed], ended: Mapping[str, Answer | None]
) -> Iterator[Difference]:
    """Orders of ours that one side alone has open, or that filled otherwise; `here` are all that are known, by name.

    `ended` is what the broker says of those that are open here and not there, None where it knows none of that name.
    """
    placed = {one.answer.client_order_id: one for one in there if ours(one)}
    for name in sorted({*placed, *(name for name, order in here.items() if order.open)}):
        order, found = here.get(name), placed.get(name)
        told = ended.get(name) if found is None else found.answer
        if order is None or found is None or not order.open or found.answer.filled != order.filled:
            yield Difference(f"order {name} to {_wanted(order or found)}", _believed(order), _told(told))


def _wanted(one: Order | Placed | None) -> str:
    return "" if one is None else f"{one.side} {one.quantity} {one.symbol}"


def _believed(order: Order | None) -> str:
    return UNKNOWN if order is None else f"{order.state} with {order.filled} filled"


def _told(answer: Answer | None) -> str:
    return UNKNOWN if answer is None else f"{answer.state} with {answer.filled} filled"
