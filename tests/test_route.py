"""Pre-checks of time: start, cut-offs, half days, changes of clocks and statements of the Federal Reserve."""

from datetime import date
from typing import Any

import pytest

from operators.codes import Refusal
from operators.intents import Verdict
from operators.orders import LegName
from tests.market_builders import at, judged, ny, passed, ticket, verdict

HALF_DAY = date(2024, 12, 24)
PRESSER, NO_PRESSER = date(2025, 3, 19), date(2018, 8, 1)
UNSCHEDULED, CANCELLED = date(2020, 3, 3), date(2020, 3, 18)
FOMC_UNKNOWN, NO_TABLE = date(2028, 1, 4), date(2029, 1, 3)


class TestTimingRules:
    def test_a_good_signal_at_noon_passes_everything(self) -> None:
        assert at("12:00").option.failed == at("12:00").fund.failed == ()

    def test_the_last_nanosecond_before_the_start_time_is_too_early(self) -> None:
        assert passed(at("09:35", extra_ns=-1), Refusal.START_TIME) is False

    def test_the_start_time_itself_passes(self) -> None:
        found = verdict(at("09:35"), Refusal.START_TIME)
        assert found == Verdict(Refusal.START_TIME, True, 5.0, 5.0, "minutes after the open")

    def test_the_start_time_is_a_setting(self) -> None:
        assert passed(at("09:59", scalp_start_time="10:00"), Refusal.START_TIME) is False
        assert passed(at("10:00", scalp_start_time="10:00"), Refusal.START_TIME) is True

    def test_before_the_open_nothing_starts(self) -> None:
        assert passed(at("09:30", extra_ns=-1, scalp_start_time="09:30"), Refusal.START_TIME) is False
        assert passed(at("09:30", scalp_start_time="09:30"), Refusal.START_TIME) is True

    def test_a_half_day_starts_as_any_day(self) -> None:
        assert passed(at("09:35", HALF_DAY, -1), Refusal.START_TIME) is False
        assert passed(at("09:35", HALF_DAY), Refusal.START_TIME) is True

    @pytest.mark.parametrize(
        ("leg", "clock"),
        [("option", "15:15"), ("fund", "15:40")],
        ids=["15 minutes before 15:30", "15 minutes before 15:55"],
    )
    def test_each_leg_passes_at_its_limit_and_not_a_nanosecond_later(self, leg: LegName, clock: str) -> None:
        assert verdict(at(clock), Refusal.TOO_LATE, leg) == Verdict(
            Refusal.TOO_LATE, True, 15.0, 15.0, "minutes to the exit"
        )
        assert passed(at(clock, extra_ns=1), Refusal.TOO_LATE, leg) is False

    def test_the_fund_may_still_enter_when_options_may_not(self) -> None:
        made = at("15:30")
        assert (passed(made, Refusal.TOO_LATE, "option"), passed(made, Refusal.TOO_LATE, "fund")) == (False, True)

    @pytest.mark.parametrize(("leg", "clock"), [("option", "12:15"), ("fund", "12:40")])
    def test_on_a_half_day_both_limits_lie_three_hours_earlier(self, leg: LegName, clock: str) -> None:
        # 15:30 - 3 h = 12:30, 13:00 - 5 min = 12:55; less 15 minutes.
        assert passed(at(clock, HALF_DAY), Refusal.TOO_LATE, leg) is True
        assert passed(at(clock, HALF_DAY, 1), Refusal.TOO_LATE, leg) is False

    @pytest.mark.parametrize(("leg", "clock"), [("option", "15:00"), ("fund", "15:25")])
    def test_the_least_time_to_the_exit_is_a_setting(self, leg: LegName, clock: str) -> None:
        assert passed(at(clock, min_minutes_to_exit=30), Refusal.TOO_LATE, leg) is True
        assert passed(at(clock, extra_ns=1, min_minutes_to_exit=30), Refusal.TOO_LATE, leg) is False

    def test_the_cut_off_of_options_is_a_setting(self) -> None:
        early: dict[str, Any] = {"one_dte_cutoff": "14:30", "zero_dte_cutoff": "14:00"}
        assert passed(at("14:15", **early), Refusal.TOO_LATE, "option") is True
        assert passed(at("14:15", extra_ns=1, **early), Refusal.TOO_LATE, "option") is False

    def test_a_cut_off_at_the_close_ends_five_minutes_before_it(self) -> None:
        assert passed(at("15:40", one_dte_cutoff="16:00"), Refusal.TOO_LATE, "option") is True
        assert passed(at("15:40", extra_ns=1, one_dte_cutoff="16:00"), Refusal.TOO_LATE, "option") is False

    def test_the_later_of_both_cut_offs_counts_while_no_expiry_is_chosen(self) -> None:
        # A 0DTE contract is permitted until 15:50 less 15 minutes.
        late: dict[str, Any] = {"zero_dte_cutoff": "15:50", "one_dte_cutoff": "15:30"}
        assert passed(at("15:20", **late), Refusal.TOO_LATE, "option") is True

    def test_after_the_close_both_legs_are_too_late(self) -> None:
        made = at("16:30")
        assert passed(made, Refusal.TOO_LATE, "option") is passed(made, Refusal.TOO_LATE, "fund") is False

    @pytest.mark.parametrize(
        ("friday", "monday", "hours"),
        [(date(2025, 3, 7), date(2025, 3, 10), 71), (date(2025, 10, 31), date(2025, 11, 3), 73)],
        ids=["spring", "autumn"],
    )
    def test_over_a_change_of_clocks_the_cut_off_stays_in_new_york(
        self, friday: date, monday: date, hours: int
    ) -> None:
        assert ny("15:40", monday) - ny("15:40", friday) == hours * 3_600_000_000_000
        for day in (friday, monday):
            assert passed(at("15:40", day), Refusal.TOO_LATE) is True
            assert passed(at("15:40", day, 1), Refusal.TOO_LATE) is False
            assert passed(at("09:35", day, -1), Refusal.START_TIME) is False
            assert passed(at("09:35", day), Refusal.START_TIME) is True

    @pytest.mark.parametrize(
        "day", [date(2025, 4, 5), date(2025, 4, 18), date(2025, 1, 9)], ids=["Saturday", "Good Friday", "mourning"]
    )
    def test_on_a_closed_day_nothing_starts(self, day: date) -> None:
        for leg in ("option", "fund"):
            found = verdict(at("12:00", day), Refusal.START_TIME, leg)
            assert found is not None
            assert (found.passed, found.evaluated, found.reason) == (False, False, f"{day} is not a trading day")

    def test_on_a_closed_day_the_other_gates_are_still_judged(self) -> None:
        made = judged(ticket(ny("12:00", date(2025, 4, 5)), conviction=10.0))
        assert (passed(made, Refusal.CONVICTION), passed(made, Refusal.TICKER)) == (False, True)

    @pytest.mark.parametrize(
        ("clock", "extra_ns", "expected"),
        [("13:30", -1, True), ("13:30", 0, False), ("14:00", 0, False), ("15:15", -1, False), ("15:15", 0, True)],
    )
    def test_with_a_press_conference_entries_rest_from_half_past_one_to_a_quarter_past_three(
        self, clock: str, extra_ns: int, expected: bool
    ) -> None:
        assert passed(at(clock, PRESSER, extra_ns), Refusal.FOMC) is expected

    @pytest.mark.parametrize(
        ("clock", "extra_ns", "expected"),
        [("13:30", -1, True), ("13:30", 0, False), ("14:30", -1, False), ("14:30", 0, True)],
    )
    def test_without_one_they_rest_half_an_hour_each_side(self, clock: str, extra_ns: int, expected: bool) -> None:
        assert passed(at(clock, NO_PRESSER, extra_ns), Refusal.FOMC) is expected

    @pytest.mark.parametrize(
        ("clock", "extra_ns", "expected"),
        [("10:00", -1, True), ("10:00", 0, False), ("10:30", -1, False), ("10:30", 0, True)],
    )
    def test_an_unscheduled_statement_never_blocks_ahead(self, clock: str, extra_ns: int, expected: bool) -> None:
        assert passed(at(clock, UNSCHEDULED, extra_ns), Refusal.FOMC) is expected

    def test_a_cancelled_meeting_blocks_nothing(self) -> None:
        assert passed(at("14:00", CANCELLED), Refusal.FOMC) is None

    def test_a_day_without_a_statement_is_not_asked(self) -> None:
        assert passed(at("14:00"), Refusal.FOMC) is None

    def test_switched_off_it_is_not_asked(self) -> None:
        assert passed(at("14:00", PRESSER, no_scalp_around_fomc=False), Refusal.FOMC) is None

    def test_it_stands_on_both_legs(self) -> None:
        made = at("14:00", PRESSER)
        assert passed(made, Refusal.FOMC, "option") is passed(made, Refusal.FOMC, "fund") is False

    @pytest.mark.parametrize(("clock", "measured", "limit"), [("13:40", -20.0, -30.0), ("15:00", 60.0, 75.0)])
    def test_it_measures_minutes_from_the_statement(self, clock: str, measured: float, limit: float) -> None:
        found = verdict(at(clock, PRESSER), Refusal.FOMC)
        assert found == Verdict(Refusal.FOMC, False, measured, limit, "minutes from the statement")

    @pytest.mark.parametrize("leg", ["option", "fund"])
    def test_past_the_schedule_the_calendar_is_unknown(self, leg: LegName) -> None:
        found = verdict(at("12:00", FOMC_UNKNOWN), Refusal.CALENDAR_UNKNOWN, leg)
        assert found is not None
        assert (found.passed, found.evaluated) == (False, False)

    def test_past_the_schedule_without_the_rule_entries_go_on(self) -> None:
        assert at("12:00", FOMC_UNKNOWN, no_scalp_around_fomc=False).fund.failed == ()

    def test_the_last_scheduled_year_is_known(self) -> None:
        assert passed(at("12:00", date(2027, 12, 30)), Refusal.CALENDAR_UNKNOWN) is None

    @pytest.mark.parametrize("rule", [True, False])
    @pytest.mark.parametrize("leg", ["option", "fund"])
    def test_past_the_table_of_sessions_the_calendar_is_unknown_whatever_the_rule(
        self, leg: LegName, rule: bool
    ) -> None:
        made = at("12:00", NO_TABLE, no_scalp_around_fomc=rule)
        assert passed(made, Refusal.CALENDAR_UNKNOWN, leg) is False

    def test_past_the_table_the_other_gates_are_still_judged(self) -> None:
        made = judged(ticket(ny("12:00", NO_TABLE), conviction=10.0))
        assert (passed(made, Refusal.CONVICTION), passed(made, Refusal.TICKER)) == (False, True)
