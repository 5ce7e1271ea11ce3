"""Turns the lines of recorded minutes into checked numbers; a line that cannot be one is refused, counted and named."""

from collections.abc import Callable, Iterator
from math import isfinite, nan
from typing import Final, NamedTuple, TypeVar, cast

from flows.tape.faults import NOISE, Numbers, Prices, Refused, fault
from flows.tape.lean_zips import Entry

MILLISECOND_NS: Final = 1_000_000
MINUTE_MS: Final = 60_000
DAY_MS: Final = 24 * 60 * MINUTE_MS
TRADE_FIELDS, QUOTE_FIELDS, INTEREST_FIELDS = 6, 11, 2
MOST_CONTRACTS: Final = 2.0**24
"""A chain keeps counts as 32-bit floats, which are exact up to here; no recorded count comes near."""
_NUMBER_SIGNS: Final = frozenset("0123456789.,+-eE")
_SIDE: Final = ("open", "high", "low", "close")

Checked = TypeVar("Checked")


class Sides(NamedTuple):
    """The last quote of a minute, in dollars or points; an absent side is NaN with its size."""

    bid: float
    ask: float
    bid_size: float
    ask_size: float


class _Unfit(ValueError):
    """A line that is no row: a reason to count by and a sentence."""


def trades(entry: Entry, per_dollar: int, most: float, refused: Refused) -> Iterator[tuple[int, Prices]]:
    """Start of the minute (ms since midnight) and its open, high, low, close, volume; prices divided by `per_dollar`.

    A volume above `most` is refused.
    """

    def check(numbers: Numbers) -> Prices:
        *prices, volume = numbers
        bar = (*(None if price is None else price / per_dollar for price in prices), volume)
        found = fault(bar)
        if found is not None:
            raise _Unfit(*found)
        return cast(Prices, (*bar[:-1], _count("volume", volume, most)))

    return _rows(entry, TRADE_FIELDS, MINUTE_MS, check, refused)


def quotes(entry: Entry, per_dollar: int, most: float, refused: Refused) -> Iterator[tuple[int, Sides]]:
    """Start of the minute (ms since midnight) and the quote at its end, prices divided by `per_dollar`.

    A size above `most` is refused.
    """

    def check(numbers: Numbers) -> Sides:
        bid, bid_size = _side("bid", numbers[:5], per_dollar, most)
        ask, ask_size = _side("ask", numbers[5:], per_dollar, most)
        return Sides(bid, ask, bid_size, ask_size)

    return _rows(entry, QUOTE_FIELDS, MINUTE_MS, check, refused)


def interests(entry: Entry, refused: Refused) -> Iterator[tuple[int, float]]:
    """When it was known (ms since midnight, any) and the open interest in contracts."""

    def check(numbers: Numbers) -> float:
        return _count("open interest", numbers[0], MOST_CONTRACTS)

    return _rows(entry, INTEREST_FIELDS, 1, check, refused)


def _rows(
    entry: Entry, fields: int, step_ms: int, check: Callable[[Numbers], Checked], refused: Refused
) -> Iterator[tuple[int, Checked]]:
    """Time and checked numbers of the good lines; times rise, and a refused line does not move them."""
    last_ms = -1
    for line, text in entry.lines:
        try:
            at_ms, numbers = _parsed(text, fields)
            checked = check(numbers)
            _check_time(at_ms, step_ms, last_ms)
        except _Unfit as unfit:
            refused.add(f"{entry.name} line {line}", *unfit.args)
            continue
        last_ms = at_ms
        yield at_ms, checked


def _parsed(text: str, fields: int) -> tuple[int, Numbers]:
    """The time and the numbers after it, None where a field is empty; raises _Unfit."""
    first, *others = text.split(",")
    if len(others) != fields - 1:
        raise _Unfit("malformed", f"{len(others) + 1} fields where {fields} are expected")
    # Without this, float() would take nan, 1_000 and digits of other scripts.
    if not _NUMBER_SIGNS.issuperset(text):
        raise _Unfit("not_finite", f"{text[:80]!r} holds more than finite numbers")
    try:
        return int(first), tuple(float(other) if other else None for other in others)
    except ValueError as error:
        raise _Unfit("not_finite", f"{text[:80]!r} holds what is no number") from error


def _check_time(at_ms: int, step_ms: int, last_ms: int) -> None:
    if not 0 <= at_ms < DAY_MS or at_ms % step_ms:
        what = "the start of a minute" if step_ms == MINUTE_MS else "a time"
        raise _Unfit("time_bad", f"{at_ms} is not {what} of a day in milliseconds")
    if at_ms == last_ms:
        raise _Unfit("duplicate", f"a row at {at_ms} ms stands already")
    if at_ms < last_ms:
        raise _Unfit("time_steps_back", f"{at_ms} ms follows {last_ms} ms")


def _side(name: str, numbers: Numbers, per_dollar: int, most: float) -> tuple[float, float]:
    """Close and size of one side of a quote, NaN where it is absent; raises _Unfit."""
    *prices, size = numbers
    opened, high, low, close = (None if price is None else price / per_dollar for price in prices)
    for label, value in zip(_SIDE, (opened, high, low, close), strict=True):
        if value is not None and not isfinite(value):
            raise _Unfit("not_finite", f"{name} {label} is not a finite number")
        if value is not None and value <= 0:
            raise _Unfit("price_not_positive", f"{name} {label} is {value}")
    if high is not None and low is not None and high < low - NOISE * high:
        raise _Unfit("high_below_low", f"{name} high {high} is below low {low}")
    counted = nan if size is None else _count(f"{name} size", size, most)
    return (nan, nan) if close is None else (close, counted)


def _count(name: str, value: float | None, most: float) -> float:
    if value is None:
        raise _Unfit("missing", f"{name} is empty")
    if not isfinite(value):
        raise _Unfit("not_finite", f"{name} is not a finite number")
    if not 0 <= value <= most:
        reason = "count_too_large" if value > 0 else "count_negative"
        raise _Unfit(reason, f"{name} is {value:g}, expected 0 to {most:g}")
    return value
