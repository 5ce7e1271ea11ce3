"""Model of the option oracle: settings, expiries, parity forward, IV and Greeks, written from the rules alone.

Prices in USD; IV per year of 525,600 minutes; theta per calendar day. Quotes are Decimal, what a model computes float.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from tests.oracle.options_input import NEW_YORK, Contract, Right, Row, Session, sessions_near, usable

YEAR_MINUTES = 525_600
PAIRS = 5
DTE_MAX = 5
MINUTE = timedelta(minutes=1)
CLOSING = 5 * MINUTE
ROOT_TWO = math.sqrt(2)


@dataclass(frozen=True)
class Settings:
    """Settings by the names of the rules."""

    target_delta_min: float = 0.30
    target_delta_max: float = 0.50
    max_spread_pct: float = 0.10
    min_open_interest: int = 1000
    min_volume: int = 500
    max_iv_rank: float = 0.80
    max_theta_burn_pct: float = 0.05
    max_gamma: float = 0.15
    zero_dte_cutoff: time = time(14, 0)
    one_dte_cutoff: time = time(15, 30)
    min_minutes_to_exit: int = 15
    stock_zero_dte: bool = False
    iv_rank_unknown: str = "halve"
    iv_rank_kind: str = "rank"
    theta_basis: str = "hold"
    planned_hold_minutes: int = 60
    risk_free_rate: float = 0.04


@dataclass(frozen=True)
class Expiry:
    """One listed expiry at one instant: `years` to the last trade, `forward` and `iv` by contract where known."""

    date: date
    dte: int
    cutoff: datetime
    years: float
    rows: list[Row]
    forward: float | None = None
    iv: dict[Contract, float] | None = None


def _cutoff(session: Session, dte: int, settings: Settings) -> datetime:
    """When entries in an expiry end in `session`."""
    clock = settings.zero_dte_cutoff if dte == 0 else settings.one_dte_cutoff
    usual = datetime.combine(session.date, time(16, 0), NEW_YORK)
    asked = datetime.combine(session.date, clock, NEW_YORK) - (usual - session.close)
    return min(asked, session.close - CLOSING)


def listed_expiries(rows: Sequence[Row], at: datetime, settings: Settings) -> list[Expiry]:
    """The listed expiries with DTE 0 to 5, nearest first, not yet solved; ValueError if `at` is on no session."""
    today = at.astimezone(NEW_YORK).date()
    sessions = sessions_near(today)
    now = next((i for i, session in enumerate(sessions) if session.date == today), None)
    if now is None:
        raise ValueError(f"{today} is no session")
    found = []
    for expiry in sorted({row.contract.expiry for row in rows}):
        # An expiry that is no session counts as the last one before it.
        dte = sum(session.date <= expiry for session in sessions) - 1 - now
        if 0 <= dte <= DTE_MAX:
            # In UTC, as clocks may change before a Monday.
            left = sessions[now + dte].close.astimezone(UTC) - at.astimezone(UTC)
            listed = [row for row in rows if row.contract.expiry == expiry]
            cutoff = _cutoff(sessions[now], dte, settings)
            found.append(Expiry(expiry, dte, cutoff, left / MINUTE / YEAR_MINUTES, listed))
    return found


def mid(row: Row) -> Decimal | None:
    """Middle of a usable quote in USD, else None."""
    return (row.bid + row.ask) / 2 if row.bid is not None and row.ask is not None and usable(row.bid, row.ask) else None


def normal(x: float) -> float:
    """The standard normal distribution up to `x`."""
    return math.erfc(-x / ROOT_TWO) / 2


def density(x: float) -> float:
    """The standard normal density at `x`."""
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def black(right: Right, forward: float, strike: float, deviation: float) -> float:
    """Undiscounted Black 1976 price in USD; `deviation` is IV x sqrt(years)."""
    sign = 1 if right == "call" else -1
    if deviation <= 0:
        return max(0.0, sign * (forward - strike))
    d1 = math.log(forward / strike) / deviation + deviation / 2
    return sign * (forward * normal(sign * d1) - strike * normal(sign * (d1 - deviation)))


def implied(row: Row, forward: float, years: float, rate: float) -> float | None:
    """IV per year of one contract's mid, None where there is none."""
    middle, strike = mid(row), float(row.contract.strike)
    if middle is None or forward <= 0:
        return None
    price, call = float(middle) / math.exp(-rate * years), row.contract.right == "call"
    intrinsic = max(0.0, forward - strike if call else strike - forward)
    if price - intrinsic <= 0 or price >= (forward if call else strike):
        return None
    # The time value is the price of the out-of-the-money twin, which keeps all its digits.
    right: Right = "call" if strike >= forward else "put"
    low, high = 0.0, 1.0
    while black(right, forward, strike, high) < price - intrinsic:
        low, high = high, 2 * high
        if high > 64:  # the price is its maximum to the last bit
            return None
    while low < (middle_point := (low + high) / 2) < high:
        below = black(right, forward, strike, middle_point) < price - intrinsic
        low, high = (middle_point, high) if below else (low, middle_point)
    return high / math.sqrt(years)


def parity_forward(rows: list[Row], spot: Decimal | None, discount: float) -> float | None:
    """Forward of one expiry in USD, None if neither pairs nor spot tell."""
    mids = {(row.contract.strike, row.contract.right): middle for row in rows if (middle := mid(row)) is not None}
    pairs = sorted(
        (abs(call - mids[strike, "put"]), strike, call - mids[strike, "put"])
        for (strike, right), call in mids.items()
        if right == "call" and (strike, "put") in mids
    )
    values = [float(strike) + float(difference) / discount for _, strike, difference in pairs[:PAIRS]]
    if len(values) in (0, 2) and spot is not None:
        values.append(float(spot) / discount)
    return statistics.median(values) if values else None


def solved(expiry: Expiry, spot: Decimal | None, rate: float) -> Expiry:
    """The expiry with its forward and IVs."""
    forward = parity_forward(expiry.rows, spot, math.exp(-rate * expiry.years))
    if forward is None:
        return replace(expiry, iv={})
    listed = {(row.contract.strike, row.contract.right): row for row in expiry.rows}
    iv = {}
    for row in expiry.rows:
        outside: Right = "call" if float(row.contract.strike) >= forward else "put"
        twin: Right = "put" if row.contract.right == "call" else "call"
        paired = (row.contract.strike, twin) in listed
        source = listed[row.contract.strike, outside] if paired else row
        if (value := implied(source, forward, expiry.years, rate)) is not None:
            iv[row.contract] = value
    return replace(expiry, forward=forward, iv=iv)


@dataclass(frozen=True)
class Greeks:
    """Of one contract: delta, gamma per USD, theta in USD per calendar day, Black 1976 value in USD now and later."""

    delta: float
    gamma: float
    theta: float
    value: float
    value_later: float


def greeks(expiry: Expiry, contract: Contract, hold_minutes: float, rate: float) -> Greeks | None:
    """The Greeks of one contract of a solved expiry, None without an IV."""
    if expiry.forward is None or not expiry.iv or contract not in expiry.iv:
        return None
    iv, years, forward, strike = expiry.iv[contract], expiry.years, expiry.forward, float(contract.strike)
    deviation, discount = iv * math.sqrt(years), math.exp(-rate * years)
    spot, sign = forward * discount, 1 if contract.right == "call" else -1
    d1 = math.log(forward / strike) / deviation + deviation / 2
    decay = spot * density(d1) * iv / (2 * math.sqrt(years))
    carry = sign * rate * strike * discount * normal(sign * (d1 - deviation))
    later = max(0.0, years - hold_minutes / YEAR_MINUTES)
    return Greeks(
        delta=normal(d1) if sign == 1 else normal(d1) - 1,
        gamma=density(d1) / (spot * deviation),
        theta=-(decay + carry) / 365,
        value=discount * black(contract.right, forward, strike, deviation),
        value_later=math.exp(-rate * later) * black(contract.right, forward, strike, iv * math.sqrt(later)),
    )
