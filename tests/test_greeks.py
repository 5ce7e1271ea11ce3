"""Implied volatility and Greeks: worked numbers, units, missing values, twins and the forward from parity."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy.special import ndtr

from operators.greeks import Greeks, chain_greeks, forward_from_parity, implied, twins

Column = NDArray[np.float64]
COLUMNS = ("iv", "delta", "gamma", "theta_per_day", "vega_per_point")
DAY = 1 / 365
AWKWARD = [math.nan, math.inf, -math.inf, 0.0, -0.0, -1.0, 5e-324, 1e-300, 1e300, 1.7e308, 1.0, 100.0, 0.01]


def columns(greeks: Greeks) -> Column:
    return np.array([getattr(greeks, name) for name in COLUMNS])


def black(right: Any, strike: Any, forward: Any, years: Any, discount: Any, iv: Any) -> Any:
    """Black's formula as the books print it."""
    total = iv * np.sqrt(years)
    d1 = np.log(forward / strike) / total + total / 2
    return discount * right * (forward * ndtr(right * d1) - strike * ndtr(right * (d1 - total)))


def one(right: float = 1, strike: float = 100, price: float = 0.5, forward: float = 100, **other: Any) -> Greeks:
    return implied(right, strike, price, forward, other.get("years", DAY), other.get("discount", 1), other.get("spot"))


def test_at_the_money_the_numbers_are_those_worked_by_hand() -> None:
    # F = K = 100, s = 0.01: price = 100 (2 N(0.005) - 1) = 100 erf(0.005 / sqrt 2); IV = 0.01 x sqrt(365);
    # delta = N(0.005) = 0.50199471; phi(0.005) = 0.39893729: gamma = phi / (100 x 0.01) = 0.39893729,
    # vega = 100 x phi / sqrt(365) / 100 = 0.02088133 a point; theta = -100 x phi x 0.01 / 2 a day = -0.19946865.
    got = one(price=100 * math.erf(0.005 / math.sqrt(2)))
    assert got.iv == pytest.approx(0.01 * math.sqrt(365), rel=1e-12)
    assert got.delta == pytest.approx(0.50199471, abs=1e-8)
    assert got.gamma == pytest.approx(0.39893729, abs=1e-8)
    assert got.vega_per_point == pytest.approx(0.02088133, abs=1e-8)
    assert got.theta_per_day == pytest.approx(-0.19946865, abs=1e-8)


def test_a_puts_delta_is_negative_and_a_decaying_option_loses_by_the_day() -> None:
    got = one(right=-1, strike=[95, 99, 100, 101, 105], price=[0.1, 0.5, 0.9, 1.5, 5.1])
    assert (got.delta < 0).all()
    assert (got.theta_per_day < 0).all()


def test_without_spot_there_are_no_dividends() -> None:
    discount = math.exp(-0.05 * DAY)
    assert np.array_equal(columns(one(discount=discount)), columns(one(discount=discount, spot=100 * discount)))


def test_arguments_broadcast_and_the_answer_has_their_shape() -> None:
    got = implied([[1], [-1]], [99, 100, 101], 2.0, 100, DAY, 1)
    assert columns(got).shape == (5, 2, 3)
    assert one().iv.shape == ()
    assert one(strike=[], price=[]).iv.shape == (0,)


@pytest.mark.parametrize("shapes", [([1, 2], [1, 2, 3]), ([[1, 2]], [1, 2, 3])])
def test_shapes_that_do_not_fit_raise(shapes: tuple[Any, Any]) -> None:
    for function in (implied, chain_greeks):
        with pytest.raises(ValueError, match="shape mismatch"):
            function(1, shapes[0], shapes[1], 100, DAY, 1)
    with pytest.raises(ValueError, match="shape mismatch"):
        forward_from_parity(*shapes, 1.0, 1.0, 100.0)
    with pytest.raises(ValueError, match="shape mismatch"):
        twins(1, *shapes)


BAD: dict[str, list[float]] = {
    "price": [math.nan, 0.0, -0.5, math.inf, 100.0, 101.0],  # a call's maximum is the forward
    "years": [0.0, -DAY, math.nan],
    "strike": [0.0, math.nan],
    "forward": [-100.0, math.inf],
    **{"discount": [0.0, math.nan], "spot": [0.0, math.nan], "right": [0, math.nan, 2]},
}
EDGES: list[dict[str, float]] = [
    {"price": 4.99, "strike": 95},  # below intrinsic
    {"price": 5.0, "strike": 95},  # at intrinsic
    {"price": 5.0, "strike": 105, "right": -1},
    {"price": 99.0, "strike": 99, "right": -1},  # a put's maximum is its strike
]


@pytest.mark.parametrize("bad", EDGES + [{name: number} for name, numbers in BAD.items() for number in numbers])
def test_what_has_no_iv_is_nan_in_every_column(bad: dict[str, Any]) -> None:
    assert np.isfinite(columns(one())).all()
    assert np.isnan(columns(one(**bad))).all()


@given(
    spot=st.floats(1, 10_000),
    moneyness=st.floats(0.5, 0.9999),
    rate=st.floats(-0.02, 0.1),
    years=st.floats(1e-6, 1),
    right=st.sampled_from([1, -1]),
)
def test_a_price_at_intrinsic_has_no_iv_however_it_was_rounded(
    spot: float, moneyness: float, rate: float, years: float, right: int
) -> None:
    discount = math.exp(-rate * years)
    forward = spot / discount
    strike = forward * moneyness**right
    prices = [right * (spot - strike * discount), discount * (right * (forward - strike))]
    assert np.isnan(implied(right, strike, prices, forward, years, discount).iv).all()


numbers = st.one_of(st.sampled_from(AWKWARD), st.floats(width=64))
rows = hnp.arrays(np.float64, st.tuples(st.integers(0, 8), st.just(7)), elements=numbers)


@given(rows=rows, with_spot=st.booleans())
def test_no_number_warns_or_raises_and_rows_are_whole_or_nan(rows: Column, with_spot: bool) -> None:
    right, strike, price, forward, years, discount, spot = rows.T
    for function in (implied, chain_greeks):
        for side in (right, np.sign(right)):
            got = columns(function(side, strike, price, forward, years, discount, spot if with_spot else None))
            assert np.array_equal(np.isnan(got).any(axis=0), np.isnan(got).all(axis=0))
            assert not np.isinf(got).any()
    assert not math.isinf(forward_from_parity(strike, price, forward, *(rows[0, 5:] if rows.size else (1.0, 1.0))))
    twins(right, strike, years)


def test_a_price_that_says_nothing_about_its_iv_has_none() -> None:
    # One part in 1e15 under the maximum: any total volatility from 15 up gives that price.
    assert np.isnan(one(price=100 * (1 - 1e-15)).iv)


def test_a_batch_gives_what_its_rows_give_alone() -> None:
    strike, price = np.linspace(95, 105, 21), np.linspace(6, 0.01, 21)
    whole = columns(implied(1, strike, price, 100, DAY, 1))
    single = [columns(one(strike=k, price=p)) for k, p in zip(strike.tolist(), price.tolist(), strict=True)]
    assert np.array_equal(whole, np.array(single).T, equal_nan=True)


def chain() -> tuple[Column, Column, Column]:
    """Calls, then puts, of seven strikes around a forward of 100, at IVs of 30 %, 29 % and so on."""
    strike = np.tile([97.0, 98, 99, 100, 101, 102, 103], 2)
    right = np.repeat([1.0, -1.0], 7)
    return right, strike, black(right, strike, 100.0, 3 * DAY, 0.999, np.tile(np.linspace(0.30, 0.24, 7), 2))


def test_the_out_of_the_money_sides_iv_serves_its_twin() -> None:
    right, strike, mid = chain()
    clean = chain_greeks(right, strike, mid, 100, 3 * DAY, 0.999)
    inside = right * (100 - strike) > 0
    for wrong in (mid + 0.3, np.full(mid.size, np.nan)):
        got = chain_greeks(right, strike, np.where(inside, wrong, mid), 100, 3 * DAY, 0.999)
        assert np.array_equal(columns(got), columns(clean))
    assert clean.iv == pytest.approx(np.tile(np.linspace(0.30, 0.24, 7), 2), rel=1e-10)
    # Of one strike and one IV: gamma and vega are the same, deltas differ by 1 (no dividends).
    assert clean.gamma[:7] == pytest.approx(clean.gamma[7:], rel=1e-12)
    assert clean.delta[:7] - clean.delta[7:] == pytest.approx(1, rel=1e-12)


def test_no_iv_out_of_the_money_is_none_in_the_money() -> None:
    right, strike, mid = chain()
    mid[0 + 7] = np.nan  # the 97 put
    mid[6] = 0.0  # the 103 call
    got = columns(chain_greeks(right, strike, mid, 100, 3 * DAY, 0.999))
    assert np.flatnonzero(np.isnan(got).all(axis=0)).tolist() == [0, 6, 7, 13]


def test_a_contract_without_a_twin_is_solved_on_its_own() -> None:
    right, strike, mid = (column[:7] for column in chain())  # calls alone, three of them in the money
    got = chain_greeks(right, strike, mid, 100, 3 * DAY, 0.999)
    assert np.array_equal(columns(got), columns(implied(right, strike, mid, 100, 3 * DAY, 0.999)))
    assert np.isfinite(got.iv).all()


def test_contracts_of_other_expiries_are_no_twins() -> None:
    # The 98 call of three days and the 98 put of one: each keeps its own IV.
    years = np.array([3 * DAY, DAY])
    mid = black(np.array([1, -1]), 98.0, 100.0, years, 1.0, np.array([0.3, 0.4]))
    assert chain_greeks([1, -1], 98, mid, 100, years, 1).iv == pytest.approx([0.3, 0.4], rel=1e-9)


def test_a_third_contract_at_a_strike_leaves_nobody_a_twin() -> None:
    assert [found.tolist() for found in twins([1, -1, 1], 100, DAY)] == [[], []]
    calls, puts = twins([1, 1, -1, -1, -1, 1], [101, 100, 100, 101, 100, 99], [DAY] * 6)
    assert (calls.tolist(), puts.tolist()) == ([0], [3])


@given(order=st.permutations(range(14)), missing=st.sets(st.integers(0, 13), max_size=4))
def test_the_order_of_contracts_changes_nothing(order: list[int], missing: set[int]) -> None:
    right, strike, mid = (np.delete(column, sorted(missing)) for column in chain())
    shuffled = [place for place in order if place < right.size]
    plain = columns(chain_greeks(right, strike, mid, 100, 3 * DAY, 0.999))
    got = columns(chain_greeks(right[shuffled], strike[shuffled], mid[shuffled], 100, 3 * DAY, 0.999))
    assert np.array_equal(got, plain[:, shuffled], equal_nan=True)


def pairs(forward: float = 100.4) -> tuple[Column, Column, Column]:
    strike = np.arange(90.0, 111.0)
    return strike, *(black(right, strike, forward, 3 * DAY, 0.999, 0.3) for right in (1, -1))


def test_the_forward_is_the_one_that_parity_tells() -> None:
    strike, call, put = pairs()
    assert forward_from_parity(strike, call, put, 0.999, 99.0) == pytest.approx(100.4, rel=1e-12)
    assert forward_from_parity(strike, call, put, 0.999, math.nan) == pytest.approx(100.4, rel=1e-12)


@pytest.mark.parametrize("place", range(21))
@pytest.mark.parametrize("error", [-5.0, 3.0, 1000.0, math.nan, math.inf])
def test_one_bad_pair_does_not_move_the_forward(place: int, error: float) -> None:
    strike, call, put = pairs()
    call[place] += error
    assert forward_from_parity(strike, call, put, 0.999, math.nan) == pytest.approx(100.4, rel=1e-9)


def test_a_far_pair_with_equal_stale_quotes_does_not_move_the_forward() -> None:
    strike, call, put = pairs()
    call[0] = put[0] = 1.0  # |call - put| = 0 at 90: the nearest of all by that measure
    assert forward_from_parity(strike, call, put, 0.999, 100.0) == pytest.approx(100.4, rel=1e-9)


def test_deep_pairs_are_not_asked() -> None:
    strike, call, put = pairs()
    far = np.abs(strike - 100.4) > 3
    assert forward_from_parity(strike, call, put + 0.5 * far, 0.999, 100.0) == pytest.approx(100.4, rel=1e-12)


def test_of_two_pairs_the_one_nearer_to_spot_and_rate_counts() -> None:
    # Votes 100 + 1.4 - 1.0 = 100.4 and 101 + 9 - 1 = 109; spot / discount = 100: the median is 100.4.
    assert forward_from_parity([100, 101], [1.4, 9.0], [1.0, 1.0], 1.0, 100.0) == pytest.approx(100.4, rel=1e-12)
    assert forward_from_parity([100, 101], [1.4, 9.0], [1.0, 1.0], 1.0, math.nan) == pytest.approx(104.7, rel=1e-12)


def test_a_single_pair_stands_alone() -> None:
    assert forward_from_parity(100, 1.4, 1.0, 1.0, 90.0) == pytest.approx(100.4, rel=1e-12)


def test_without_pairs_the_forward_comes_from_spot_and_rate() -> None:
    assert forward_from_parity([], [], [], 0.8, 100.0) == 125.0
    assert forward_from_parity([100, 101], [math.nan, 1.0], [1.0, 0.0], 0.8, 100.0) == 125.0


@pytest.mark.parametrize(("discount", "spot"), [(0.0, 100.0), (math.nan, 100.0), (1.0, 0.0), (-1.0, -100.0)])
def test_with_neither_pairs_nor_spot_there_is_no_forward(discount: float, spot: float) -> None:
    assert math.isnan(forward_from_parity([], [], [], discount, spot))
