"""The live chart: one-minute candles with both clouds, the macro bias below, and where scalps were entered and left."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final, cast

import panel as pn
from bokeh.models import ColumnDataSource, DataRange1d, FixedTicker, HoverTool, NumeralTickFormatter, Range1d
from bokeh.plotting import figure

from dashboard.look import BACK, CALM, EDGE, FAINT, GAIN, LOSS, QUIET, TEXT, WARN, contract, number
from flows.records.now import BARS_KEPT
from flows.records.now_parts import Candle, Execution
from operators.sessions import NEW_YORK

ROOM: Final = 3  # bars of free space to the right of the newest
TICK_MINUTES: Final = 30
BODY: Final = 0.7  # width of a candle, of the room of a bar
STRIP: Final = 0.022  # height of the macro strip, of the chart's
HEAD: Final = 0.08  # room above and below all bars, of their height: there a mark is whole on a phone too
MACRO: Final = {"bullish": GAIN, "bearish": LOSS}
MINUTE: Final = timedelta(minutes=1)
CLOUDS: Final = (("ema5", "ema12", 0.38), ("ema34", "ema50", 0.20))

Columns = dict[str, Any]


class Chart:
    """One ticker's candles; `show` sends the browser only what is new."""

    def __init__(self) -> None:
        self.bars = ColumnDataSource(_columns(0, ()))
        self.entries, self.exits = (ColumnDataSource({"x": [], "y": []}) for _ in range(2))
        self.ticks = FixedTicker(ticks=[])
        self.x_range, self.y_range = Range1d(start=0, end=1), DataRange1d(range_padding=2 * HEAD)
        self.figure = self._figure()
        self.view = pn.pane.Bokeh(self.figure, sizing_mode="stretch_both", min_height=220)
        self.shown = 120
        self._candles: tuple[Candle, ...] = ()
        self._executions: tuple[Execution, ...] = ()
        self._first = 0

    def _figure(self) -> figure:
        plot = figure(
            x_range=self.x_range,
            y_range=self.y_range,
            window_axis="x",
            tools="xpan,xwheel_zoom",
            active_drag="xpan",
            toolbar_location=None,
            y_axis_location="right",
            sizing_mode="stretch_both",
            min_height=220,
        )
        styled(plot)
        plot.xaxis.ticker = plot.xgrid.ticker = self.ticks
        plot.yaxis.formatter = NumeralTickFormatter(format="0,0.00")
        plot.extra_y_ranges = {"strip": Range1d(start=0, end=1)}
        self._draw(plot)
        return plot

    def _draw(self, plot: figure) -> None:
        for fast, slow, alpha in CLOUDS:
            for above, color in ((f"{fast}_over", GAIN), (f"{fast}_under", LOSS)):
                plot.varea("x", slow, above, source=self.bars, fill_color=color, fill_alpha=alpha)
        wicks = plot.segment("x", "low", "x", "high", source=self.bars, line_color="ink")
        # No vbars to be seen: of those, Bokeh draws what lies outside the window at its edge.
        plot.rect("x", "middle", BODY, "body", source=self.bars, fill_color="ink", line_color=None)
        plot.segment("left", "close", "right", "close", source=self.bars, line_color="ink")
        plot.rect(
            x="x",
            y=STRIP / 2,
            width=1.05,
            height=STRIP,
            source=self.bars,
            fill_color="macro",
            line_color=None,
            y_range_name="strip",
        )
        _marks(plot, self.entries, "▲", CALM, "top", 2)
        _marks(plot, self.exits, "▼", WARN, "bottom", -2)
        names = {"": "@when", "O": "@open{0.00}", "H": "@high{0.00}", "L": "@low{0.00}", "C": "@close{0.00}"}
        # Bokeh finds bars by their minute alone, wherever the pointer is above or below them; the others it does not.
        felt = plot.vbar("x", 1.0, "high", "low", source=self.bars, fill_alpha=0, line_color=None)
        plot.add_tools(HoverTool(renderers=[felt], tooltips=list(names.items()), mode="vline"))
        self.y_range.renderers = [wicks]

    def show(self, candles: tuple[Candle, ...], executions: tuple[Execution, ...]) -> None:
        """Brings the chart to these candles and the fills among them."""
        if candles is not self._candles:
            self._show_candles(candles)
        elif executions == self._executions:
            return
        self._executions = executions
        self._show_marks(candles, executions)

    def _show_candles(self, candles: tuple[Candle, ...]) -> None:
        added = _added(self._candles, candles)
        follows = self._follows()
        self._candles = candles
        if added is None:
            self._first = 0
            self.bars.data = _columns(0, candles)
        else:
            end = self._first + len(self.bars.data["x"])
            self.bars.stream(_columns(end, added), rollover=BARS_KEPT)
            self._first = end + len(added) - len(candles)
        self._tick(candles)
        if follows or added is None:
            self.follow()

    def _follows(self) -> bool:
        """Whether the chart stands at its right end, so that it should go on with it."""
        end = self._first + len(self._candles) - 1 + ROOM
        return abs(cast(float, self.x_range.end) - end) < 1.0

    def follow(self, shown: int | None = None) -> None:
        """Shows the newest bars, so many of them."""
        self.shown = shown or self.shown
        end = self._first + len(self._candles) - 1 + ROOM
        first = max(end - self.shown, self._first - 1)
        self.x_range.update(start=first, end=max(end, first + 30))

    def _tick(self, candles: Sequence[Candle]) -> None:
        """Labels at half hours, and the date where a day begins."""
        labels: dict[float | str, Any] = {}
        days = [candle.closed_at.astimezone(NEW_YORK) for candle in candles]
        for place, at in enumerate(days):
            new_day = place > 0 and days[place - 1].date() != at.date()
            if new_day or (at.hour * 60 + at.minute) % TICK_MINUTES == 0:
                labels[self._first + place] = f"{at:%-d %b}" if new_day else f"{at:%H:%M}"
        self.figure.xaxis.major_label_overrides = labels
        self.ticks.ticks = [float(place) for place in labels]

    def _show_marks(self, candles: tuple[Candle, ...], executions: Iterable[Execution]) -> None:
        places = {candle.closed_at: place for place, candle in enumerate(candles)}
        found: dict[str, Columns] = {side: {"x": [], "y": []} for side in ("buy", "sell")}
        told: dict[int, str] = {}
        for fill in executions:
            # A bar is named by its close, so a fill belongs to the next whole minute.
            place = places.get(fill.filled_at.replace(second=0, microsecond=0) + MINUTE)
            if place is None or fill.side not in found:
                continue
            candle, marks = candles[place], found[fill.side]
            marks["x"].append(self._first + place)
            marks["y"].append(candle.low if fill.side == "buy" else candle.high)
            words = f"{fill.side} {fill.quantity:,} {contract(fill.symbol, fill.filled_at)} at {number(fill.price)}"
            told[place] = f"{told.get(place, _when(candle))}, {words}"
        for source, side in ((self.entries, "buy"), (self.exits, "sell")):
            if source.data != found[side]:
                source.data = found[side]
        before = self.bars.data["when"]
        shift = len(before) - len(candles)
        news = [(place + shift, text) for place, text in told.items() if before[place + shift] != text]
        if news:
            self.bars.patch({"when": news})


def _marks(plot: figure, source: ColumnDataSource, mark: str, color: str, baseline: str, offset: int) -> None:
    """Marks so many pixels below their places."""
    plot.text(
        x="x",
        y="y",
        text={"value": mark},
        source=source,
        text_color=color,
        text_outline_color=BACK,
        text_align="center",
        text_baseline=baseline,
        text_font_size="17px",
        y_offset=offset,
    )


def styled(plot: figure) -> None:
    """The palette of the page on a plain figure."""
    plot.background_fill_color = plot.border_fill_color = BACK
    plot.outline_line_color = None
    plot.min_border_left, plot.min_border_top, plot.min_border_bottom, plot.min_border_right = 8, 6, 22, 8
    plot.grid.grid_line_color = EDGE
    plot.grid.grid_line_alpha = 0.6
    for axis in plot.axis:
        axis.axis_line_color = EDGE
        axis.major_tick_line_color = axis.minor_tick_line_color = None
        axis.major_label_text_color = QUIET
        axis.major_label_text_font_size = "11px"


def _added(old: tuple[Candle, ...], new: tuple[Candle, ...]) -> tuple[Candle, ...] | None:
    """What was added behind the old candles, None if the new ones do not go on from there."""
    if not old or not new or old[-1] not in new[-len(old) :]:
        return None
    place = new.index(old[-1])
    overlap = old[len(old) - place - 1 :]
    return new[place + 1 :] if new[: place + 1] == overlap else None


def _when(candle: Candle) -> str:
    return f"{candle.closed_at.astimezone(NEW_YORK):%-d %b %H:%M}"


def _columns(first: int, candles: Sequence[Candle]) -> Columns:
    """Candles as columns of the source, numbered from `first`: no holes where the market was closed."""
    places = range(first, first + len(candles))
    found: Columns = {
        "x": list(places),
        "left": [place - BODY / 2 for place in places],
        "right": [place + BODY / 2 for place in places],
        "when": [_when(candle) for candle in candles],
        "ink": [TEXT if candle.close >= candle.open else FAINT for candle in candles],
        "macro": [MACRO.get(candle.macro, EDGE) for candle in candles],
        "middle": [(candle.open + candle.close) / 2 for candle in candles],
        "body": [abs(candle.open - candle.close) for candle in candles],
    }
    found |= {name: [getattr(candle, name) for candle in candles] for name in ("open", "high", "low", "close")}
    for fast, slow, _ in CLOUDS:
        pairs = [_cloud(candle, fast, slow) for candle in candles]
        found[slow] = [below for _, below in pairs]
        found[f"{fast}_over"] = [max(above, below) for above, below in pairs]
        found[f"{fast}_under"] = [min(above, below) for above, below in pairs]
    return found


def _cloud(candle: Candle, fast: str, slow: str) -> tuple[float, float]:
    """Both averages; a cloud without one of them has no height."""
    above, below = getattr(candle, fast), getattr(candle, slow)
    return (candle.close, candle.close) if above is None or below is None else (above, below)
