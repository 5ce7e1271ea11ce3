"""What an option is worth at an IV, against the closed form in 40 digits and against what must hold of any value."""

from math import exp, isnan, nan

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm  # type: ignore[import-untyped]  # scipy ships no types

from operators.greeks import implied
from operators.pricing import value

MINUTE = 1 / (365 * 1440)
STRIKES = st.floats(1.0, 10_000.0)
# The strike as a share of the forward, from deep in the money to far out of it.
SHARES = st.floats(0.5, 2.0)
YEARS = st.floats(MINUTE, 0.05)
IVS = st.floats(0.02, 5.0)
RIGHTS = st.sampled_from([1, -1])


def exact(right: int, strike: float, forward: float, years: float, discount: float, iv: float) -> float:
    """Black's formula in 40 digits."""
    with mpmath.workdps(40):
        f, k, deviation = mpmath.mpf(forward), mpmath.mpf(strike), mpmath.mpf(iv) * mpmath.sqrt(years)
        d1 = mpmath.log(f / k) / deviation + deviation / 2
        undiscounted = right * (f * mpmath.ncdf(right * d1) - k * mpmath.ncdf(right * (d1 - deviation)))
        return float(mpmath.mpf(discount) * undiscounted)


def test_at_the_money_the_value_is_worked_by_hand() -> None:
    # 100 x (2 N(0.2 x sqrt(0.25) / 2) - 1) = 100 x (2 N(0.05) - 1); N(0.05) = 0.519938806: 3.9877612.
    assert value(1, 100.0, 100.0, 0.25, 1.0, 0.2) == pytest.approx(3.9877612, abs=1e-6)
    assert value(-1, 100.0, 100.0, 0.25, 0.98, 0.2) == pytest.approx(0.98 * 3.9877612, abs=1e-6)


@given(RIGHTS, STRIKES, SHARES, YEARS, IVS)
def test_the_value_is_the_closed_forms(right: int, forward: float, share: float, years: float, iv: float) -> None:
    found = value(right, share * forward, forward, years, 0.99, iv)
    # Two terms of the size of the forward cancel.
    assert found == pytest.approx(exact(right, share * forward, forward, years, 0.99, iv), abs=4e-15 * forward)


@pytest.mark.parametrize("right", [1, -1])
@pytest.mark.parametrize("strike", [540.0, 571.0, 600.0])
def test_the_value_is_what_scipys_distribution_gives(right: int, strike: float) -> None:
    forward, years, discount, iv = 571.0, 1_800 * MINUTE, exp(-0.04 * 1_800 * MINUTE), 0.2
    deviation = iv * years**0.5
    d1 = norm.ppf(0.5) + (0.0 if strike == forward else mpmath.log(forward / strike) / deviation) + deviation / 2
    signed = forward * norm.cdf(float(right * d1)) - strike * norm.cdf(float(right * (d1 - deviation)))
    assert value(right, strike, forward, years, discount, iv) == pytest.approx(discount * right * signed, abs=1e-11)


@given(STRIKES, SHARES, YEARS, IVS, st.floats(0.5, 1.0))
def test_call_less_put_is_the_discounted_forward_less_strike(
    forward: float, share: float, years: float, iv: float, discount: float
) -> None:
    strike = share * forward
    call, put = (value(right, strike, forward, years, discount, iv) for right in (1, -1))
    assert call - put == pytest.approx(discount * (forward - strike), abs=1e-14 * forward)


@given(STRIKES, SHARES, YEARS, IVS)
def test_a_call_is_the_put_with_forward_and_strike_exchanged(
    forward: float, share: float, years: float, iv: float
) -> None:
    strike = share * forward
    call, put = value(1, strike, forward, years, 1.0, iv), value(-1, forward, strike, years, 1.0, iv)
    assert call == pytest.approx(put, abs=1e-14 * forward)


@given(RIGHTS, STRIKES, SHARES, YEARS, IVS)
def test_the_value_lies_between_intrinsic_value_and_its_most(
    right: int, forward: float, share: float, years: float, iv: float
) -> None:
    strike = share * forward
    found, rounding = value(right, strike, forward, years, 1.0, iv), 1e-14 * forward
    most = forward if right > 0 else strike
    assert max(right * (forward - strike), 0.0) - rounding <= found <= most + rounding


@pytest.mark.parametrize(("right", "strike", "worth"), [(1, 560.0, 11.0), (-1, 580.0, 9.0), (1, 580.0, 0.0)])
@pytest.mark.parametrize(("years", "iv"), [(0.0, 0.2), (-0.001, 0.2), (0.01, 0.0)])
def test_without_time_or_iv_the_value_is_the_discounted_intrinsic_one(
    right: int, strike: float, worth: float, years: float, iv: float
) -> None:
    assert value(right, strike, 571.0, years, 0.5, iv) == 0.5 * worth


def test_towards_the_last_trade_the_value_falls_to_the_intrinsic_one() -> None:
    left = [value(1, 570.0, 571.0, minutes * MINUTE, 1.0, 0.2) for minutes in (60, 10, 1, 0.01, 0)]
    assert left == sorted(left, reverse=True)
    assert left[-2:] == [pytest.approx(1.0, abs=1e-9), 1.0]


@given(RIGHTS, st.floats(0.97, 1.03), st.floats(60 * MINUTE, 0.02), st.floats(0.1, 2.0))
def test_the_implied_volatility_of_a_value_is_the_iv_that_made_it(
    right: int, share: float, years: float, iv: float
) -> None:
    price = value(right, 571.0 * share, 571.0, years, 1.0, iv)
    # Under a hundredth of a cent a price says little of its IV.
    if price - max(right * 571.0 * (1 - share), 0.0) > 1e-4:
        assert float(implied(right, 571.0 * share, price, 571.0, years, 1.0).iv) == pytest.approx(iv, rel=1e-6)


@pytest.mark.parametrize("changes", [{"forward": nan}, {"iv": nan}, {"strike": nan}], ids=str)
def test_what_is_unknown_makes_the_value_unknown(changes: dict[str, float]) -> None:
    known = {"right": 1, "strike": 572.0, "forward": 571.0, "years": 0.003, "discount": 1.0, "iv": 0.2}
    assert isnan(value(**(known | changes)))  # type: ignore[arg-type]  # `right` stays whole
