"""Pre-checks of the signal itself: ticker, conviction, macro bias and age; and all of them together."""

from datetime import date
from math import nan
from typing import Any

import pytest

from operators.codes import Refusal
from operators.intents import Verdict
from tests.market_builders import judged, ny, passed, ticket, verdict, view

PRESSER = date(2025, 3, 19)
NOON = ny("12:00")


class TestConviction:
    @pytest.mark.parametrize(
        ("conviction", "expected"), [(50.0, True), (49.999, False), (100.0, True), (0.0, False), (nan, False)]
    )
    def test_the_least_conviction_passes_and_nothing_under_it(self, conviction: float, expected: bool) -> None:
        assert passed(judged(ticket(NOON, conviction)), Refusal.CONVICTION) is expected

    def test_the_least_conviction_is_a_setting(self) -> None:
        assert passed(judged(ticket(NOON, 60.0), min_conviction_to_scalp=60.5), Refusal.CONVICTION) is False

    def test_no_conviction_passes_a_least_one_of_zero(self) -> None:
        assert passed(judged(ticket(NOON, 0.0), min_conviction_to_scalp=0), Refusal.CONVICTION) is True

    def test_not_a_number_never_passes_even_a_least_one_of_zero(self) -> None:
        assert passed(judged(ticket(NOON, nan), min_conviction_to_scalp=0), Refusal.CONVICTION) is False


class TestMacro:
    @pytest.mark.parametrize(
        ("bias", "direction", "expected"),
        [(1, 1, True), (-1, -1, True), (1, -1, False), (-1, 1, False), (0, 1, False), (0, -1, False)],
    )
    def test_only_a_bias_of_the_direction_confirms(self, bias: int, direction: int, expected: bool) -> None:
        made = judged(ticket(NOON, view=view(bias=bias), direction=direction))
        assert passed(made, Refusal.MACRO) is passed(made, Refusal.MACRO, "option") is expected

    def test_it_measures_bias_times_direction(self) -> None:
        found = verdict(judged(ticket(NOON, view=view(bias=1), direction=-1)), Refusal.MACRO)
        assert found == Verdict(Refusal.MACRO, False, -1.0, 1.0, "bias x direction")

    def test_an_unready_cloud_is_not_evaluated_and_fails(self) -> None:
        found = verdict(judged(ticket(NOON, view=view(macro_ready=False, bias=0))), Refusal.MACRO)
        assert found is not None
        assert (found.passed, found.evaluated) == (False, False)

    @pytest.mark.parametrize("ready", [True, False])
    def test_where_alignment_is_not_required_it_is_not_asked(self, ready: bool) -> None:
        made = ticket(NOON, view=view(macro_ready=ready, bias=-1 if ready else 0))
        assert passed(judged(made, require_macro_alignment=False), Refusal.MACRO) is None


class TestTicker:
    def test_a_ticker_that_is_not_listed_is_refused(self) -> None:
        made = judged(ticket(NOON, ticker="TQQQ"))
        assert passed(made, Refusal.TICKER) is passed(made, Refusal.TICKER, "option") is False

    def test_the_list_is_a_setting(self) -> None:
        assert passed(judged(ticket(NOON, ticker="IWM"), scalp_tickers=("IWM",)), Refusal.TICKER) is True


class TestStale:
    @pytest.mark.parametrize(
        ("age_ns", "expected"),
        [(0, True), (5_000_000_000, True), (5_000_000_001, False), (-1, False)],
        ids=["just closed", "at the limit", "past it", "in the future"],
    )
    def test_an_own_signal_may_be_as_old_as_its_limit(self, age_ns: int, expected: bool) -> None:
        made = judged(ticket(NOON, bar_close_ns=NOON - age_ns))
        assert passed(made, Refusal.STALE) is passed(made, Refusal.STALE, "option") is expected

    @pytest.mark.parametrize(("age_ns", "expected"), [(90_000_000_000, True), (90_000_000_001, False), (-1, False)])
    def test_an_outside_signal_has_a_limit_of_its_own(self, age_ns: int, expected: bool) -> None:
        theirs: dict[str, Any] = {
            "source": "outside",
            "conviction": 60.0,
            "volume_ratio": None,
            "max_age_ns": 90_000_000_000,
        }
        assert passed(judged(ticket(NOON, bar_close_ns=NOON - age_ns, **theirs)), Refusal.STALE) is expected

    def test_it_measures_seconds(self) -> None:
        found = verdict(judged(ticket(NOON, bar_close_ns=NOON - 6_500_000_000)), Refusal.STALE)
        assert found == Verdict(Refusal.STALE, False, 6.5, 5.0, "seconds")


class TestAllTogether:
    def test_no_gate_is_skipped_because_another_failed(self) -> None:
        bad = ticket(ny("14:00", PRESSER), nan, ticker="TQQQ", view=view(bias=-1), bar_close_ns=ny("14:01", PRESSER))
        made = judged(bad, scalp_start_time="15:00", min_minutes_to_exit=390)
        expected = {"ticker", "start_time", "too_late", "fomc", "conviction", "macro", "stale"}
        assert {one.code for one in made.option.failed} == {one.code for one in made.fund.failed} == expected

    def test_the_rule_keeps_setup_conviction_and_name(self) -> None:
        made = ticket(NOON)
        after = judged(made)
        assert (after.setup, after.conviction, after.signal_id) == (made.setup, made.conviction, made.signal_id)

    def test_verdicts_from_before_are_kept(self) -> None:
        earlier = Verdict(Refusal.STATE, True)
        made = judged(ticket(NOON).both(earlier))
        assert made.option.verdicts[0] == made.fund.verdicts[0] == earlier
