"""Option contracts: names both ways, price steps, and the columns of a chain."""

from datetime import date
from math import inf, nan
from struct import pack

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.contracts import (
    Named,
    counts_of,
    fits,
    occ_symbol,
    packed_counts,
    packed_prices,
    parse_occ,
    prices_of,
    quote_of,
    ticks,
)
from operators.events import Chain, Contracts, Quote

EXPIRY = date(2024, 7, 5)
ROOTS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=6)
EXPIRIES = st.dates(date(2000, 1, 1), date(2099, 12, 31))
THOUSANDTHS = st.integers(1, 99_999_999)


def table(contracts: int) -> Contracts:
    """A table of that many contracts."""
    each = range(contracts)
    symbols, strikes = tuple(f"SPY240705C{540_000 + row:08d}" for row in each), tuple(540.0 + row for row in each)
    alike = (1,) * contracts, strikes, (EXPIRY,) * contracts, (False,) * contracts
    return Contracts(1, 1, 1, "SPY", symbols, *alike)


def chain(**columns: bytes) -> Chain:
    """A snapshot of two contracts with prices, and other columns as given."""
    return Chain(5, 7, 6, "SPY", **({"bid": pack("<2d", 1.2, nan), "ask": pack("<2d", 1.3, 0.05)} | columns))


@pytest.mark.parametrize(
    ("root", "expiry", "right", "strike", "name"),
    [
        ("SPY", date(2023, 9, 1), 1, 430.0, "SPY230901C00430000"),
        ("SPXW", date(2021, 1, 4), -1, 3700.0, "SPXW210104P03700000"),
        # 57.11 x 1000 is 57109.99999999999 in floats.
        ("F", date(2099, 12, 31), -1, 57.11, "F991231P00057110"),
        ("ABCDEF", date(2000, 1, 1), 1, 0.001, "ABCDEF000101C00000001"),
        ("NVR", date(2024, 2, 29), 1, 99_999.999, "NVR240229C99999999"),
    ],
)
def test_a_contract_has_its_occ_name(root: str, expiry: date, right: int, strike: float, name: str) -> None:
    assert occ_symbol(root, expiry, right, strike) == name
    assert parse_occ(name) == Named(root, expiry, right, strike)


@given(ROOTS, EXPIRIES, st.sampled_from((1, -1)), THOUSANDTHS)
def test_a_name_says_what_it_was_made_of(root: str, expiry: date, right: int, thousandths: int) -> None:
    strike = thousandths / 1000
    assert parse_occ(occ_symbol(root, expiry, right, strike)) == Named(root, expiry, right, strike)


@given(ROOTS, EXPIRIES, st.sampled_from("CP"), THOUSANDTHS)
def test_what_a_name_says_makes_the_name_again(root: str, expiry: date, side: str, thousandths: int) -> None:
    name = f"{root}{expiry:%y%m%d}{side}{thousandths:08d}"
    named = parse_occ(name)
    assert named is not None
    assert occ_symbol(*named) == name


@pytest.mark.parametrize("root", ["", "spy", "SPY0", "BRK.B", "SEVENUP", "SPY "])
def test_a_root_that_is_not_1_to_6_letters_has_no_name(root: str) -> None:
    with pytest.raises(ValueError, match="no OCC name"):
        occ_symbol(root, EXPIRY, 1, 540.0)


@pytest.mark.parametrize("strike", [0.0, -1.0, 0.0001, 57.1104, 100_000.0, inf, nan])
def test_a_strike_that_is_no_whole_number_of_thousandths_has_no_name(strike: float) -> None:
    with pytest.raises(ValueError, match="no OCC name"):
        occ_symbol("SPY", EXPIRY, 1, strike)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SPY",
        "SPY240705X00540000",
        "SPY240705C0540000",
        "SPY240705C005400000",
        "SPY   240705C00540000",
        "spy240705C00540000",
        "SEVENUP240705C00540000",
        "240705C00540000",
        "SPY240705C00540000 ",
        "SPY240705C00540000\n",
    ],
)
def test_other_texts_are_no_names(text: str) -> None:
    assert parse_occ(text) is None


@pytest.mark.parametrize("day", ["240230", "230229", "241301", "240700", "240732", "240005"])
def test_a_date_that_does_not_exist_makes_no_name(day: str) -> None:
    assert parse_occ(f"SPY{day}C00540000") is None


@pytest.mark.parametrize(
    ("underlying", "below", "from_three"),
    [
        ("SPX", 50_000, 100_000),
        ("SPY", 10_000, 10_000),
        ("QQQ", 10_000, 10_000),
        ("IWM", 10_000, 10_000),
        ("NVDA", 10_000, 50_000),
    ],
)
def test_the_step_of_a_price_depends_on_its_class_and_on_three_dollars(
    underlying: str, below: int, from_three: int
) -> None:
    tick = ticks(underlying)
    assert [tick(price) for price in (0, 10_000, 2_999_999)] == [below] * 3
    tick = ticks(underlying)
    assert [tick(price) for price in (3_000_000, 3_000_001, 250_000_000)] == [from_three] * 3


def test_prices_come_out_of_a_column_as_they_went_in() -> None:
    column = packed_prices(np.array([1.15, nan, 0.05]))
    assert column == pack("<3d", 1.15, nan, 0.05)
    np.testing.assert_array_equal(prices_of(column, 3), [1.15, nan, 0.05])


def test_counts_are_exact_up_to_two_to_the_24() -> None:
    column = packed_counts(np.array([0.0, nan, 16_777_216.0]))
    assert column == pack("<3f", 0, nan, 16_777_216)
    np.testing.assert_array_equal(counts_of(column, 3), [0, nan, 16_777_216])


def test_every_other_element_of_an_array_is_packed_too() -> None:
    values = np.arange(6.0)[::2]
    assert packed_prices(values) == pack("<3d", 0, 2, 4)
    assert packed_counts(values) == pack("<3f", 0, 2, 4)


def test_an_empty_column_is_missing_altogether() -> None:
    np.testing.assert_array_equal(prices_of(b"", 2), [nan, nan])
    np.testing.assert_array_equal(counts_of(b"", 2), [nan, nan])


@pytest.mark.parametrize("contracts", [0, 1, 3])
def test_a_column_of_another_length_is_refused(contracts: int) -> None:
    with pytest.raises(ValueError, match=f"2 contracts, the table has {contracts}"):
        prices_of(pack("<2d", 1, 2), contracts)
    with pytest.raises(ValueError, match=f"2 contracts, the table has {contracts}"):
        counts_of(pack("<2f", 1, 2), contracts)


def test_a_column_that_ends_within_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple"):
        prices_of(bytes(9), 1)


def test_a_snapshot_of_the_tables_length_fits() -> None:
    four = pack("<2f", 1, 2)
    assert fits(chain(), table(2))
    assert fits(chain(bid_size=four, ask_size=four, volume=four, open_interest=four), table(2))
    assert fits(chain(bid=b"", ask=b""), table(3))


@pytest.mark.parametrize("name", ["bid_size", "ask_size", "volume", "open_interest"])
def test_a_column_of_counts_with_another_length_does_not_fit(name: str) -> None:
    assert not fits(chain(**{name: pack("<3f", 1, 2, 3)}), table(2))
    assert not fits(chain(**{name: bytes(7)}), table(2))


@pytest.mark.parametrize("name", ["bid", "ask"])
def test_a_column_of_prices_with_another_length_does_not_fit(name: str) -> None:
    assert not fits(chain(**{name: pack("<d", 1)}), table(2))
    assert not fits(chain(**{name: pack("<2f", 1, 2)}), table(2))


def test_a_contracts_quote_has_the_snapshots_times_and_its_own_row() -> None:
    snapshot = chain(bid_size=pack("<2f", 3, 4), ask_size=pack("<2f", 5, 6))
    assert quote_of(snapshot, 0, "A") == Quote(5, 7, 6, "A", 1.2, 1.3, 3.0, 5.0)
    second = quote_of(snapshot, 1, "B")
    assert (str(second.bid), second.ask, second.bid_size, second.ask_size) == ("nan", 0.05, 4.0, 6.0)


def test_a_quote_without_columns_is_nan() -> None:
    found = quote_of(chain(bid=b""), 1, "B")
    assert [str(value) for value in (found.bid, found.bid_size, found.ask_size)] == ["nan"] * 3
    assert found.ask == 0.05
