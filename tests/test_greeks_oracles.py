"""Implied volatility and Greeks against others' computations: the reference table, QuantLib, vollib and mpmath."""

import csv
import warnings
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
import QuantLib
from numpy.typing import NDArray

from operators.greeks import Greeks, implied

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # what vollib's own imports warn of is not about us
    from vollib.black_scholes_merton import black_scholes_merton
    from vollib.black_scholes_merton.greeks import analytical
    from vollib.lets_be_rational import implied_volatility_from_a_transformed_rational_guess as vollib_iv

Column = NDArray[np.float64]
COLUMNS = ("delta", "gamma", "theta_per_day", "vega_per_point")
MINUTES_PER_YEAR = 365 * 1440


class Sample:
    """Random options: one minute to five days, IV 5 % to 300 %, rates -1 % to 6 %, yields to 3 %, within 5 deviations.

    Both rights, in and out of the money; priced by vollib.
    """

    def __init__(self, count: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.right = rng.choice([-1.0, 1.0], count)
        self.years = np.exp(rng.uniform(np.log(1), np.log(5 * 1440), count)) / MINUTES_PER_YEAR
        self.iv = np.exp(rng.uniform(np.log(0.05), np.log(3), count))
        self.rate, self.carry = rng.uniform(-0.01, 0.06, count), rng.uniform(0, 0.03, count)
        self.spot = np.exp(rng.uniform(np.log(5), np.log(6000), count))
        self.forward = self.spot * np.exp((self.rate - self.carry) * self.years)
        self.discount = np.exp(-self.rate * self.years)
        self.strike = self.forward * np.exp(rng.uniform(-5, 5, count) * self.iv * np.sqrt(self.years))

    def rows(self) -> Any:
        flags = np.where(self.right > 0, "c", "p").tolist()
        columns = (self.spot, self.strike, self.years, self.rate, self.iv, self.carry)
        return zip(flags, *(column.tolist() for column in columns), strict=True)

    def priced(self) -> Column:
        return np.array([black_scholes_merton(*row) for row in self.rows()])

    def keep(self, chosen: NDArray[np.intp]) -> None:
        for name, column in vars(self).items():
            setattr(self, name, column[chosen])

    def ours(self, price: Column) -> Greeks:
        return implied(self.right, self.strike, price, self.forward, self.years, self.discount, self.spot)


def determined(sample: Sample, price: Column) -> NDArray[np.intp]:
    """Where doubles hold the time value to 1e-8: elsewhere in the money the price itself has lost the IV."""
    intrinsic = np.maximum(sample.right * (sample.forward - sample.strike), 0.0) * sample.discount
    return np.flatnonzero(price - intrinsic > 1e-7 * price)


def relative(got: Column, expected: Column, least: float = 0.0) -> float:
    """The worst relative difference; NaN counts as infinite."""
    worst = np.max(np.abs(got - expected) / np.maximum(np.abs(expected), least))
    return float(np.inf if np.isnan(worst) else worst)


def quantlib_greeks(sample: Sample) -> Column:
    """The four columns, one row per option."""
    calls = np.where(sample.right > 0, QuantLib.Option.Call, QuantLib.Option.Put).tolist()
    columns = (sample.strike, sample.forward, sample.iv * np.sqrt(sample.years), sample.discount, sample.spot)
    rows = zip(calls, *(column.tolist() for column in (*columns, sample.years)), strict=True)
    out = []
    for right, strike, forward, deviation, discount, spot, years in rows:
        black = QuantLib.BlackCalculator(QuantLib.PlainVanillaPayoff(right, strike), forward, deviation, discount)
        theta, vega = black.theta(spot, years) / 365, black.vega(years) / 100
        out.append((black.delta(spot), black.gamma(spot), theta, vega))
    return np.array(out).T


def quantlib_iv(sample: Sample, price: Column) -> Column:
    calls = np.where(sample.right > 0, QuantLib.Option.Call, QuantLib.Option.Put).tolist()
    guesses = sample.iv * np.sqrt(sample.years) * 1.1
    columns = (sample.strike, sample.forward, price, sample.discount, guesses)
    rows = zip(calls, *(column.tolist() for column in columns), strict=True)
    found = [QuantLib.blackFormulaImpliedStdDev(*row[:5], 0.0, row[5], 1e-14, 200) for row in rows]
    return np.array(found) / np.sqrt(sample.years)


def vollib_greeks(sample: Sample) -> Column:
    functions = (analytical.delta, analytical.gamma, analytical.theta, analytical.vega)
    return np.array([[function(*row) for function in functions] for row in sample.rows()]).T


def vollib_ivs(sample: Sample, price: Column) -> Column:
    columns = (price / sample.discount, sample.forward, sample.strike, sample.years, sample.right)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return np.array([vollib_iv(*row) for row in rows])


def quantlib_can(sample: Sample, vega_per_point: Column) -> NDArray[np.intp]:
    """Where QuantLib's solver can find the IV to 1e-9: its normal distribution is right to 1e-16 of the forward."""
    return np.flatnonzero(4e-16 * sample.forward / (vega_per_point * 100) < 1e-9)


def sampled(count: int, seed: int) -> tuple[Sample, Column, Greeks]:
    sample = Sample(count + count // 4, seed)
    price = sample.priced()
    usable = determined(sample, price)[:count]
    sample.keep(usable)
    assert usable.size == count
    return sample, price[usable], sample.ours(price[usable])


def differences(sample: Sample, got: Greeks, expected: Column) -> dict[str, float]:
    """Worst relative difference of each Greek; theta, which crosses zero, against a tenth of its part from interest."""
    interest = 0.1 * np.abs(sample.rate) * sample.strike / 365
    least = {"theta_per_day": interest}
    return {
        name: relative(getattr(got, name), column, least.get(name, 0.0))
        for name, column in zip(COLUMNS, expected, strict=True)
    }


def agree(count: int, seed: int) -> None:
    sample, price, got = sampled(count, seed)
    assert np.max(np.abs(got.iv - sample.iv)) < 1e-8
    assert np.max(np.abs(got.iv - vollib_ivs(sample, price))) < 1e-11
    for expected in (quantlib_greeks(sample), vollib_greeks(sample)):
        found = differences(sample, got, expected)
        assert max(found.values()) < 1e-6, found
    able = quantlib_can(sample, got.vega_per_point)
    assert able.size > 0.85 * count
    iv, price = got.iv[able], price[able]
    sample.keep(able)
    assert np.max(np.abs(iv - quantlib_iv(sample, price))) < 1e-8


def test_agrees_with_quantlib_and_vollib_on_random_options() -> None:
    agree(3_000, seed=1)


@pytest.mark.slow
def test_agrees_with_quantlib_and_vollib_on_100_000_random_options() -> None:
    agree(100_000, seed=2)


def exact(right: float, strike: float, forward: float, years: float, discount: float, spot: float, iv: float) -> Any:
    """Price and the four Greeks with 40 digits, from the floats as they are."""
    w, k, f, t, d, s, v = (mpmath.mpf(number) for number in (right, strike, forward, years, discount, spot, iv))
    total = v * mpmath.sqrt(t)
    d1 = mpmath.log(f / k) / total + total / 2
    n1, n2, density = mpmath.ncdf(w * d1), mpmath.ncdf(w * (d1 - total)), mpmath.npdf(d1)
    rate, carry = -mpmath.log(d) / t, -mpmath.log(d * f / s) / t
    theta = w * (carry * d * f * n1 - rate * d * k * n2) - d * f * density * v / (2 * mpmath.sqrt(t))
    gamma, vega = d * f * density / (s * s * total), d * f * density * mpmath.sqrt(t)
    return w * d * (f * n1 - k * n2), (w * d * f / s * n1, gamma, theta / 365, vega / 100)


def exact_columns(sample: Sample) -> tuple[Column, Column]:
    names = ("right", "strike", "forward", "years", "discount", "spot", "iv")
    with mpmath.workdps(40):
        rows = [exact(*row) for row in zip(*(getattr(sample, name).tolist() for name in names), strict=True)]
    return np.array([float(price) for price, _ in rows]), np.array([[float(g) for g in row] for _, row in rows]).T


def test_agrees_with_mpmath_to_the_limits_of_doubles() -> None:
    sample = Sample(2_200, seed=3)
    sample.keep(np.flatnonzero(sample.right * (sample.strike - sample.forward) > 0)[:1_000])
    price, greeks = exact_columns(sample)
    got = sample.ours(price)
    assert price.size == 1_000
    assert relative(got.iv, sample.iv) < 1e-11
    assert max(differences(sample, got, greeks).values()) < 1e-9


def test_agrees_with_mpmath_in_the_money_where_the_price_determines_it() -> None:
    sample = Sample(2_000, seed=4)
    sample.keep(np.flatnonzero(sample.right * (sample.strike - sample.forward) < 0)[:300])
    price, greeks = exact_columns(sample)
    usable = determined(sample, price)
    sample.keep(usable)
    got = sample.ours(price[usable])
    assert usable.size > 200
    assert np.max(np.abs(got.iv - sample.iv)) < 1e-8
    assert max(differences(sample, got, greeks[:, usable]).values()) < 1e-6


def test_near_the_money_no_start_misleads_the_solver() -> None:
    # Dense where a first draft elsewhere was silently wrong: within a few deviations of either lower bound's crossing.
    s, h = np.meshgrid(np.geomspace(1e-6, 2, 200), np.concatenate(([0.0], np.geomspace(1e-9, 6, 500))))
    strike = np.exp(h * s)
    rows = zip(strike.ravel().tolist(), np.broadcast_to(s, strike.shape).ravel().tolist(), strict=True)
    price = np.array([black_scholes_merton("c", 1.0, k, 1.0, 0.0, iv, 0.0) for k, iv in rows])
    got = implied(1, strike.ravel(), price, 1.0, 1.0, 1.0)
    assert relative(got.iv, s.ravel()) < 1e-8


def bumped(spot: float, years: float, iv: float, right: int) -> Any:
    return black_scholes_merton("c" if right > 0 else "p", spot, 101.0, years, 0.04, iv, 0.015)


@pytest.mark.parametrize("right", [1, -1])
def test_greeks_are_the_slopes_of_the_price_in_spot_time_and_volatility(right: int) -> None:
    spot, years, iv, step = 100.0, 3 / 365, 0.3, 1e-4
    discount, forward = np.exp(-0.04 * years), spot * np.exp(0.025 * years)
    got = implied(right, 101, bumped(spot, years, iv, right), forward, years, discount, spot)
    up, here, down = (bumped(spot + move, years, iv, right) for move in (0.01, 0.0, -0.01))
    assert got.iv == pytest.approx(iv, rel=1e-10)
    assert got.delta == pytest.approx((up - down) / 0.02, rel=1e-5)
    assert got.gamma == pytest.approx((up - 2 * here + down) / 1e-4, rel=1e-4)
    later, sooner = bumped(spot, years - step / 365, iv, right), bumped(spot, years + step / 365, iv, right)
    assert got.theta_per_day == pytest.approx((later - sooner) / (2 * step), rel=1e-6)
    higher, lower = bumped(spot, years, iv + step, right), bumped(spot, years, iv - step, right)
    assert got.vega_per_point == pytest.approx((higher - lower) / (2 * step) / 100, rel=1e-6)


def test_agrees_with_the_reference_table(shared_data: Path) -> None:
    with (shared_data / "reference" / "goog_20151223_1dte_greeks.csv").open() as file:
        rows = list(csv.DictReader(file))

    def column(name: str) -> Column:
        return np.array([float(row[name] or "nan") for row in rows])

    right = np.where(np.array([row["right"] for row in rows]) == "C", 1, -1)
    years = column("minutes_to_expiry") / MINUTES_PER_YEAR
    discount = np.exp(-0.01 * years)
    got = implied(right, column("strike"), column("mid"), column("S") / discount, years, discount)
    has_iv = np.array([row["status"] == "ok" for row in rows])
    assert has_iv.sum() == 160
    for library in ("vollib", "quantlib"):
        assert np.array_equal(np.isnan(column(f"iv_{library}")), ~has_iv)
        assert np.max(np.abs(got.iv - column(f"iv_{library}"))[has_iv]) < 1e-8
        for ours, theirs in zip(COLUMNS, ("delta", "gamma", "theta_day", "vega_pct"), strict=True):
            mine = getattr(got, ours)
            assert np.isnan(mine[~has_iv]).all()
            assert relative(mine[has_iv], column(f"{theirs}_{library}")[has_iv]) < 1e-6
