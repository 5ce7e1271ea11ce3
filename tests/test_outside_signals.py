"""Signals of other engines become setups that are added to the own ones."""

from math import inf, nan

import pytest

from operators.config import EngineSettings
from operators.events import SECOND_NS
from operators.market import Market
from tests.market_builders import ANY_MACRO, before_a_flip, falling, market, ny, outside, setups
from tests.play import MINUTE_DATA


class TestOutsideSignals:
    def test_one_needs_neither_flip_nor_volume(self) -> None:
        (found,) = setups(market(), outside(ny("10:00"), "NVDA", "short", 71.5))
        assert (found.ticker, found.direction, found.conviction, found.source) == ("NVDA", -1, 71.5, "outside")
        assert found.volume_ratio is None

    @pytest.mark.parametrize("conviction", [nan, -0.1, 100.1, inf])
    def test_a_conviction_that_is_none_makes_no_setup(self, conviction: float) -> None:
        assert setups(market(), outside(ny("10:00"), conviction=conviction)) == []

    @pytest.mark.parametrize("conviction", [0.0, 100.0])
    def test_the_ends_of_the_scale_are_convictions(self, conviction: float) -> None:
        assert len(setups(market(), outside(ny("10:00"), conviction=conviction))) == 1

    def test_its_bar_is_the_one_that_it_names(self) -> None:
        (found,) = setups(market(), outside(ny("10:00")))
        assert found.bar_close_ns == ny("10:00")

    def test_it_may_be_ninety_seconds_old_by_default(self) -> None:
        (found,) = setups(market(cadences=MINUTE_DATA), outside(ny("10:00")))
        assert found.max_age_ns == 90 * SECOND_NS

    def test_the_setting_of_its_age_bites(self) -> None:
        made = Market(ANY_MACRO, EngineSettings(outside_signal_max_age_seconds=30.0))
        (found,) = setups(made, outside(ny("10:00")))
        assert found.max_age_ns == 30 * SECOND_NS

    def test_it_is_added_to_an_own_signal_of_the_same_bar(self) -> None:
        made = market()
        found = setups(made, *before_a_flip(), falling(), outside(ny("10:11") + 1, direction="short"))
        assert [one.source for one in found] == ["own", "outside"]

    def test_it_changes_nothing_that_the_market_remembers(self) -> None:
        made = market()
        for event in before_a_flip():
            made.on(event)
        before = str(made.state)
        made.on(outside(ny("10:10:30")))
        assert str(made.state) == before
