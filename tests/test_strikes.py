"""Which contract of an expiry is chosen: filters, score, ties, and what is told of those that lost."""

from math import inf, isnan, nan, nextafter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from operators import sessions
from operators.chains import price
from operators.codes import Refusal
from operators.config import ScalpConfig
from operators.contracts import counts_of, packed_counts, packed_prices, prices_of
from operators.events import Chain, Contracts
from operators.moments import ChainView
from operators.strikes import Selection, StrikeSelector
from tests.option_builders import SPOT, snapshot, table
from tests.strike_builders import TEN, Offer, chosen, failed, found, verdict

NEAR = table(strikes=tuple(float(strike) for strike in range(568, 575)))
UNUSABLE = [(1.01, 0.99), (1.0, 1.0), (nan, 1.01), (0.0, 1.01), (-1.0, 1.01), (0.99, nan), (0.99, inf), (nan, nan)]
IDS = ["crossed", "locked", "no bid", "bid of 0", "bid under 0", "no ask", "endless ask", "no quote"]


def of_chain(contracts: Contracts, chain: Chain, right: int) -> Selection:
    """What is chosen of a whole chain whose Greeks are computed from its quotes."""
    session = sessions.session_of(TEN)
    assert session is not None
    priced = price(ChainView(contracts, chain, 0, SPOT), TEN, 0.0)
    return StrikeSelector(ScalpConfig()).select(priced, right, TEN, session)


class TestStrikeSelector:
    @pytest.mark.parametrize(
        ("delta", "passes"),
        [(0.30, True), (0.50, True), (nextafter(0.30, 0), False), (nextafter(0.50, 1), False), (nan, False)],
    )
    def test_the_band_of_delta_includes_its_bounds(self, delta: float, passes: bool) -> None:
        for right in (1, -1):
            offer = Offer(delta=right * delta, right=right)
            assert (chosen(offer, right=right) == offer.symbol) is passes

    @pytest.mark.parametrize(("delta", "limit"), [(0.29, 0.30), (-0.29, 0.30), (0.51, 0.50), (-0.51, 0.50)])
    def test_a_delta_outside_the_band_is_told_with_the_bound_that_it_missed(self, delta: float, limit: float) -> None:
        told = verdict(found(Offer(delta=delta)).verdicts, Refusal.DELTA)
        assert (told.passed, told.measured, told.limit) == (False, abs(delta), limit)

    @pytest.mark.parametrize(("interest", "passes"), [(1_000.0, False), (1_001.0, True), (nan, False), (inf, False)])
    def test_open_interest_must_be_above_its_limit(self, interest: float, passes: bool) -> None:
        result = found(Offer(interest=interest))
        assert failed(result.verdicts) == ([] if passes else ["open_interest"])

    @pytest.mark.parametrize(("volume", "passes"), [(500.0, False), (501.0, True), (nan, False), (inf, False)])
    def test_volume_must_be_above_its_limit(self, volume: float, passes: bool) -> None:
        result = found(Offer(volume=volume))
        assert failed(result.verdicts) == ([] if passes else ["volume"])

    def test_an_unknown_count_is_not_evaluated(self) -> None:
        result = found(Offer(volume=nan, interest=nan))
        for code in (Refusal.VOLUME, Refusal.OPEN_INTEREST):
            told = verdict(result.verdicts, code)
            assert (told.passed, told.evaluated, told.measured) == (False, False, None)

    @pytest.mark.parametrize(
        ("bid", "ask", "passes"),
        [
            (0.95, 1.05, True),  # 0.10 / 1.00 is 0.10; in floats 1.05 - 0.95 is more than 0.10
            (9.50, 10.50, True),
            (0.19, 0.21, True),  # 0.02 / 0.20
            (0.94, 1.05, False),  # 0.11 / 0.995
            (0.95, 1.06, False),
        ],
    )
    def test_a_spread_of_exactly_the_limit_passes(self, bid: float, ask: float, passes: bool) -> None:
        assert failed(found(Offer(bid=bid, ask=ask)).verdicts) == ([] if passes else ["spread"])

    def test_no_filter_is_skipped_because_another_failed(self) -> None:
        result = found(Offer(delta=0.6, bid=0.5, ask=1.0, volume=1.0, interest=1.0))
        assert failed(result.verdicts) == ["delta", "spread", "open_interest", "volume"]

    def test_the_score_adds_delta_spread_volume_and_open_interest(self) -> None:
        # 40 x (1 - 0.05 / 0.10) + 30 x (1 - 0.04 / 0.10) + 15 x 2,500 / 5,000 + 15 x 4,000 / 10,000
        # = 20 + 18 + 7.5 + 6
        result = found(Offer(delta=0.35, bid=0.98, ask=1.02, volume=2_500.0, interest=4_000.0))
        assert result.ranked[0].score == pytest.approx(51.5, abs=1e-12)

    def test_depth_beyond_the_full_mark_gives_no_further_points(self) -> None:
        # 40 + 30 x (1 - 0.02 / 0.10) + 15 + 15 = 94.
        for depth in ({"volume": 5_000.0, "interest": 10_000.0}, {"volume": 9e6, "interest": 9e6}):
            assert found(Offer()._replace(**depth)).ranked[0].score == pytest.approx(94.0, abs=1e-12)

    def test_unknown_depth_gives_no_points(self) -> None:
        # 40 + 24.
        assert found(Offer(volume=nan, interest=nan)).ranked[0].score == pytest.approx(64.0, abs=1e-12)

    def test_the_highest_score_is_chosen(self) -> None:
        near, far = Offer(572.0, delta=0.36), Offer(573.0, delta=0.41)
        assert chosen(near, far) == far.symbol

    def test_of_equal_scores_the_lower_spread_is_chosen(self) -> None:
        # 30 x 0.8 + 15 x 0.6 = 33 and 30 x 0.6 + 15 x 1.0 = 33; the wider one is nearer the forward.
        wide = Offer(572.0, bid=0.98, ask=1.02, volume=5_000.0)
        narrow = Offer(573.0, volume=3_000.0)
        first, second = found(wide, narrow).ranked
        assert first.score == second.score
        assert first.symbol == narrow.symbol

    def test_of_equal_scores_and_spreads_the_strike_nearer_the_forward_is_chosen(self) -> None:
        assert chosen(Offer(574.0), Offer(569.0), Offer(572.0)) == Offer(572.0).symbol

    def test_of_alike_contracts_the_first_name_is_chosen(self) -> None:
        # 570 and 572 are each 1 away from 571.
        assert chosen(Offer(572.0), Offer(570.0)) == Offer(570.0).symbol

    def test_every_contract_looked_at_is_kept_with_what_it_lost_by(self) -> None:
        lost = Offer(573.0, volume=10.0)
        result = found(lost, Offer(572.0, delta=0.33), Offer(571.0))
        assert [one.symbol for one in result.ranked] == [Offer(571.0).symbol, Offer(572.0).symbol, lost.symbol]
        assert [failed(one.verdicts) for one in result.ranked] == [[], [], ["volume"]]

    def test_an_adjusted_contract_is_neither_chosen_nor_looked_at(self) -> None:
        result = found(Offer(572.0, adjusted=True), Offer(573.0, delta=0.31))
        assert [one.symbol for one in result.ranked] == [Offer(573.0).symbol]

    def test_contracts_of_the_other_side_are_not_looked_at(self) -> None:
        call, put = Offer(572.0), Offer(570.0, delta=-0.4, right=-1)
        assert [[one.symbol for one in found(call, put, right=r).ranked] for r in (1, -1)] == [
            [call.symbol],
            [put.symbol],
        ]


class TestNonePasses:
    def test_the_highest_score_inside_the_band_tells_why(self) -> None:
        worse, best = Offer(572.0, delta=0.31, volume=400.0), Offer(573.0, delta=0.40, volume=300.0)
        result = found(worse, best)
        assert (result.chosen, result.ranked[0].symbol) == (None, best.symbol)
        assert verdict(result.verdicts, Refusal.VOLUME).measured == 300.0
        assert failed(result.verdicts) == ["volume"]

    def test_one_inside_the_band_tells_why_even_where_one_outside_scores_higher(self) -> None:
        # 40 + 30 x (1 - 1.00 / 0.10) + 30 is -200; 40 x (1 - 0.11 / 0.10) + 24 + 30 is 50.
        inside, outside = Offer(572.0, bid=0.5, ask=1.5), Offer(571.0, delta=0.51)
        result = found(inside, outside)
        assert [round(one.score) for one in result.ranked] == [-200, 50]
        assert failed(result.verdicts) == ["spread"]

    def test_without_one_inside_the_band_the_nearest_to_it_tells_why(self) -> None:
        # 0.56 is 0.06 too much, 0.25 is 0.05 too little.
        result = found(Offer(570.0, delta=0.56), Offer(574.0, delta=0.25, bid=0.5), Offer(575.0, delta=0.1))
        assert verdict(result.verdicts, Refusal.DELTA).measured == 0.25
        assert failed(result.verdicts) == ["delta", "spread"]

    def test_a_contract_without_delta_tells_why_only_where_there_is_no_other(self) -> None:
        unknown = Offer(572.0, delta=nan)
        assert found(unknown, Offer(573.0, delta=0.01)).ranked[0].delta == 0.01
        told = verdict(found(unknown).verdicts, Refusal.DELTA)
        assert (told.passed, told.evaluated) == (False, False)


class TestUnusableQuotes:
    @pytest.mark.parametrize(("bid", "ask"), UNUSABLE, ids=IDS)
    def test_an_unusable_quote_is_never_chosen_has_no_score_and_comes_last(self, bid: float, ask: float) -> None:
        poor = Offer(573.0, delta=0.31, bid=0.5, ask=1.5, volume=1.0, interest=1.0)
        result = found(Offer(572.0, bid=bid, ask=ask), poor)
        assert result.chosen is None
        assert [one.symbol for one in result.ranked] == [poor.symbol, Offer(572.0).symbol]
        assert isnan(result.ranked[1].score)
        told = verdict(result.ranked[1].verdicts, Refusal.SPREAD)
        assert (told.passed, told.evaluated, told.measured) == (False, False, None)

    @pytest.mark.parametrize(("bid", "ask"), UNUSABLE, ids=IDS)
    @pytest.mark.parametrize("right", [1, -1])
    def test_of_a_computed_chain_an_unusable_quote_is_never_chosen(self, right: int, bid: float, ask: float) -> None:
        usual = of_chain(NEAR, snapshot(NEAR, TEN), right).chosen
        assert usual is not None
        after = of_chain(NEAR, snapshot(NEAR, TEN, {usual.symbol: {"bid": bid, "ask": ask}}), right)
        assert after.chosen is not None
        assert after.chosen.symbol != usual.symbol
        (lost,) = (one for one in after.ranked if one.symbol == usual.symbol)
        assert isnan(lost.score)


class TestWholeChain:
    def test_the_delta_of_a_put_is_negative_everywhere(self) -> None:
        contracts = table()
        puts = of_chain(contracts, snapshot(contracts, TEN), -1)
        assert puts.chosen is not None
        assert -0.50 <= puts.chosen.delta <= -0.30
        known = [one.delta for one in puts.ranked if not isnan(one.delta)]
        assert len(known) > 10
        assert max(known) < 0.0

    def test_the_delta_of_a_call_is_positive_everywhere(self) -> None:
        contracts = table()
        calls = of_chain(contracts, snapshot(contracts, TEN), 1)
        known = [one.delta for one in calls.ranked if not isnan(one.delta)]
        assert len(known) > 10
        assert min(known) > 0.0

    @given(st.permutations(range(len(NEAR.symbols))), st.sampled_from([1, -1]), st.booleans())
    def test_the_order_of_contracts_changes_nothing(self, order: list[int], right: int, good: bool) -> None:
        volume = {} if good else {symbol: {"volume": 1.0} for symbol in NEAR.symbols}
        chain = snapshot(NEAR, TEN, volume)
        usual, mixed = of_chain(NEAR, chain, right), of_chain(*permuted(NEAR, chain, order), right)
        assert mixed.verdicts == usual.verdicts
        # The place in the table is what was permuted; the quote of a contract without a bid is NaN, equal to nothing.
        assert [repr(replace(one, row=0)) for one in mixed.ranked] == [
            repr(replace(one, row=0)) for one in usual.ranked
        ]
        assert (mixed.chosen and mixed.chosen.symbol) == (usual.chosen and usual.chosen.symbol)
        assert (usual.chosen is not None) is good


def permuted(contracts: Contracts, chain: Chain, order: list[int]) -> tuple[Contracts, Chain]:
    """The same contracts and quotes in another order."""
    names = ("symbols", "rights", "strikes", "expiries", "adjusted")
    columns = {name: tuple(getattr(contracts, name)[row] for row in order) for name in names}
    count, rows = len(order), np.array(order)
    prices = {name: packed_prices(prices_of(getattr(chain, name), count)[rows]) for name in ("bid", "ask")}
    counted = ("bid_size", "ask_size", "volume", "open_interest")
    counts = {name: packed_counts(counts_of(getattr(chain, name), count)[rows]) for name in counted}
    return replace(contracts, **columns), replace(chain, **prices, **counts)
