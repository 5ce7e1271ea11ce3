"""Which expiries are tried, in which order and until when, and when there is no chain to choose from."""

from datetime import date
from typing import Any

import pytest

from operators.chains import YEAR_NS
from operators.codes import Refusal
from operators.config import EngineSettings
from tests.builders import DAY, Stage, ny
from tests.option_builders import OptionStage, table
from tests.strike_builders import Offer, chosen, failed, found, offered, verdict

# Monday 2025-08-18 is DAY; Labor Day is 2025-09-01.
TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (date(2025, 8, day) for day in (19, 20, 21, 22))
MONDAY, NEXT_TUESDAY = date(2025, 8, 25), date(2025, 8, 26)
CHRISTMAS_EVE, AFTER_CHRISTMAS = date(2024, 12, 24), date(2024, 12, 26)
BY_DTE = {0: DAY, 1: TUESDAY, 2: WEDNESDAY, 3: THURSDAY, 4: FRIDAY, 5: MONDAY, 6: NEXT_TUESDAY}


def bought(listed: tuple[int, ...], passing: tuple[int, ...], underlying: str, **rules: Any) -> int | None:
    """The DTE that is chosen where these are listed and only the volume of some passes."""
    offers = [Offer(expiry=BY_DTE[dte], volume=6_000.0 if dte in passing else 1.0) for dte in listed]
    best = found(*offers, underlying=underlying, **rules).chosen
    return None if best is None else best.dte


def tried(listed: tuple[int, ...], underlying: str, **rules: Any) -> list[int]:
    """The DTEs that are tried, in their order, where no contract of these passes."""
    result = found(*(Offer(expiry=BY_DTE[dte], volume=1.0) for dte in listed), underlying=underlying, **rules)
    return [one.dte for one in result.ranked]


class TestExpiries:
    def test_of_an_index_fund_0dte_comes_before_a_better_1dte(self) -> None:
        today, tomorrow = Offer(delta=0.31, bid=0.97, ask=1.03, volume=501.0), Offer(expiry=TUESDAY)
        result = found(tomorrow, today)
        assert result.chosen is not None
        assert result.chosen.symbol == today.symbol
        assert result.ranked == (result.chosen,)

    def test_where_none_of_0dte_passes_1dte_is_bought(self) -> None:
        result = found(Offer(volume=1.0), Offer(expiry=TUESDAY, delta=0.31))
        assert result.chosen is not None
        assert (result.chosen.dte, failed(result.verdicts)) == (1, [])
        assert [one.dte for one in result.ranked] == [0, 1]

    def test_where_none_of_any_passes_the_first_expiry_tells_why(self) -> None:
        result = found(Offer(expiry=TUESDAY, delta=0.6), Offer(volume=1.0))
        assert (result.chosen, failed(result.verdicts)) == (None, ["volume"])

    @pytest.mark.parametrize(
        ("underlying", "rules", "listed", "expected"),
        [
            ("QQQ", {}, (0, 1, 2, 3), [0, 1]),
            ("QQQ", {}, (0, 2, 3), [0]),
            ("QQQ", {}, (1, 2), [1]),
            ("SPX", {}, (0, 1, 2), [0, 1]),
            ("NVDA", {}, (0, 1, 2, 3), [1, 2]),
            ("NVDA", {}, (0, 4, 5, 6), [4, 5]),
            ("NVDA", {}, (4, 6), [4]),
            ("NVDA", {"stock_zero_dte": True}, (0, 1, 2, 3), [0, 1, 2]),
            ("NVDA", {"stock_zero_dte": True}, (4,), [4]),
            ("QQQ", {"stock_zero_dte": True}, (0, 1, 2), [0, 1]),
        ],
    )
    def test_an_index_fund_has_two_dtes_and_a_share_the_nearest_two_of_1_to_5(
        self, underlying: str, rules: dict[str, Any], listed: tuple[int, ...], expected: list[int]
    ) -> None:
        assert tried(listed, underlying, **rules) == expected
        assert tried(listed[::-1], underlying, **rules) == expected

    @pytest.mark.parametrize(
        ("underlying", "listed"), [("QQQ", (2, 3)), ("NVDA", (0,)), ("NVDA", (6,)), ("NVDA", (0, 6)), ("QQQ", (5,))]
    )
    def test_a_chain_without_a_listed_expiry_of_these_is_no_chain(
        self, underlying: str, listed: tuple[int, ...]
    ) -> None:
        result = found(*(Offer(expiry=BY_DTE[dte]) for dte in listed), underlying=underlying)
        (told,) = result.verdicts
        assert (told.code, told.passed, told.evaluated) == (Refusal.NO_CHAIN, False, False)
        assert (result.ranked, result.chosen) == ((), None)

    def test_0dte_of_a_share_is_bought_only_where_that_is_set(self) -> None:
        assert bought((0, 1), (0, 1), "NVDA") == 1
        assert bought((0, 1), (0, 1), "NVDA", stock_zero_dte=True) == 0

    def test_an_expiry_that_lists_no_contract_of_the_side_is_not_listed(self) -> None:
        put, call = Offer(delta=-0.4, right=-1), Offer(expiry=TUESDAY)
        assert chosen(put, call) == call.symbol
        assert [told.code for told in found(put).verdicts] == [Refusal.NO_CHAIN]

    def test_an_expired_contract_is_not_listed(self) -> None:
        friday_before = Offer(expiry=date(2025, 8, 15))
        assert [told.code for told in found(friday_before).verdicts] == [Refusal.NO_CHAIN]
        after_the_close = found(Offer(), at_ns=ny("16:00"))
        assert [told.code for told in after_the_close.verdicts] == [Refusal.NO_CHAIN]

    def test_an_expiry_beyond_the_calendar_is_not_listed(self) -> None:
        # The calendar ends with 2028, whose last session is Friday the 29th.
        result = found(Offer(expiry=date(2029, 1, 2)), at_ns=ny("10:00", date(2028, 12, 29)))
        assert [told.code for told in result.verdicts] == [Refusal.NO_CHAIN]

    def test_an_expiry_without_a_session_trades_last_in_the_session_before(self) -> None:
        # Good Friday: on Thursday it has 0 DTE and 6 hours at 10:00, on Wednesday 1 DTE.
        good_friday = Offer(expiry=date(2025, 4, 18))
        thursday, wednesday = ny("10:00", date(2025, 4, 17)), ny("10:00", date(2025, 4, 16))
        assert [found(good_friday, at_ns=at_ns).ranked[0].dte for at_ns in (thursday, wednesday)] == [0, 1]
        (years,) = offered([good_friday], thursday).years
        assert years * YEAR_NS == pytest.approx(6 * 3_600e9)

    def test_days_to_expiry_count_sessions(self) -> None:
        # Friday before Labor Day: Tuesday is the next session.
        result = found(Offer(expiry=date(2025, 9, 2)), at_ns=ny("10:00", date(2025, 8, 29)))
        assert result.ranked[0].dte == 1


class TestPermitted:
    @pytest.mark.parametrize(("late_ns", "dte"), [(0, 0), (1, 1)])
    def test_0dte_may_be_bought_until_15_minutes_before_14_00(self, late_ns: int, dte: int) -> None:
        result = found(Offer(), Offer(expiry=TUESDAY), at_ns=ny("13:45") + late_ns)
        assert result.chosen is not None
        assert (result.chosen.dte, [one.dte for one in result.ranked]) == (dte, [dte])

    @pytest.mark.parametrize(("late_ns", "passes"), [(0, True), (1, False)])
    def test_1dte_may_be_bought_until_15_minutes_before_15_30(self, late_ns: int, passes: bool) -> None:
        result = found(Offer(), Offer(expiry=TUESDAY), at_ns=ny("15:15") + late_ns)
        assert (result.chosen is not None, verdict(result.verdicts, Refusal.TOO_LATE).passed) == (passes, passes)

    def test_too_late_tells_the_minutes_of_the_expiry_that_has_most(self) -> None:
        # 13:00 is 60 minutes before 14:00 and 150 before 15:30.
        both = found(Offer(), Offer(expiry=TUESDAY), at_ns=ny("13:00"))
        today = found(Offer(), at_ns=ny("13:00"))
        minutes = [verdict(result.verdicts, Refusal.TOO_LATE).measured for result in (both, today)]
        assert minutes == [150.0, 60.0]

    def test_where_it_is_too_late_for_all_the_filters_are_asked_of_the_first_listed(self) -> None:
        result = found(Offer(volume=1.0), Offer(expiry=TUESDAY), at_ns=ny("15:20"))
        assert (result.chosen, failed(result.verdicts)) == (None, ["too_late", "volume"])
        assert verdict(result.verdicts, Refusal.TOO_LATE).measured == 10.0

    def test_a_contract_that_passes_is_not_chosen_where_it_is_too_late(self) -> None:
        result = found(Offer(), at_ns=ny("13:50"))
        assert (result.chosen, failed(result.verdicts)) == (None, ["too_late"])

    @pytest.mark.parametrize(
        ("clock", "late_ns", "dte"), [("10:45", 0, 0), ("10:45", 1, 1), ("12:15", 0, 1), ("12:15", 1, None)]
    )
    def test_on_an_early_close_the_last_entries_are_three_hours_earlier(
        self, clock: str, late_ns: int, dte: int | None
    ) -> None:
        # The close of 13:00 is 3 hours early: cut-offs at 11:00 and 12:30.
        offers = Offer(expiry=CHRISTMAS_EVE), Offer(expiry=AFTER_CHRISTMAS)
        best = found(*offers, at_ns=ny(clock, CHRISTMAS_EVE) + late_ns).chosen
        assert (None if best is None else best.dte) == dte


class TestNoChain:
    def refused(self, stage: Stage, clock: str = "10:00:01", **signal: Any) -> set[str]:
        """The codes that the option leg of a signal failed with."""
        return stage.failed(stage.signal(clock, **signal), "option")

    def test_without_a_snapshot_there_is_no_chain(self) -> None:
        assert self.refused(OptionStage()) == {"no_chain"}

    def test_another_underlyings_chain_is_no_chain(self) -> None:
        stage = OptionStage()
        stage.chain("10:00")
        assert self.refused(stage, ticker="SPY") == {"no_chain"}

    def test_a_chain_at_its_age_limit_is_used_and_an_older_one_is_none(self) -> None:
        for late_ns, codes in ((0, set()), (1, {"no_chain"})):
            stage = OptionStage()
            stage.chain("10:00")
            signal = stage.signal(ny("10:00:05") + late_ns)
            assert stage.failed(signal, "option") == codes

    def test_a_stale_chain_is_told_with_its_age(self) -> None:
        stage = OptionStage(engine=EngineSettings(chain_max_age_seconds=3.0))
        stage.chain("10:00")
        told = stage.verdict(stage.signal("10:00:08"), Refusal.NO_CHAIN, "option")
        assert (told.evaluated, told.reason) == (False, "the chain of QQQ is 8 s old, limit 3 s")

    def test_a_chain_of_minute_data_may_be_90_seconds_old(self) -> None:
        stage = OptionStage(cadences={"bar": 60.0, "quote": 60.0, "chain": 60.0})
        stage.chain("10:00")
        assert self.refused(stage, "10:01:30", bar_close_ns=ny("10:01")) == set()

    def test_a_chain_without_an_expiry_that_may_be_bought_is_no_chain(self) -> None:
        stage = OptionStage(contracts=table(expiries=(WEDNESDAY,)))
        stage.chain("10:00")
        assert self.refused(stage) == {"no_chain"}

    def test_without_a_chain_the_later_cut_off_says_whether_it_is_too_late(self) -> None:
        assert self.refused(OptionStage(), "15:15") == {"no_chain"}
        assert self.refused(OptionStage(), "15:15:00.001") == {"no_chain", "too_late"}

    def test_on_a_day_without_a_session_nothing_is_chosen(self) -> None:
        saturday = date(2025, 8, 23)
        stage = OptionStage(day=saturday, contracts=table(expiries=(MONDAY,)))
        stage.chain("10:00")
        signal = stage.signal("10:00:01")
        assert (stage.failed(signal, "option"), stage.candidates(signal)) == ({"start_time"}, [])

    def test_beyond_the_calendar_nothing_is_chosen(self) -> None:
        stage = OptionStage(day=date(2029, 1, 2), contracts=table(expiries=(date(2028, 12, 29),)))
        stage.chain("10:00")
        signal = stage.signal("10:00:01")
        assert (stage.failed(signal, "option"), stage.candidates(signal)) == ({"calendar_unknown"}, [])
