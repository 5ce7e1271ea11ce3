"""Setups become tickets: conviction part by part, and the name of a signal."""

from math import inf
from typing import Any

import pytest

from operators import signals
from operators.intents import Conviction, signal_id
from operators.moments import View
from operators.signals import conviction
from tests.market_builders import bar, ny, setup, view

AT = ny("10:00")


def of(direction: int = 1, ratio: float = 2.25, **changes: Any) -> Conviction:
    """The conviction of a view with changes, for a trigger of 2.25 times the volume."""
    return conviction(view(**changes), direction, ratio)


def bearish(**changes: Any) -> View:
    """The mirror of the builder's view."""
    mirrored: dict[str, Any] = {"bar": bar(60, open=101.0, high=101.0, low=99.0, close=99.0)}
    mirrored |= {"ema12_before": 100.5, "agreement": (-1, -1, -1, -1), "macro_colour": -1, "bias": -1}
    return view(**(mirrored | changes))


class TestTotal:
    def test_the_total_is_the_sum_of_the_parts(self) -> None:
        # Macro 25; 20 x 4/4; 10 + 10 x (2.25 - 1.5) / 1.5 = 15; 10 x (101 - 100) / 2 = 5; 10 x 0.5 / 2 = 2.5;
        # 15 x (101 - 99) / (101 - 99) = 15. Together 82.5.
        assert of() == Conviction(82.5, macro=25.0, agreement=20.0, volume=15.0, distance=5.0, slope=2.5, body=15.0)

    def test_a_short_signal_in_the_mirrored_market_has_the_same_conviction(self) -> None:
        assert conviction(bearish(), -1, 2.25) == of()

    def test_against_everything_only_the_volume_counts(self) -> None:
        assert of(direction=-1) == Conviction(15.0, 0.0, 0.0, 15.0, 0.0, 0.0, 0.0)

    def test_the_most_is_a_hundred(self) -> None:
        assert of(ratio=3.0, ema12=99.0, ema12_before=97.0).total == 100.0

    def test_the_least_is_the_ten_of_the_volume(self) -> None:
        bare: dict[str, Any] = {
            "agreement": (0, 0, 0, 0),
            "macro_colour": 0,
            "bias": 0,
            "bar": None,
            "ema12": None,
            "atr": None,
        }
        assert of(ratio=1.5, **bare).total == 10.0


class TestMacroPart:
    def test_a_bias_of_the_direction_gives_all(self) -> None:
        assert of(bias=1).macro == 25.0

    def test_the_colour_alone_gives_half(self) -> None:
        assert of(bias=0).macro == 12.5

    def test_the_other_colour_gives_nothing(self) -> None:
        assert of(bias=0, macro_colour=-1).macro == 0.0

    def test_no_colour_gives_nothing(self) -> None:
        assert of(bias=0, macro_colour=0).macro == 0.0


class TestAgreementPart:
    @pytest.mark.parametrize(
        ("colours", "points"),
        [((1, 1, 1, -1), 15.0), ((0, 1, -1, 1), 10.0), ((1, 0, 0, 0), 5.0), ((-1, -1, -1, -1), 0.0)],
    )
    def test_each_agreeing_cloud_gives_five(self, colours: tuple[int, ...], points: float) -> None:
        assert of(agreement=colours).agreement == points


class TestVolumePart:
    @pytest.mark.parametrize(
        ("ratio", "points"),
        [(1.5, 10.0), (1.8, 12.0), (3.0, 20.0), (3.1, 20.0), (40.0, 20.0), (inf, 20.0), (1.2, 10.0)],
    )
    def test_it_runs_from_ten_at_one_and_a_half_to_twenty_at_three(self, ratio: float, points: float) -> None:
        # 10 + 10 x 0.3 / 1.5 = 12.
        assert of(ratio=ratio).volume == pytest.approx(points, abs=1e-12)

    def test_an_infinite_ratio_keeps_the_total_finite(self) -> None:
        # 82.5 with 20 in place of 15.
        assert of(ratio=inf).total == 87.5


class TestDistancePart:
    def test_a_close_one_true_range_beyond_gives_all(self) -> None:
        assert of(ema12=99.0).distance == 10.0

    def test_farther_gives_no_more(self) -> None:
        assert of(ema12=90.0).distance == 10.0

    def test_on_the_wrong_side_it_gives_nothing(self) -> None:
        assert of(ema12=101.5).distance == 0.0

    def test_it_is_measured_from_the_close_and_not_from_the_middle(self) -> None:
        # 10 x (100.5 - 100) / 2; from hl2 = 100 it would be 0.
        assert of(bar=bar(60, open=99.0, high=101.0, low=99.0, close=100.5)).distance == 2.5

    @pytest.mark.parametrize("atr", [0.0, None])
    def test_without_a_true_range_it_gives_nothing(self, atr: float | None) -> None:
        assert of(atr=atr).distance == 0.0

    def test_without_an_average_it_gives_nothing(self) -> None:
        assert of(ema12=None).distance == 0.0


class TestSlopePart:
    def test_a_change_of_one_true_range_gives_all(self) -> None:
        assert of(ema12_before=98.0).slope == 10.0

    def test_more_gives_no_more(self) -> None:
        assert of(ema12_before=90.0).slope == 10.0

    def test_a_change_against_the_direction_gives_nothing(self) -> None:
        assert of(ema12_before=101.0).slope == 0.0

    @pytest.mark.parametrize("atr", [0.0, None])
    def test_without_a_true_range_it_gives_nothing(self, atr: float | None) -> None:
        assert of(atr=atr).slope == 0.0

    def test_without_an_average_three_bars_ago_it_gives_nothing(self) -> None:
        assert of(ema12_before=None).slope == 0.0

    def test_an_average_of_zero_is_an_average(self) -> None:
        # 10 x (0 - -1) / 2.
        assert of(ema12=0.0, ema12_before=-1.0).slope == 5.0


class TestBodyPart:
    def test_it_is_the_share_of_the_range(self) -> None:
        # 15 x (100 - 99.5) / (101 - 99) = 3.75.
        assert of(bar=bar(60, open=99.5, high=101.0, low=99.0, close=100.0)).body == 3.75

    def test_the_other_colour_gives_nothing(self) -> None:
        assert of(bar=bar(60, open=100.5, high=101.0, low=99.0, close=100.0)).body == 0.0

    def test_no_body_gives_nothing(self) -> None:
        assert of(bar=bar(60, open=100.0, high=101.0, low=99.0, close=100.0)).body == 0.0

    def test_a_bar_without_range_gives_nothing(self) -> None:
        assert of(bar=bar(60, 100.0)).body == 0.0

    def test_an_open_outside_the_range_never_gives_more_than_all(self) -> None:
        # A foreign tape may hold such a bar: 15 x |101 - 90| / (101 - 99) would be 82.5 points of 15.
        assert of(bar=bar(60, open=90.0, high=101.0, low=99.0, close=101.0)).total <= 100.0


class TestTicket:
    def test_an_own_setup_gets_the_conviction_of_its_view(self) -> None:
        assert signals.ticket(setup(AT, volume_ratio=2.25)).conviction == of()

    def test_a_trigger_over_a_mean_of_zero_has_the_full_volume_part(self) -> None:
        assert signals.ticket(setup(AT, volume_ratio=inf)).conviction.volume == 20.0

    @pytest.mark.parametrize("points", [71.5, 0.0, 100.0])
    def test_an_outside_signal_carries_its_conviction_and_no_parts(self, points: float) -> None:
        made = signals.ticket(setup(AT, source="outside", volume_ratio=None, conviction=points))
        assert made.conviction == Conviction(points)

    @pytest.mark.parametrize(("sign", "direction"), [(1, "long"), (-1, "short")])
    def test_a_ticket_names_its_direction(self, sign: int, direction: str) -> None:
        assert signals.ticket(setup(AT, direction=sign)).direction == direction

    def test_a_ticket_starts_without_verdicts(self) -> None:
        made = signals.ticket(setup(AT))
        assert made.option.verdicts == made.fund.verdicts == ()


class TestSignalId:
    def test_it_is_the_same_in_every_version(self) -> None:
        # SHA-256 of "QQQ|1743516000000000000|long|1|own", first 20 hex digits, by sha256sum.
        assert signals.ticket(setup(AT)).signal_id == "46f8267d0c423a3a3787"

    @pytest.mark.parametrize(
        "changes",
        [
            {"ticker": "SPY"},
            {"bar_close_ns": AT + 60_000_000_000},
            {"direction": -1},
            {"timeframe_minutes": 5},
            {"source": "outside", "conviction": 60.0, "volume_ratio": None},
        ],
    )
    def test_each_part_of_the_key_changes_it(self, changes: dict[str, Any]) -> None:
        assert signals.ticket(setup(AT, **changes)).signal_id != signals.ticket(setup(AT)).signal_id

    @pytest.mark.parametrize(
        "changes",
        [
            {"volume_ratio": 9.0},
            {"view": view(ema12=50.0)},
            {"seq": 77},
            {"max_age_ns": 1},
        ],
    )
    def test_price_volume_and_place_on_the_tape_do_not(self, changes: dict[str, Any]) -> None:
        assert signals.ticket(setup(AT, **changes)).signal_id == signals.ticket(setup(AT)).signal_id

    def test_when_it_was_known_does_not(self) -> None:
        assert signals.ticket(setup(AT + 5, bar_close_ns=AT)).signal_id == signals.ticket(setup(AT)).signal_id

    def test_fields_do_not_run_into_each_other(self) -> None:
        assert signal_id("A", 11, "long", 1, "own") != signal_id("A", 1, "long", 11, "own")
