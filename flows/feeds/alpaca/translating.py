"""Alpaca's quotes and bars as events.

Prices come as floats with noise: each is rounded to the nearest micro-dollar, whose float is the very one of the tick
that was meant, since no tick is finer and noise is far smaller. Nothing is moved to a tick: a price between two ticks
stays there. What is absent comes as 0 and becomes NaN, as do NaN, infinity and what is negative. A crossed or locked
quote is passed on as it is: the rules refuse it.
"""

from collections.abc import Mapping
from datetime import datetime
from math import isfinite, nan
from typing import Any, Final

from flows.tape.faults import Refused, fault
from operators import prices, sessions
from operators.events import MINUTE_NS, SECOND_NS, Bar, Quote
from operators.prices import DOLLAR

Told = Mapping[str, Any]
UNPLACED: Final = 0
"""The seq and `at_ns` of an event that the journal places on the tape."""
NANOSECOND_DIGITS: Final = 9
BAR: Final = ("o", "h", "l", "c", "v")


def instant_ns(told: Any) -> int:  # noqa: ANN401  # the streams give msgpack's Timestamp, answers give text
    """UTC nanoseconds of a time as a stream or an answer tells it. Raises ValueError for anything else."""
    if isinstance(told, str):
        seconds, point, rest = told.removesuffix("Z").partition(".")
        if not told.endswith("Z") or (point and not rest.isdigit()):
            raise ValueError(f"{told!r} is no UTC time")
        digits = rest[:NANOSECOND_DIGITS].ljust(NANOSECOND_DIGITS, "0")
        return sessions.ns(datetime.fromisoformat(f"{seconds}+00:00")) + int(digits)
    try:
        return int(told.seconds) * SECOND_NS + int(told.nanoseconds)
    except AttributeError:
        raise ValueError(f"{told!r} is no time") from None


def price(told: Any) -> float:  # noqa: ANN401  # whatever JSON or msgpack can hold
    """Dollars without a float's noise; NaN for what is no price."""
    if isinstance(told, bool) or not isinstance(told, int | float) or not prices.known(told):
        return nan
    return prices.micros(told) / DOLLAR


def count(told: Any) -> float:  # noqa: ANN401  # the same
    """A size, volume or open interest; NaN for what is none."""
    if isinstance(told, bool) or not isinstance(told, int | float) or not isfinite(told) or told < 0:
        return nan
    return float(told)


def sides(told: Told) -> tuple[float, ...]:
    """Bid, ask and their sizes; an absent side has no size."""
    bid, ask = price(told.get("bp")), price(told.get("ap"))
    return bid, ask, *(count(told.get(name)) if isfinite(side) else nan for name, side in (("bs", bid), ("as", ask)))


def quote(symbol: str, told: Told) -> Quote:
    """A quote of a share, fund or contract. Raises ValueError where it has no time."""
    return Quote(UNPLACED, UNPLACED, instant_ns(told.get("t")), symbol, *sides(told))


def bar(symbol: str, told: Told, refused: Refused, history: bool = False) -> Bar | None:
    """A bar of one minute, which Alpaca names by its begin; None for one that cannot be, which goes to `refused`."""
    try:
        close_ns = instant_ns(told.get("t")) + MINUTE_NS
    except ValueError as wrong:
        refused.add(f"a bar of {symbol}", "time_bad", str(wrong))
        return None
    values = tuple(told.get(name) for name in BAR)
    numbers = tuple(float(value) if isinstance(value, int | float) else None for value in values)
    found = fault(numbers)
    if found is not None:
        refused.add(f"the bar of {symbol} that ends {sessions.utc(close_ns):%Y-%m-%d %H:%M} UTC", *found)
        return None
    opened, high, low, close = (price(value) for value in numbers[:4])
    return Bar(UNPLACED, UNPLACED, close_ns, symbol, opened, high, low, close, count(numbers[4]), history)
