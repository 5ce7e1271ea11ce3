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
_NUMBER_SIGNS: Final = frozenset("0123456789.+-eE")
_SIDE: Final = ("open", "high", "low", "close")

Checked = TypeVar("Checked")
Found = TypeVar("Found")


class Sides(NamedTuple):
    """The last quote of a minute, in dollars or points; an absent side is NaN with its size."""

    bid: float
    ask: float
    bid_size: float
    ask_size: float


NOTHING: Final = Sides(nan, nan, nan, nan)


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

    A size above `most` is refused. A row that is refused says that nothing is known of both sides from its minute on:
    the quote before it no longer stands.
    """

    def check(numbers: Numbers) -> Sides:
        bid, bid_size = _side("bid", numbers[:5], per_dollar, most)
        ask, ask_size = _side("ask", numbers[5:], per_dollar, most)
        return Sides(bid, ask, bid_size, ask_size)

    return _rows(entry, QUOTE_FIELDS, MINUTE_MS, check, refused, NOTHING)


def interests(entry: Entry, refused: Refused) -> Iterator[tuple[int, float]]:
    """When it was known (ms since midnight, any) and the open interest in contracts."""

    def check(numbers: Numbers) -> float:
        return _count("open interest", numbers[0], MOST_CONTRACTS)

    return _rows(entry, INTEREST_FIELDS, 1, check, refused)


def _rows(
    entry: Entry,
    fields: int,
    step_ms: int,
    check: Callable[[Numbers], Checked],
    refused: Refused,
    instead: Checked | None = None,
) -> Iterator[tuple[int, Checked]]:
    """Time and checked numbers of the good lines; their times rise.

    A refused line whose time is good gives `instead`, if there is such a thing; it moves no clock, so times may then
    step back. Any other refused line is as if it were not there.
    """
    last_ms = -1
    for line, text in entry.lines:
        first, *others = text.split(",")
        at_ms = None
        try:
            at_ms = _time(first, step_ms, last_ms)
            checked = check(_numbers(others, fields - 1))
        except _Unfit as unfit:
            refused.add(f"{entry.name} line {line}", *unfit.args)
            if at_ms is not None and instead is not None:
                yield at_ms, instead
            continue
        last_ms = at_ms
        yield at_ms, checked


def _number(text: str, kind: Callable[[str], Found]) -> Found:
    # Without this, float() would take nan, 1_000 and digits of other scripts.
    if not _NUMBER_SIGNS.issuperset(text):
        raise _Unfit("not_finite", f"{text[:80]!r} holds more than a finite number")
    try:
        return kind(text)
    except ValueError as error:
        raise _Unfit("not_finite", f"{text[:80]!r} is no number") from error


def _numbers(texts: list[str], fields: int) -> Numbers:
    """The numbers after the time, None where a field is empty; raises _Unfit."""
    if len(texts) != fields:
        raise _Unfit("malformed", f"{len(texts) + 1} fields where {fields + 1} are expected")
    return tuple(_number(text, float) if text else None for text in texts)


def _time(text: str, step_ms: int, last_ms: int) -> int:
    """Milliseconds since midnight, after those of the line before; raises _Unfit."""
    at_ms = _number(text, int)
    if not 0 <= at_ms < DAY_MS or at_ms % step_ms:
        what = "the start of a minute" if step_ms == MINUTE_MS else "a time"
        raise _Unfit("time_bad", f"{at_ms} is not {what} of a day in milliseconds")
    if at_ms == last_ms:
        raise _Unfit("duplicate", f"a row at {at_ms} ms stands already")
    if at_ms < last_ms:
        raise _Unfit("time_steps_back", f"{at_ms} ms follows {last_ms} ms")
    return at_ms


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
