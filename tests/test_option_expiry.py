"""Options that nobody bid for: expired and settled at the official close, or held overnight and sold next morning."""

import json
from datetime import date, timedelta
from decimal import Decimal
from math import nan

import pytest

from operators import sessions
from tests.builders import DAY, ny
from tests.option_builders import PATIENT, OptionStage, closes, table, unsold

TOMORROW = DAY + timedelta(days=1)


class TestExpired:
    def test_while_nobody_bids_it_counts_for_nothing(self) -> None:
        # 1,941.25 of 100,000 are lost, over a limit of 1.5 %.
        stage = unsold(daily_loss_limit=0.015)
        stage.bar("10:00:03")
        assert (stage.book.equity_micros(), stage.book.trading) == (98_058_750_000, "REDUCING")

    @pytest.mark.parametrize(("direction", "close"), [(1, 571.99), (1, 572.0), (-1, 570.0), (-1, 570.01)])
    def test_one_that_is_not_in_the_money_is_worth_nothing(self, direction: int, close: float) -> None:
        # 25 x 77.00 and the fees of one side are lost: 1,925.00 + 16.25.
        stage = unsold(direction=direction)
        closes(stage, "16:00", close)
        scalp = stage.option_scalp
        assert (scalp.status, scalp.exit_reason, scalp.exit_premium) == ("expired", "expired", Decimal(0))
        assert (scalp.gross_pnl, scalp.pnl) == (Decimal(-1925), Decimal("-1941.25"))
        assert (stage.book.cash_micros, stage.book.equity_micros()) == (98_058_750_000, 98_058_750_000)
        assert ("alarm" in json.loads(scalp.metadata_json), stage.book.trading) == (False, "ACTIVE")

    @pytest.mark.parametrize(("direction", "close"), [(1, 573.25), (-1, 568.75)])
    def test_one_in_the_money_is_settled_in_cash_at_the_official_close(self, direction: int, close: float) -> None:
        # 1.25 x 25 x 100 = 3,125.00; less 1,925.00 and 16.25 a gain of 1,183.75; expiring costs no fee.
        stage = unsold("cash", direction=direction)
        closes(stage, "16:00", close)
        scalp = stage.option_scalp
        assert (scalp.status, scalp.exit_premium, scalp.fees) == ("expired", Decimal("1.25"), Decimal("16.25"))
        assert (scalp.gross_pnl, scalp.pnl) == (Decimal(1200), Decimal("1183.75"))
        assert (stage.book.cash_micros, stage.book.equity_micros()) == (101_183_750_000, 101_183_750_000)
        assert ("alarm" in json.loads(scalp.metadata_json), stage.book.trading) == (False, "ACTIVE")

    def test_what_it_pays_is_not_settled_the_same_day(self) -> None:
        # Of 101,183.75 the 3,125.00 are to come.
        stage = unsold("cash")
        closes(stage, "16:00", 573.25)
        assert stage.book.buying_power_micros(settled_only=True) == 98_058_750_000

    def test_one_that_is_delivered_in_shares_alarms_a_person_and_sends_nothing(self) -> None:
        stage = unsold()
        stage.reach("16:00")
        sent = len(stage.orders)
        closes(stage, "16:00:00.1", 573.25, event_ns=ny("16:00"))
        scalp, alarm = stage.option_scalp, json.loads(stage.option_scalp.metadata_json)["alarm"]
        assert (scalp.status, scalp.pnl, len(stage.orders)) == ("expired", Decimal("1183.75"), sent)
        assert alarm == "25 QQQ250818C00572000 expired in the money at 573.25: shares were assigned"
        assert (stage.book.trading, stage.book.reduced_by, stage.book.trading_reason) == ("REDUCING", "person", alarm)

    def test_the_alarm_lasts_over_the_next_open(self) -> None:
        stage = unsold()
        closes(stage, "16:00", 573.25)
        stage.reach(ny("09:31", TOMORROW))
        assert stage.book.trading == "REDUCING"

    def test_the_alarm_does_not_end_a_halt(self) -> None:
        stage = unsold()
        stage.command("15:00", "kill")
        closes(stage, "16:00", 573.25)
        assert (stage.option_scalp.status, stage.book.trading) == ("expired", "HALTED")

    def test_what_was_sold_before_counts(self) -> None:
        # 10 at 0.12, 15 worth 1.25: 120.00 + 1,875.00 - 1,925.00 - 35 x 0.65 = 47.25; 1,995.00 / 2,500 = 0.798.
        stage = unsold("cash")
        stage.state("10:00:03", 0.12, 0.20, bid_size=10.0)
        closes(stage, "16:00", 573.25)
        scalp = stage.option_scalp
        assert (scalp.pnl, scalp.exit_premium, scalp.contracts) == (Decimal("47.25"), Decimal("0.798"), 25)
        assert stage.book.cash_micros == 100_047_250_000

    def test_an_early_close_settles_it_too(self) -> None:
        day = date(2025, 7, 3)
        stage = OptionStage(engine=PATIENT, day=day, contracts=table(expiries=(day,)))
        stage.buy()
        closes(stage, "13:00", 560.0)
        assert (stage.option_scalp.status, stage.option_scalp.exit_time) == ("expired", sessions.utc(ny("13:00", day)))


class TestClosingPrice:
    def test_the_last_regular_bar_gives_it_when_it_comes(self) -> None:
        stage = unsold("cash")
        closes(stage, "15:59", 580.0)
        stage.reach("16:00")
        assert stage.option_scalp.status == "open"
        closes(stage, "16:00:02", 573.25, event_ns=ny("16:00"))
        assert (stage.option_scalp.exit_premium, stage.option_scalp.exit_time) == (
            Decimal("1.25"),
            sessions.utc(ny("16:00:02")),
        )

    def test_the_last_known_one_stands_for_it_five_minutes_after_the_close(self) -> None:
        stage = unsold("cash")
        closes(stage, "15:58", 573.25)
        stage.reach("16:04:59.999")
        assert stage.option_scalp.status == "open"
        stage.reach("16:05")
        assert (stage.option_scalp.status, stage.option_scalp.exit_premium) == ("expired", Decimal("1.25"))

    def test_the_auctions_row_after_the_close_does_not_give_it(self) -> None:
        stage = unsold("cash")
        closes(stage, "15:58", 573.25)
        closes(stage, "16:01", 600.0)
        stage.reach("16:05")
        assert stage.option_scalp.exit_premium == Decimal("1.25")

    def test_another_tickers_close_does_not_give_it(self) -> None:
        stage = unsold("cash")
        closes(stage, "16:00", 573.25, ticker="SPY")
        stage.reach("16:05")
        assert stage.option_scalp.status == "open"

    def test_without_any_price_it_is_not_settled(self) -> None:
        # Cash stays 98,058.75, whatever a later session says of the underlying.
        stage = unsold("cash")
        stage.reach("16:05")
        closes(stage, ny("09:31", TOMORROW), 573.25)
        assert (stage.option_scalp.status, stage.option.held, stage.book.cash_micros) == ("open", 25, 98_058_750_000)

    def test_without_any_price_a_person_is_alarmed_five_minutes_after_the_close(self) -> None:
        stage = unsold("cash")
        stage.reach("16:04:59.999")
        assert (stage.book.trading, "alarm" in json.loads(stage.option_scalp.metadata_json)) == ("ACTIVE", False)
        stage.reach("16:05")
        alarm = json.loads(stage.option_scalp.metadata_json)["alarm"]
        assert alarm == "QQQ250818C00572000 expired and no price of QQQ is known: settle it by hand"
        assert (stage.book.trading, stage.book.reduced_by) == ("REDUCING", "person")

    def test_without_any_price_it_is_never_ordered_after_its_last_trade(self) -> None:
        # The table of Monday still stands on Tuesday and its chain goes on; so does the cloud.
        stage = unsold("cash")
        stage.reach("16:05")
        sent = len(stage.orders)
        stage.state(ny("09:30:01", TOMORROW), 0.40, 0.41)
        stage.bar(ny("09:31", TOMORROW), flip=-1)
        stage.reach(ny("09:32", TOMORROW))
        assert len(stage.orders) == sent


class TestOvernight:
    def held(self, bid: float, ask: float) -> OptionStage:
        """A 1DTE of Monday 15:00 whose quote showed nothing at the bid from 15:29:59 to the close.

        The rank of its IV is unknown, so it is half of 2,000 / (158 x 0.5 + 1.30) = 24, and of these 12 the first 6.
        """
        stage = OptionStage(engine=PATIENT)
        stage.buy("15:00")
        stage.state("15:29:59", bid, ask, bid_size=0.0)
        stage.state("15:59:59", bid, ask, bid_size=0.0)
        stage.reach("16:05")
        assert (stage.option_scalp.entry_premium, stage.option.held) == (Decimal("1.58"), 6)
        return stage

    def test_nothing_is_sent_before_the_open(self) -> None:
        stage = self.held(1.50, 1.52)
        sent = len(stage.orders)
        stage.state(ny("09:29:59", TOMORROW), 1.40, 1.42, bid_size=100.0)
        assert len(stage.orders) == sent

    def test_it_is_sold_at_the_first_usable_quote_of_the_next_session(self) -> None:
        stage = self.held(1.50, 1.52)
        for second, sides in ((0, (nan, nan)), (1, (1.40, 1.40)), (2, (1.41, 1.40))):
            stage.state(ny(f"09:30:0{second}", TOMORROW), *sides, bid_size=100.0)
        assert stage.option_scalp.status == "open"
        stage.state(ny("09:30:03", TOMORROW), 1.40, 1.42)
        stage.reach(ny("09:30:03.2", TOMORROW))
        assert (stage.option_scalp.status, stage.option_scalp.exit_premium) == ("closed", Decimal("1.4"))
        assert stage.option_scalp.exit_reason == "time_cutoff"

    def test_the_night_is_no_silence(self) -> None:
        # The funds' quotes open the day; the chain's first snapshot comes a second later.
        stage = self.held(1.50, 1.52)
        sent = len(stage.orders)
        stage.quote(ny("09:30:00.1", TOMORROW))
        stage.quote(ny("09:30:00.2", TOMORROW))
        assert (stage.option.exit_due, len(stage.orders)) == ("time_cutoff", sent)

    def test_a_target_that_was_missed_at_the_close_is_sold_next_morning_however_the_bid_stands(self) -> None:
        # Bought at 1.58, target 1.975: bid 3.00 at the close, and 1.50 (nothing shown at first) in the morning.
        stage = self.held(3.00, 3.02)
        stage.state(ny("09:30:01", TOMORROW), 1.50, 1.52, bid_size=0.0)
        stage.reach(ny("09:30:04", TOMORROW))
        stage.state(ny("09:30:05", TOMORROW), 1.50, 1.52, bid_size=100.0)
        stage.reach(ny("09:30:06", TOMORROW))
        assert stage.option_scalp.status == "closed"

    def test_its_cutoff_is_that_of_its_new_dte_and_the_record_keeps_the_dte_of_the_entry(self) -> None:
        stage = self.held(1.50, 1.52)
        assert stage.option.cutoff_ns == ny("15:30")
        stage.reach(ny("09:30", TOMORROW))
        assert (stage.option.cutoff_ns, stage.option_scalp.dte) == (ny("14:00", TOMORROW), 1)

    def test_it_expires_in_the_new_session_if_nobody_bids_there_either(self) -> None:
        stage = self.held(1.50, 1.52)
        closes(stage, "16:00", 580.0)
        assert stage.option_scalp.status == "open"
        closes(stage, ny("16:00", TOMORROW), 560.0)
        assert (stage.option_scalp.status, stage.option_scalp.exit_premium) == ("expired", Decimal(0))
