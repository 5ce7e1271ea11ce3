"""Turns the time column of a file of bars into UTC nanoseconds, and refuses to guess a time zone."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa

from flows.tape.columns import BadBars
from operators.sessions import ns

AMBIGUOUS: Final = "ambiguous zone: give --zone America/New_York or --zone UTC"
UNIT_NS: Final = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
BY_MAGNITUDE: Final = ((10**11, UNIT_NS["s"]), (10**14, UNIT_NS["ms"]), (10**17, UNIT_NS["us"]))
"""An epoch below each limit has that unit: 10**11 seconds is the year 5138, 10**11 milliseconds is 1973."""
_EPOCH_TEXT: Final = re.compile(r"\d{9,}(\.\d*)?")
_START: Final = datetime(1970, 1, 1)  # noqa: DTZ001  # Arrow counts times without a zone from here


def zone_named(name: str | None) -> ZoneInfo | None:
    """The zone of a `--zone` option; raises BadBars for one that does not exist."""
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise BadBars(f"no time zone is named {name!r}: use a name such as America/New_York or UTC") from error


def local(wall: datetime, zone: ZoneInfo | None) -> datetime:
    """A wall time as an instant; raises ValueError without a zone, or if clocks skip or repeat that time."""
    if zone is None:
        raise ValueError(f"{wall} has no time zone; {AMBIGUOUS}")
    first, second = wall.replace(tzinfo=zone, fold=0), wall.replace(tzinfo=zone, fold=1)
    before, after = first.utcoffset(), second.utcoffset()
    if before is None or after is None or before == after:
        return first
    what = "does not exist" if before < after else "occurs twice"
    raise ValueError(f"{wall} {what} in {zone.key}, where clocks change: give times in UTC")


def text_ns(text: str, zone: ZoneInfo | None) -> int:
    """UTC nanoseconds of ISO 8601 text or of an epoch written as text; raises ValueError."""
    if _EPOCH_TEXT.fullmatch(text):
        return epoch_ns(Decimal(text) if "." in text else int(text))
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ValueError(f"{text!r} is no time: expected ISO 8601 or a Unix epoch") from error
    return ns(moment if moment.tzinfo is not None else local(moment, zone))


def epoch_ns(value: float | Decimal) -> int:
    """UTC nanoseconds of a Unix epoch in seconds, milli-, micro- or nanoseconds, told apart by magnitude."""
    # Text keeps the digits: a float of seconds times 10**9 would be off by some 100 ns.
    exact: int | Decimal = value if isinstance(value, int) else Decimal(str(value))
    if not isinstance(exact, int) and not exact.is_finite():
        raise ValueError(f"{value} is no time: expected a Unix epoch")
    unit = next((unit for limit, unit in BY_MAGNITUDE if -limit < exact < limit), 1)
    return int(exact * unit)


def clock_of(column: "pa.Array[Any]", zone: ZoneInfo | None) -> tuple[list[Any], Callable[[Any], int]]:
    """The values of a time column and what turns one of them into UTC nanoseconds; raises ValueError for its type.

    The function raises ValueError for a value that is no time, or whose zone is not known.
    """
    kind = column.type
    if pa.types.is_timestamp(kind):
        unit, values = UNIT_NS[kind.unit], column.cast(pa.int64()).to_pylist()
        if kind.tz is not None:
            return values, lambda value: int(value * unit)
        return values, lambda value: ns(local(_START + timedelta(microseconds=value * unit // 1000), zone))
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return column.to_pylist(), epoch_ns
    if pa.types.is_dictionary(kind) or pa.types.is_large_string(kind) or pa.types.is_string(kind):
        return column.cast(pa.string()).to_pylist(), lambda value: text_ns(value, zone)
    raise ValueError(f"holds {kind}, expected ISO 8601 text, a Unix epoch or timestamps")


def as_text(at_ns: int) -> str:
    """An instant for a message, in UTC."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_ns // 1000)).isoformat()
