"""A look at the chains: Greeks are those of the newest chain, unknown ones are counted, and a chain has one row."""

from datetime import date
from math import nan

import pytest

from operators import chains, sessions
from operators.views import ChainNow, MarkNow, PositionNow
from tests.builders import DAY, ny
from tests.looked import CALL, fund, look, looking, mark, one, option, position, told
from tests.option_builders import TOMORROW, OptionStage, table


def of_chain(stage: OptionStage, symbol: str = CALL) -> tuple[float, ...]:
    """Delta, gamma, theta and IV of a contract in the stage's newest chain, straight from `chains.price`."""
    priced = chains.price(stage.view(stage.book.now_ns)["QQQ"], stage.book.now_ns, 0.0)
    (place,) = [n for n, row in enumerate(priced.row) if priced.table.symbols[row] == symbol]
    columns = (priced.greeks.delta, priced.greeks.gamma, priced.greeks.theta_per_day, priced.greeks.iv)
    return tuple(float(column[place]) for column in columns)


class TestGreeks:
    def test_they_are_those_of_the_contract_in_the_newest_chain(self) -> None:
        stage = option()
        assert told(position(stage), "delta gamma theta_per_day iv") == of_chain(stage)

    def test_an_adjusted_contract_above_it_does_not_shift_the_row(self) -> None:
        # Adjusted contracts are left out of the columns, so that rows and places differ by one.
        usual = table()
        stage = OptionStage(contracts=table(adjusted=(True, *usual.adjusted[1:])))
        stage.buy()
        assert told(position(stage), "delta gamma theta_per_day iv") == of_chain(stage)

    def test_the_net_delta_is_what_a_move_of_the_underlying_would_bring(self) -> None:
        stage = option()
        assert mark(stage).net_delta_usd == pytest.approx(of_chain(stage)[0] * 25 * 100 * 571.0)

    def test_theta_an_hour_is_a_twentyfourth_of_a_day(self) -> None:
        stage = option()
        found = mark(stage).theta_per_hour_usd
        assert found == pytest.approx(of_chain(stage)[2] / 24 * 25 * 100)
        assert found < 0

    def test_a_put_counts_against_the_market(self) -> None:
        stage = option(-1)
        delta = of_chain(stage, "QQQ250818P00570000")[0]
        assert mark(stage).net_delta_usd == pytest.approx(delta * 25 * 100 * 571.0)
        assert delta < 0

    @pytest.mark.parametrize(("direction", "dollars"), [(1, 20_109.60), (-1, -20_109.60)])
    def test_a_fund_counts_with_its_leverage(self, direction: int, dollars: float) -> None:
        # 3 x 133 x 50.40, against the market where the fund is an inverse one.
        row = mark(fund(direction))
        assert (row.net_delta_usd, row.theta_per_hour_usd) == (pytest.approx(dollars), 0.0)
        assert row.unknown_greeks == 0

    def test_without_a_bid_they_are_unknown_and_counted(self) -> None:
        stage = option()
        stage.state("10:01:30", nan, 0.05)
        rows = look(stage)
        assert told(one(PositionNow, rows), "delta gamma theta_per_day iv") == (None,) * 4
        assert told(one(MarkNow, rows), "unknown_greeks net_delta_usd theta_per_hour_usd") == (1, 0.0, 0.0)

    def test_without_a_chain_they_are_unknown_and_counted(self) -> None:
        stage = option()
        stage.newest = None
        rows = look(stage)
        assert one(PositionNow, rows).delta is None
        assert told(one(MarkNow, rows), "unknown_greeks net_delta_usd") == (1, 0.0)

    def test_a_contract_that_is_no_longer_listed_has_none(self) -> None:
        stage = option()
        stage.contracts, stage.changes = table(strikes=(570.0, 571.0)), {}
        stage._on(stage.contracts)
        stage.chain("10:01:30")
        assert told(position(stage), "delta iv") == (None, None)
        assert mark(stage).unknown_greeks == 1

    def test_without_a_price_of_the_underlying_the_delta_in_dollars_is_unknown(self) -> None:
        rows = look(option(), spot=False)
        assert one(PositionNow, rows).delta is not None
        assert told(one(MarkNow, rows), "unknown_greeks net_delta_usd") == (1, 0.0)


class TestChain:
    def test_a_chain_by_hand(self) -> None:
        # Three strikes, calls and puts of one expiry; one call has no bid. All are worth what an IV of 0.20 says, to
        # the cent: with six hours to go 572 is worth some 0.90, so that the IV is right to about two per cent.
        small = table(expiries=(DAY,), strikes=(570.0, 571.0, 572.0))
        stage = OptionStage(contracts=small)
        stage.chain("10:00", {"QQQ250818C00570000": {"bid": nan}})
        row = one(ChainNow, look(stage))
        assert told(row, "underlying contracts quoted expiry dte spot") == ("QQQ", 6, 5, DAY, 0, 571.0)
        assert row.quoted_at == sessions.utc(ny("10:00"))
        assert (row.forward, row.atm_iv) == (pytest.approx(571.0, abs=0.02), pytest.approx(0.20, rel=0.02))

    def test_the_expiry_is_the_nearest_that_still_trades(self) -> None:
        stage = OptionStage()
        stage.chain("15:30")
        before = one(ChainNow, look(stage))
        stage.reach("16:00")
        after = one(ChainNow, look(stage))
        assert (before.expiry, before.dte, after.expiry, after.dte) == (DAY, 0, TOMORROW, 1)

    def test_a_nearer_strike_of_a_later_expiry_does_not_count(self) -> None:
        # Today nobody quotes 571, so that of today's 570 and 572 is the nearest; tomorrow's 571 would be nearer.
        stage = OptionStage()
        stage.chain("10:00", {f"QQQ250818{right}00571000": {"bid": nan} for right in "CP"})
        assert one(ChainNow, look(stage)).expiry == DAY

    def test_a_later_expiry_does_not_stand_for_one_without_any_iv(self) -> None:
        stage = OptionStage()
        stage.chain("10:00", {symbol: {"bid": nan} for symbol in stage.contracts.symbols if "250818" in symbol})
        row = one(ChainNow, look(stage))
        assert told(row, "quoted expiry atm_iv") == (62, None, None)

    def test_without_any_quote_nothing_is_known(self) -> None:
        small = table(expiries=(DAY,), strikes=(571.0,))
        stage = OptionStage(contracts=small)
        stage.chain("10:00", {symbol: {"bid": nan} for symbol in small.symbols})
        row = one(ChainNow, look(stage))
        assert told(row, "contracts quoted expiry dte forward atm_iv") == (2, 0, None, None, None, None)

    @pytest.mark.parametrize(("late_ns", "fresh"), [(0, True), (1, False)])
    def test_it_is_fresh_as_long_as_one_may_enter_on_it(self, late_ns: int, fresh: bool) -> None:
        stage = OptionStage()
        stage.chain("10:00")
        stage.book.now_ns += stage.book.chain_stream.max_age_ns + late_ns
        assert one(ChainNow, look(stage)).fresh is fresh

    def test_before_the_first_snapshot_there_is_none(self) -> None:
        stage = OptionStage()
        watching = looking(stage)
        watching.market.on(stage.contracts)
        assert [type(row) for row in watching.look(stage.book)] == [MarkNow]

    def test_after_the_table_of_sessions_ends_there_is_none(self) -> None:
        stage = OptionStage()
        stage.chain("10:00")
        stage.book.now_ns = sessions.at(date(2100, 1, 1), sessions.OPEN)
        assert [type(row) for row in look(stage)] == [MarkNow]
