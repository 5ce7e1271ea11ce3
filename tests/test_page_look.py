"""How numbers read: sign and arrow beside every colour, a dash for what is missing, New York time."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from dashboard import look
from tests.rows import NOON


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("1234.5"), "▲ +1,234.50"),
        (Decimal("-0.5"), "▼ \N{MINUS SIGN}0.50"),
        (0.004, "0.00"),
        (-0.004, "0.00"),
        (0, "0.00"),
        (None, "\N{EN DASH}"),
        (float("nan"), "\N{EN DASH}"),
    ],
)
def test_a_gain_or_loss_has_arrow_and_sign_and_nothing_has_neither(value: float | Decimal | None, text: str) -> None:
    assert look.signed(value) == text


@pytest.mark.parametrize(("value", "tone"), [(1, "gain"), (-1, "loss"), (0, ""), (0.001, ""), (None, "")])
def test_a_colour_never_stands_without_its_arrow(value: float | None, tone: str) -> None:
    assert look.gain(value)["tone"] == tone


@pytest.mark.parametrize(
    ("value", "text"), [(None, "\N{EN DASH}"), (float("inf"), "\N{EN DASH}"), (-1.5, "\N{MINUS SIGN}1.50"), (0, "0.00")]
)
def test_a_missing_number_is_a_dash_and_never_nothing(value: float | None, text: str) -> None:
    assert look.number(value) == text


def test_a_fraction_reads_in_percent() -> None:
    assert look.percent(0.3385) == "33.9 %"  # 33.85, and the float is a little above


def test_times_are_new_yorks_with_seconds() -> None:
    # 17:00 UTC is noon in New York in winter.
    assert (look.clock(NOON), look.minute(NOON), look.day(NOON)) == ("12:00:00", "12:00", "Mon 5 Jan 2026")
    assert look.clock(None) == look.MISSING


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00:00"), (3_725, "1:02:05"), (-5, "0:00:00"), (36_000, "10:00:00")]
)
def test_a_span_ticks_in_hours_minutes_and_seconds(seconds: int, text: str) -> None:
    assert look.span(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (99, "99 s"), (120, "2 min"), (7_200, "2 h"), (-3, "0 s")])
def test_an_age_is_told_in_the_unit_that_fits(seconds: float, text: str) -> None:
    assert look.age(seconds) == text


@pytest.mark.parametrize(
    ("symbol", "words"),
    [
        ("SPY260302C00680000", "SPY 2 Mar 680 C"),
        ("SPY   260302P00192500", "SPY 2 Mar 192.5 P"),
        ("SPY270302C00680000", "SPY 2 Mar 2027 680 C"),
        ("TQQQ", "TQQQ"),
        ("<b>x</b>", "<b>x</b>"),
    ],
)
def test_a_contract_reads_as_traders_say_it_and_anything_else_as_it_is(symbol: str, words: str) -> None:
    assert look.contract(symbol, datetime(2026, 3, 2, tzinfo=UTC)) == words
