"""The chart and the curve: no holes, marks at the bar of their fill, and nothing for what is unknown."""

from collections.abc import Sequence
from typing import Any

import pytest
from bokeh.document import Document
from bokeh.document.events import ColumnDataChangedEvent, ColumnsStreamedEvent

from dashboard.chart import ROOM, Chart
from dashboard.look import GAIN, LOSS
from dashboard.pnl import DayCurve
from flows.records.now import BARS_KEPT
from flows.records.now_parts import Candle, Mark
from tests.page_rows import candles, executed, mark


def shown(chart: Chart) -> dict[str, list[Any]]:
    return {name: list(values) for name, values in chart.bars.data.items()}


def test_only_new_bars_go_to_the_browser_and_stand_beside_those_before() -> None:
    chart, sent = Chart(), list[object]()
    chart.show(candles(1, 2), ())
    document = Document()
    document.add_root(chart.figure)
    document.on_change(sent.append)
    chart.show(candles(1, 2, 3), ())
    (streamed,) = (event for event in sent if isinstance(event, ColumnsStreamedEvent))
    assert streamed.data["when"] == ["5 Jan 12:03"]
    assert not [event for event in sent if isinstance(event, ColumnDataChangedEvent)]
    assert shown(chart)["x"] == [0, 1, 2]


def test_what_is_shown_is_the_same_whether_streamed_or_drawn_anew() -> None:
    grown, anew = Chart(), Chart()
    for last in range(1, BARS_KEPT + 20):
        grown.show(candles(*range(max(1, last - BARS_KEPT + 1), last + 1)), ())
    anew.show(candles(*range(20, BARS_KEPT + 20)), ())
    one, other = shown(grown), shown(anew)
    offset = one["x"][0] - other["x"][0]
    assert len(one["x"]) == BARS_KEPT
    assert [place - offset for place in one["x"]] == other["x"]
    assert {name: one[name] for name in ("when", "open", "close", "ema5_over")} == {
        name: other[name] for name in ("when", "open", "close", "ema5_over")
    }


def test_a_night_leaves_no_hole_and_is_labelled_with_its_day() -> None:
    chart = Chart()
    chart.show(candles(238, 239, 240, 21 * 60 + 31, 21 * 60 + 32), ())  # until 16:00, then from 09:31 on
    assert shown(chart)["x"] == [0, 1, 2, 3, 4]
    assert chart.figure.xaxis.major_label_overrides == {2: "16:00", 3: "6 Jan"}
    assert chart.ticks.ticks == [2, 3]


def test_another_ticker_replaces_the_bars() -> None:
    chart = Chart()
    chart.show(candles(1, 2), ())
    chart.show(candles(1, 2, ticker="SPY", close=600.0), ())
    assert shown(chart)["close"] == [600.0, 600.0]


def test_a_chart_at_its_end_follows_and_one_that_was_moved_stays() -> None:
    chart = Chart()
    chart.show(candles(*range(1, 100)), ())
    assert chart.x_range.end == 98 + ROOM
    chart.show(candles(*range(1, 101)), ())
    assert chart.x_range.end == 99 + ROOM
    chart.x_range.update(start=10, end=40)
    chart.show(candles(*range(1, 102)), ())
    assert (chart.x_range.start, chart.x_range.end) == (10, 40)


def test_a_narrow_chart_shows_fewer_bars() -> None:
    chart = Chart()
    chart.show(candles(*range(1, 200)), ())
    chart.follow(60)
    assert chart.x_range.end - chart.x_range.start == 60


@pytest.mark.parametrize(("fast", "over", "under"), [(500.5, 500.5, 500.0), (499.0, 500.0, 499.0)])
def test_a_cloud_is_filled_on_the_side_of_the_average_on_top(fast: float, over: float, under: float) -> None:
    # Green runs from the slow average (500) up to the fast one where that is above, red down to it where it is below.
    chart = Chart()
    chart.show(candles(1, ema5=fast, ema12=500.0), ())
    told = shown(chart)
    assert (told["ema12"], told["ema5_over"], told["ema5_under"]) == ([500.0], [over], [under])


def test_a_cloud_that_is_not_ready_has_no_height() -> None:
    chart = Chart()
    chart.show(candles(1, ema34=None, ema50=None, close=501.0), ())
    told = shown(chart)
    assert (told["ema50"], told["ema34_over"], told["ema34_under"]) == ([501.0], [501.0], [501.0])


def test_the_macro_bias_of_each_bar_has_its_colour() -> None:
    chart = Chart()
    rows: Sequence[Candle] = [*candles(1, macro="bullish"), *candles(2, macro="bearish"), *candles(3, macro="neutral")]
    chart.show(tuple(rows), ())
    assert shown(chart)["macro"][:2] == [GAIN, LOSS]
    assert shown(chart)["macro"][2] not in (GAIN, LOSS)


@pytest.mark.parametrize(("seconds", "places"), [(60, [1]), (61, [1]), (119.9, [1]), (59.9, [0]), (190, [])])
def test_a_fill_stands_at_the_bar_in_which_it_was(seconds: float, places: list[int]) -> None:
    # Bars are named by their close: that of 12:02 holds 12:01:00 up to 12:02:00. The last one closes 12:03.
    chart = Chart()
    chart.show(candles(1, 2, 3), (executed(seconds),))
    assert list(chart.entries.data["x"]) == places


def test_entries_stand_at_the_foot_of_their_bar_and_exits_at_its_head() -> None:
    chart = Chart()
    chart.show(candles(1, 2), (executed(30), executed(90, "sell")))
    assert (chart.entries.data["y"], chart.exits.data["y"]) == ([499.0], [502.0])


def test_a_bar_tells_its_fills() -> None:
    chart = Chart()
    chart.show(candles(1, 2), (executed(30), executed(90, "sell"), executed(95, "sell")))
    assert shown(chart)["when"] == ["5 Jan 12:01, buy 10 TQQQ at 50.25", "5 Jan 12:02" + 2 * ", sell 10 TQQQ at 50.25"]


def test_a_bar_that_moved_tells_its_fills_where_it_stands() -> None:
    chart = Chart()
    chart.show(candles(*range(1, BARS_KEPT + 1)), ())
    chart.show(candles(*range(2, BARS_KEPT + 2)), (executed(BARS_KEPT * 60 + 30),))
    assert [when for when in shown(chart)["when"] if "buy" in when] == [shown(chart)["when"][-1]]


def test_a_mark_moves_with_its_bar_when_old_bars_go() -> None:
    chart = Chart()
    chart.show(candles(*range(1, BARS_KEPT + 1)), (executed(BARS_KEPT * 60 - 30),))
    before = list(chart.entries.data["x"])
    chart.show(candles(*range(2, BARS_KEPT + 2)), (executed(BARS_KEPT * 60 - 30),))
    assert list(chart.entries.data["x"]) == before == [BARS_KEPT - 1]


def test_a_chart_of_nothing_shows_nothing() -> None:
    chart = Chart()
    chart.show((), (executed(30),))
    assert (shown(chart)["x"], list(chart.entries.data["x"])) == ([], [])


def marks(*values: str) -> tuple[Mark, ...]:
    rows = (mark(minute, value) for minute, value in enumerate(values))
    return tuple(Mark(row.marked_at, row.day_pnl, row.tape_seq) for row in rows)


def test_the_curve_is_filled_above_and_below_nothing() -> None:
    curve = DayCurve()
    curve.show(marks("0", "5", "-3"))
    minutes = [720, 721, 722]  # since midnight in New York
    assert (curve.sources["curve"].data["minute"], curve.sources["curve"].data["pnl"]) == (minutes, [0.0, 5.0, -3.0])
    assert curve.sources["over"].data["y"] == [0.0, 5.0, 0.0, 0.0, 0.0, 0.0]
    assert curve.sources["under"].data["y"] == [0.0, 0.0, -3.0, 0.0, 0.0, 0.0]


def test_two_pages_have_curves_of_their_own() -> None:
    one, other = DayCurve(), DayCurve()
    one.show(marks("0", "5"))
    assert list(other.sources["curve"].data["pnl"]) == [0.0]
    assert one.view.object is not other.view.object
