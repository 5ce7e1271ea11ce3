"""Chains with impossible numbers: nothing raises or warns, and no contract passes on a number that is none."""

import operator
from math import inf, isfinite, isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from operators import prices
from operators.chains import price
from operators.config import ScalpConfig
from operators.contracts import parse_occ
from operators.events import Chain
from operators.gate import GreeksGate
from operators.intents import Verdict
from operators.moments import ChainView
from operators.selection import StrikeSelection
from operators.sessions import session_of
from operators.strikes import Selection, StrikeSelector
from tests.builders import DAY, Stage
from tests.option_builders import SPOT, OptionStage, snapshot, table
from tests.strike_builders import TEN

SMALL = table(strikes=(569.0, 570.0, 571.0, 572.0, 573.0))
USUAL = snapshot(SMALL, TEN)
BEST = "QQQ250818C00572000"
ROW = SMALL.symbols.index(BEST)
PRICES, COUNTS = ("bid", "ask"), ("bid_size", "ask_size", "volume", "open_interest")
HOSTILE = (nan, inf, -inf, -1.0, -1e308, 0.0, -0.0, 5e-324, 1e-9, 4e-7, 0.004, 1e9, 1.01e9, 1e308, 1.7e308)
NUMBERS = st.sampled_from(HOSTILE) | st.floats()
NUMBERS_32 = st.sampled_from((nan, inf, -inf, -1.0, 0.0, 500.0, 501.0, 1_000.0, 1_001.0, 3e38)) | st.floats(width=32)
ROWS = st.integers(0, len(SMALL.symbols) - 1)
SPOTS = st.none() | st.just(SPOT) | NUMBERS
# Either side alone, and both, of some contracts; any count of some contracts.
QUOTED = st.fixed_dictionaries({}, optional={"bid": NUMBERS, "ask": NUMBERS})
COUNTED = st.fixed_dictionaries({}, optional=dict.fromkeys(COUNTS, NUMBERS_32))
CHANGES = st.dictionaries(ROWS, st.builds(operator.or_, QUOTED, COUNTED), max_size=8)
Changes = dict[int, dict[str, float]]


def changed(changes: Changes) -> Chain:
    """The usual chain with other numbers at some places."""
    columns = {name: np.frombuffer(getattr(USUAL, name), "<f8").copy() for name in PRICES}
    columns |= {name: np.frombuffer(getattr(USUAL, name), "<f4").copy() for name in COUNTS}
    for row, numbers in changes.items():
        for name, number in numbers.items():
            columns[name][row] = number
    return replace(USUAL, **{name: column.tobytes() for name, column in columns.items()})


def judged(changes: Changes, spot: float | None = SPOT, right: int = 1) -> tuple[Selection, list[Verdict]]:
    """What is chosen of a chain, and all verdicts: those of every contract looked at and those of the gate."""
    session = session_of(TEN)
    assert session is not None
    priced = price(ChainView(SMALL, changed(changes), 0, spot), TEN, 0.04)
    found = StrikeSelector(ScalpConfig()).select(priced, right, TEN, session)
    verdicts = [*found.verdicts, *(verdict for one in found.ranked for verdict in one.verdicts)]
    if found.chosen is not None:
        verdicts += GreeksGate(ScalpConfig()).validate(found.chosen, priced).verdicts
    return found, verdicts


def sound(contract: StrikeSelection) -> bool:
    """Whether all that a passing contract rests on is a number within the limits."""
    config, quote = ScalpConfig(), contract.quote
    return (
        0.0 < quote.bid < quote.ask <= prices.HIGHEST
        and (quote.ask - quote.bid) / ((quote.ask + quote.bid) / 2) <= config.max_spread_pct * (1 + 1e-9)
        and config.min_volume < contract.volume < inf
        and config.min_open_interest < contract.open_interest < inf
        and config.target_delta_min <= abs(contract.delta) <= config.target_delta_max
        and contract.delta * contract.right > 0
        and 0.0 < contract.iv < inf
        and isfinite(contract.score)
    )


def hostile_stage(changes: Changes) -> OptionStage:
    """A stage that has seen the usual chain with other numbers at some places."""
    stage = OptionStage(contracts=SMALL)
    stage.newest = changed(changes)
    stage._on(stage.newest)
    return stage


@given(CHANGES, SPOTS, st.sampled_from([1, -1]))
def test_no_contract_passes_on_a_number_that_is_none(changes: Changes, spot: float | None, right: int) -> None:
    found, verdicts = judged(changes, spot, right)
    assert all(sound(one) for one in found.ranked if one.passed)
    assert found.chosen is None or found.chosen.passed
    assert not [verdict for verdict in verdicts if verdict.passed and isnan(verdict.measured or 0.0)]
    assert not [verdict for verdict in verdicts if verdict.evaluated and isnan(verdict.measured or 0.0)]


@given(CHANGES, SPOTS, st.sampled_from([1, -1]))
def test_the_desk_decides_on_any_numbers(changes: Changes, spot: float | None, direction: int) -> None:
    stage = hostile_stage(changes)
    stage.spot = spot  # type: ignore[assignment]  # a view's spot may be None
    record = stage.signal("10:00:01", direction=direction)
    stage.reach("10:00:02")
    told = stage.verdicts(record, "option")
    assert record.decision == ("refused" if any(not one.passed for one in told) else "entered")
    assert not [one for one in told if one.passed and isnan(one.measured or 0.0)]
    for order in stage.orders:
        assert order.limit_price is not None
        assert 0 < order.limit_price <= prices.HIGHEST
        assert 0 <= order.filled_quantity <= order.quantity


@pytest.mark.parametrize("number", HOSTILE, ids=str)
@pytest.mark.parametrize("name", PRICES)
def test_a_hostile_price_of_the_best_contract_is_not_bought(name: str, number: float) -> None:
    found, _ = judged({ROW: {name: number}})
    assert BEST not in [one.symbol for one in found.ranked if one.passed]
    assert found.chosen is not None


@pytest.mark.parametrize("number", [nan, inf, -inf, -1.0, 0.0, 1e-45], ids=str)
@pytest.mark.parametrize("name", ["volume", "open_interest"])
def test_a_hostile_count_of_the_best_contract_is_not_bought(name: str, number: float) -> None:
    found, _ = judged({ROW: {name: number}})
    assert BEST not in [one.symbol for one in found.ranked if one.passed]
    assert found.chosen is not None


@pytest.mark.parametrize("number", HOSTILE, ids=str)
def test_a_chain_in_which_every_price_is_hostile_gives_nothing(number: float) -> None:
    found, _ = judged({row: {"bid": number, "ask": number} for row in range(len(SMALL.symbols))})
    assert found.chosen is None


@pytest.mark.parametrize("number", [nan, inf, -inf, -1.0, 0.0, 3e38], ids=str)
@pytest.mark.parametrize("name", ["bid_size", "ask_size"])
def test_a_hostile_size_raises_nothing_until_the_order_has_arrived(name: str, number: float) -> None:
    stage = hostile_stage({row: {name: number} for row in range(len(SMALL.symbols))})
    assert stage.signal("10:00:01").decision == "entered"
    stage.reach("10:00:02")
    (order,) = stage.orders
    # Of 25 contracts as many as are shown at the ask; what is no number shows none.
    assert order.filled_quantity == (25 if name == "bid_size" or number == 3e38 else 0)


@pytest.mark.parametrize("spot", [None, nan, inf, -inf, -1.0, 0.0, 5e-324, 1e308, 1.7e308], ids=str)
def test_without_pairs_a_hostile_spot_gives_no_delta(spot: float | None) -> None:
    puts = {row: {"bid": nan} for row, right in enumerate(SMALL.rights) if right < 0}
    found, _ = judged(puts, spot)
    assert found.chosen is None
    assert all(isnan(one.delta) for one in found.ranked)


def test_an_ask_under_one_tick_is_refused() -> None:
    # Spread and delta of a call on a share of one dollar, 0.0041 to 0.0043, pass; the ask rounded down to a cent is 0.
    twins = table("NVDA", strikes=(1.0,), expiries=(DAY,))
    stage = OptionStage(contracts=twins, stock_zero_dte=True, target_delta_max=0.9, spot=1.0)
    stage.chain("10:00", {name: {"bid": 0.0041, "ask": 0.0043} for name in twins.symbols})
    record = stage.signal("10:00:01", "NVDA")
    assert (record.decision, record.code, stage.orders) == ("refused", "spread", [])


def test_a_name_with_a_strike_of_0_names_no_contract() -> None:
    assert parse_occ("SPY240705C00000000") is None
    assert parse_occ("SPY240705C00000001") is not None


def test_a_quote_under_half_a_micro_dollar_is_no_quote() -> None:
    # Its middle is 0 whole micro-dollars, of which the spread would be a fraction.
    found, _ = judged({ROW: {"bid": 1e-9, "ask": 2e-9}})
    assert found.chosen is not None
    assert found.chosen.symbol != BEST


@pytest.mark.parametrize(("bid", "ask"), [(1e308, 1.7e308), (-inf, inf)])
def test_a_middle_that_overflows_warns_of_nothing(bid: float, ask: float) -> None:
    found, _ = judged({ROW: {"bid": bid, "ask": ask}})
    assert found.chosen is not None
    assert found.chosen.symbol != BEST


def test_a_fund_whose_ask_is_under_one_tick_is_refused() -> None:
    # 0.004999 to 0.005 is 0.02 % wide and passes; the limit, rounded down to a cent, is 0.
    # Fails: `Budget.shares` divides by it. The option leg refuses such a contract before it is sized.
    stage = Stage()
    stage.quote("10:00", 0.004999, 0.005)
    record = stage.signal("10:00:01")
    assert (record.decision, stage.orders) == ("refused", [])
