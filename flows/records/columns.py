"""How a value lies in a column, alike on SQLite and PostgreSQL: exact dollars, aware UTC times, floats without NaN."""

from datetime import UTC, datetime
from decimal import Decimal
from math import isnan
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Float
from sqlalchemy.types import TypeDecorator, TypeEngine

MICROS_PER_DOLLAR = 1_000_000
LARGEST_BIGINT = 2**63 - 1
DOLLAR_DIGITS = 13  # 2**63 micro-dollars are 9.2e12 dollars


def to_micros(dollars: Decimal) -> int:
    """Micro-dollars of an exact amount; never rounds.

    Raises TypeError for anything but Decimal, ValueError for NaN, infinities, more than six places or too large.
    """
    if not isinstance(dollars, Decimal):
        raise TypeError(f"{dollars!r} is {type(dollars).__name__}, money is Decimal; build it from text or cents")
    if not dollars.is_finite():
        raise ValueError(f"{dollars} dollars is no amount; an absent one is None")
    if dollars.adjusted() > DOLLAR_DIGITS:
        raise ValueError(f"{dollars} dollars is over {Decimal(LARGEST_BIGINT).scaleb(-6)}, the most a column holds")
    numerator, denominator = dollars.as_integer_ratio()
    micros, rest = divmod(numerator * MICROS_PER_DOLLAR, denominator)
    if rest:
        raise ValueError(f"{dollars} dollars has more than six places; round it where the rule for rounding is known")
    if abs(micros) > LARGEST_BIGINT:
        raise ValueError(f"{dollars} dollars is over {Decimal(LARGEST_BIGINT).scaleb(-6)}, the most a column holds")
    return micros


class Micros(TypeDecorator[Decimal]):
    """Dollars as BIGINT micro-dollars; gives Decimal with six places and refuses what it would have to round."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        return None if value is None else to_micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        # The constructor is exact whatever the decimal context says; scaleb and division are not.
        return None if value is None else Decimal(f"{value}E-6")


class UtcTime(TypeDecorator[datetime]):
    """Aware UTC, microseconds: timestamptz on PostgreSQL, text without zone on SQLite; a naive time is refused."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(DateTime(timezone=dialect.name == "postgresql"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"time {value.isoformat()} has no zone; give it tzinfo=UTC")
        utc = value.astimezone(UTC)
        return utc if dialect.name == "postgresql" else utc.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Real(TypeDecorator[float]):
    """A float64 in which NaN is absent: SQLite makes it NULL by itself, PostgreSQL would keep it."""

    impl = Float
    cache_ok = True

    def process_bind_param(self, value: float | None, dialect: Dialect) -> float | None:
        return None if value is None or isnan(value) else value
