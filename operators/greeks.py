"""Implied volatility and Greeks of European options, whole chains at once.

Prices, strikes, forwards and spots are dollars per share; years are minutes to the last trade / (365 x 1440).
Every argument may be a number or an array; they broadcast. What has no implied volatility is NaN in every column:
nothing here warns or raises for a value, only numpy's ValueError for shapes that do not fit or columns of text.

Source: Black (1976), "The pricing of commodity contracts"; normalised as in Jaeckel (2015), "Let's be rational":
with s = IV x sqrt(years), h = |ln(F/K)| / s and t = s / 2 the undiscounted out-of-the-money value is sqrt(F K) b,
b = exp(-(h^2 + t^2) / 2) gap / 2 and gap = erfcx((h - t) / sqrt 2) - erfcx((h + t) / sqrt 2).
"""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import ArrayLike as Array
from numpy.typing import NDArray
from scipy.special import erfcx, erfinv, ndtr  # type: ignore[import-untyped]  # scipy ships no types

FloatArray = NDArray[np.float64]

DAYS_PER_YEAR: Final = 365.0
SQRT_2: Final = np.sqrt(2.0)
# From here the two erfcx differ in enough digits; below, four terms of the series are exact to 1e-15.
SERIES_BELOW: Final = 0.02
# A fourth-order step of this relative size leaves an error of about its fourth power: nothing.
SMALL_STEP: Final = 1e-4
# Two or three are needed below s = 1, five at s = 8.
MAX_STEPS: Final = 12
# The residual that is accepted, as the relative change of IV that would remove it.
TOLERANCE: Final = 1e-9
# Relative rounding of a price: time value below this share of forward or strike is noise of the intrinsic value.
ROUNDING: Final = 8 * float(np.finfo(np.float64).eps)
PARITY_PAIRS: Final = 5


class Greeks(msgspec.Struct, frozen=True, gc=False, eq=False):
    """Columns of one shape, per share; NaN in all of them where there is no implied volatility.

    `iv` per year of 365 x 1440 minutes; `delta` and `gamma` with respect to the spot (a put's delta is negative);
    `theta_per_day` per calendar day, negative where time costs the holder; `vega_per_point` per 0.01 of IV.
    """

    iv: FloatArray
    delta: FloatArray
    gamma: FloatArray
    theta_per_day: FloatArray
    vega_per_point: FloatArray


class _Contracts(msgspec.Struct, frozen=True, gc=False, eq=False):
    """Flat columns of equal length; every row is NaN in all of them, or finite and of the right sign."""

    right: FloatArray
    strike: FloatArray
    years: FloatArray
    forward: FloatArray
    discount: FloatArray
    spot: FloatArray


def implied(
    right: Array, strike: Array, price: Array, forward: Array, years: Array, discount: Array, spot: Array | None = None
) -> Greeks:
    """Implied volatility and Greeks of each option from its own price; shape: that of all arguments broadcast.

    `right` is +1 for calls, -1 for puts; `price` is today's, `discount` = exp(-rate x years). With `spot` the carry is
    the one that leads from it to the forward; without, spot = forward x discount, that is, no dividends. NaN for
    arguments that are NaN, infinite, zero or negative, and prices at or below intrinsic, at or above their maximum.
    """
    with np.errstate(all="ignore"):
        contracts, prices, shape = _columns(price, spot, forward, discount, right, strike, years)
        return _greeks(contracts, _total_volatility(contracts, prices), shape)


def chain_greeks(
    right: Array, strike: Array, mid: Array, forward: Array, years: Array, discount: Array, spot: Array | None = None
) -> Greeks:
    """As `implied`, but a call and a put of one strike share the IV of the side that is out of the money.

    An in-the-money mid is mostly intrinsic value, and its spread drowns the rest: it is not read where there is a twin.
    Where the out-of-the-money side has no IV neither has its twin; contracts without a twin are solved on their own.
    The order of contracts changes nothing. At a strike equal to the forward the call counts as out of the money.
    """
    with np.errstate(all="ignore"):
        contracts, mids, shape = _columns(mid, spot, forward, discount, right, strike, years)
        source = _out_of_the_money(contracts)
        own = np.where(source == np.arange(source.size), mids, np.nan)
        return _greeks(contracts, _total_volatility(contracts, own)[source], shape)


def forward_from_parity(strike: Array, call_mid: Array, put_mid: Array, discount: float, spot: float) -> float:
    """Forward of one expiry: the median of strike + (call - put) / discount over the pairs nearest the money.

    One row per strike that has a call and a put; nearest is the least |call - put|, which needs no spot. Five pairs:
    their median outlives two bad ones, and further in the money spreads are wider and American puts carry a premium
    that parity does not know. Of two pairs the one nearer to spot / discount counts (the median of the three), a single
    one stands alone; without any it is spot / discount, NaN if that is unknown too.
    """
    with np.errstate(all="ignore"):
        k, call, put = (np.ravel(column) for column in _broadcast(strike, call_mid, put_mid))
        by_carry = spot / discount if _positive(np.array([spot, discount])).all() else np.nan
        votes = k + (call - put) / (discount if discount > 0 else np.nan)
        usable = _positive(k) & _positive(call) & _positive(put) & _positive(votes)
        distance = np.where(usable, np.abs(call - put), np.inf)
        nearest = votes[np.lexsort((votes, k, distance))[: min(PARITY_PAIRS, int(usable.sum()))]]
        if nearest.size in (0, 2) and np.isfinite(by_carry):
            nearest = np.append(nearest, by_carry)
        middle = float(np.median(nearest)) if nearest.size else np.nan
    return middle if np.isfinite(middle) else float("nan")


def twins(right: Array, strike: Array, years: Array) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where the calls and the puts of the pairs stand, by expiry and strike: indices into the flattened chain.

    A pair is alone at its strike and expiry: beside a third contract (an adjusted root) nobody is anybody's twin.
    """
    side, k, expiry = (np.ravel(column) for column in _broadcast(right, strike, years))
    order = np.lexsort((side, k, expiry))
    # NaN equals nothing, so a contract without strike or expiry is nobody's twin.
    follows = (k[order][1:] == k[order][:-1]) & (expiry[order][1:] == expiry[order][:-1])
    edged = np.concatenate(([False], follows, [False]))
    first = np.flatnonzero(edged[1:-1] & ~edged[:-2] & ~edged[2:])
    puts, calls = order[first], order[first + 1]
    pairs = (side[puts] == -1) & (side[calls] == 1)
    return calls[pairs], puts[pairs]


def _out_of_the_money(contracts: _Contracts) -> NDArray[np.intp]:
    """For each contract the index of the one whose mid gives its IV: its twin's in the money, else its own."""
    source = np.arange(contracts.strike.size)
    calls, puts = twins(contracts.right, contracts.strike, contracts.years)
    by_call = contracts.strike[calls] >= contracts.forward[calls]
    source[np.where(by_call, puts, calls)] = np.where(by_call, calls, puts)
    return source


def _positive(column: FloatArray) -> NDArray[np.bool_]:
    """Which numbers are finite and over zero."""
    return (column > 0) & (column < np.inf)


def _broadcast(*columns: Array) -> list[FloatArray]:
    """The columns as float64 of one shape; raises ValueError where they have none."""
    return list(np.broadcast_arrays(*(np.asarray(column, dtype=np.float64) for column in columns)))


def _columns(
    prices: Array, spot: Array | None, forward: Array, discount: Array, *others: Array
) -> tuple[_Contracts, FloatArray, tuple[int, ...]]:
    """The contracts and their prices as flat columns, NaN where an argument is unsound, and the shape they had."""
    if spot is None:
        spot = np.multiply(forward, discount, dtype=np.float64)
    columns = _broadcast(*others, forward, discount, spot, prices)
    *static, flat = (np.ravel(column) for column in columns)
    sound = np.all([np.abs(static[0]) == 1, *map(_positive, static[1:])], axis=0)
    if not sound.all():
        static = [np.where(sound, column, np.nan) for column in static]
    return _Contracts(*static), flat, columns[0].shape


def _total_volatility(contracts: _Contracts, prices: FloatArray) -> FloatArray:
    """IV x sqrt(years), NaN where the price has none; parity makes in-the-money prices out-of-the-money values."""
    forward, strike = contracts.forward, contracts.strike
    intrinsic = np.maximum(contracts.right * (forward - strike), 0.0)
    outside = prices / contracts.discount - intrinsic
    least = np.where(intrinsic > 0, ROUNDING * np.maximum(forward, strike), 0.0)
    rows = np.flatnonzero((outside > least) & (outside < np.minimum(forward, strike)))
    total = np.full(prices.shape, np.nan)
    log_moneyness = np.abs(_log_ratio(forward[rows], strike[rows]))
    total[rows] = _solve(log_moneyness, outside[rows] / np.sqrt(forward[rows]) / np.sqrt(strike[rows]))
    return total


def _log_ratio(forward: FloatArray, strike: FloatArray) -> FloatArray:
    """ln(forward / strike) with all its digits near the money, where the quotient has lost most of them."""
    above = forward - strike
    return np.sign(above) * np.log1p(np.abs(above) / np.minimum(forward, strike))


def _solve(log_moneyness: FloatArray, value: FloatArray) -> FloatArray:
    """The s at which b is `value`; NaN where the residual, or the rounding of the value, is over the tolerance.

    Starts from the larger of two lower bounds, both below the root for every price: b rises slower in s than at the
    money, where it is erf(s / sqrt 8), and slower than exp(-h^2 / 2) / sqrt(2 pi), whose integral over s is bounded
    with Lambert's W(z) <= ln(1 + z). ln b is concave in s, so the steps climb to the root from there.
    """
    goal = np.log(value)
    bound = np.logaddexp(0.0, 2.0 * (np.log(log_moneyness) - goal) - np.log(2.0 * np.pi))
    # At the money the second bound is 0 / 0: fmax takes the first, which is then the root itself.
    s: FloatArray = np.fmax(2.0 * SQRT_2 * erfinv(value), log_moneyness / np.sqrt(bound))
    rows = np.arange(s.size)
    for _ in range(MAX_STEPS):
        step = _step(log_moneyness[rows], s[rows], goal[rows])
        s[rows] += step
        rows = rows[np.abs(step) > SMALL_STEP * s[rows]]
        if rows.size == 0:
            break
    newton, slope = _newton(log_moneyness / s, s, goal)
    return np.where(np.abs(newton) + ROUNDING / slope <= TOLERANCE * s, s, np.nan)


def _newton(h: FloatArray, s: FloatArray, goal: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Newton's step for ln b = goal, and the slope of ln b in s."""
    t = 0.5 * s
    gap = np.where(t < SERIES_BELOW, _near_gap(h, t), erfcx((h - t) / SQRT_2) - erfcx((h + t) / SQRT_2))
    slope = np.sqrt(2.0 / np.pi) / gap
    return (goal + 0.5 * (h * h + t * t) - np.log(0.5 * gap)) / slope, slope


def _near_gap(h: FloatArray, t: FloatArray) -> FloatArray:
    """erfcx((h - t) / sqrt 2) - erfcx((h + t) / sqrt 2) by Taylor's series in t, where the difference loses digits.

    Derivatives from erfcx' = 2 a erfcx - 2 / sqrt(pi): each further one is 2 a (last) + 2 n (last but one).
    """
    a, d = h / SQRT_2, t / SQRT_2
    before: FloatArray = erfcx(a)
    last, term = 2.0 * a * before - 2.0 / np.sqrt(np.pi), d
    total: FloatArray = last * term
    for n in (1, 3, 5):
        before = 2.0 * a * last + 2.0 * n * before
        last = 2.0 * a * before + 2.0 * (n + 1) * last
        term = term * d * d / ((n + 1) * (n + 2))
        total = total + last * term
    return -2.0 * total


def _step(log_moneyness: FloatArray, s: FloatArray, goal: FloatArray) -> FloatArray:
    """Householder's step of fourth order for ln b = goal; source: Householder (1970), with b''/b' = h^2 / s - s / 4."""
    h = log_moneyness / s
    newton, slope = _newton(h, s, goal)
    second = h * h / s - 0.25 * s - slope
    third = second * second - 3.0 * h * h / (s * s) - 0.25 - slope * second
    return newton * (1.0 + 0.5 * second * newton) / (1.0 + newton * (second + third * newton / 6.0))


def _greeks(contracts: _Contracts, total: FloatArray, shape: tuple[int, ...]) -> Greeks:
    """The columns from IV x sqrt(years); source: Merton (1973), with the carry that leads from spot to forward."""
    right, years, spot = contracts.right, contracts.years, contracts.spot
    grown, paid = contracts.discount * contracts.forward, contracts.discount * contracts.strike
    d1 = _log_ratio(contracts.forward, contracts.strike) / total + 0.5 * total
    density = grown * np.exp(-0.5 * d1 * d1) / np.sqrt(2.0 * np.pi)
    stock, bond = right * grown * ndtr(right * d1), right * paid * ndtr(right * (d1 - total))
    rate, carry = -np.log(contracts.discount) / years, -np.log(grown / spot) / years
    theta = carry * stock - rate * bond - 0.5 * density * total / years
    gamma, vega, iv = density / (spot * spot * total), density * np.sqrt(years), total / np.sqrt(years)
    columns = [iv, stock / spot, gamma, theta / DAYS_PER_YEAR, vega / 100.0]
    sound = np.isfinite(np.sum(columns, axis=0))
    return Greeks(*(np.where(sound, column, np.nan).reshape(shape) for column in columns))
