"""The day's P&L minute by minute: drawn once by HoloViews, after that only its data changes."""

from datetime import datetime
from functools import cache
from typing import Any, Final, cast

import holoviews as hv
import panel as pn
from bokeh.core.serialization import Serialized
from bokeh.document import Document
from bokeh.io.doc import patch_curdoc
from bokeh.models import ColumnDataSource, DataRange1d, NumeralTickFormatter, Plot
from bokeh.models.renderers import GlyphRenderer
from holoviews.plotting import bokeh as _backend  # noqa: F401 - importing it registers the backend

from dashboard.chart import styled
from dashboard.look import GAIN, LOSS, QUIET, TEXT
from flows.records.now_parts import Mark
from operators.sessions import NEW_YORK, OPEN, REGULAR_CLOSE

TICKS: Final = [(60 * hour, f"{hour}:00") for hour in range(10, 17)]
FIRST, LAST = 60 * OPEN.hour + OPEN.minute, 60 * REGULAR_CLOSE.hour
PARTS: Final = ("over", "under", "curve")
NONE: Final = [(FIRST, 0.0)]

Points = list[tuple[float, float]]


class DayCurve:
    """The P&L of one session over its minutes, gains above and losses below the line of nothing."""

    def __init__(self) -> None:
        self._marks: tuple[Mark, ...] = ()
        document = Document.from_json(_drawn())
        plot = cast(Plot, document.roots[0])
        document.remove_root(plot)
        self.view = pn.pane.Bokeh(plot, sizing_mode="stretch_both", min_height=130)
        drawn = (part for part in plot.renderers if isinstance(part, GlyphRenderer))
        self.sources = {part.name: cast(ColumnDataSource, part.data_source) for part in drawn}

    def show(self, marks: tuple[Mark, ...]) -> None:
        """Brings the curve to these marks."""
        if marks is self._marks:
            return
        self._marks = marks
        points = [(_minute(mark.marked_at), float(mark.day_pnl)) for mark in marks] or NONE
        self.sources["curve"].data = {"minute": [x for x, _ in points], "pnl": [y for _, y in points]}
        self.sources["over"].data = _filled([(x, max(y, 0.0)) for x, y in points])
        self.sources["under"].data = _filled([(x, min(y, 0.0)) for x, y in points])


@cache
def _drawn() -> Serialized[Any]:
    """The empty plot as HoloViews draws it, once a process: each page gets models of its own from this.

    Drawn in a document of its own, because HoloViews ties what it draws to the session that it finds.
    """
    document = Document()
    with patch_curdoc(document):
        plot = hv.render(_elements(), backend="bokeh")
    styled(plot)
    plot.y_range = DataRange1d(range_padding=0.12, min_interval=20)
    plot.yaxis.formatter = NumeralTickFormatter(format="+0,0")
    plot.title.text, plot.title.text_color, plot.title.text_font_size = "Day P&L net, USD", QUIET, "11px"
    for part, renderer in zip(PARTS, plot.renderers, strict=False):
        renderer.name = part
    document.add_root(plot)
    return document.to_json()


def _elements() -> hv.Overlay:
    over = hv.Area(NONE, "minute", "over").opts(color=GAIN, alpha=0.25, line_alpha=0)
    under = hv.Area(NONE, "minute", "under").opts(color=LOSS, alpha=0.25, line_alpha=0)
    curve = hv.Curve(NONE, "minute", "pnl").opts(color=TEXT, line_width=1.4)
    zero = hv.HLine(0).opts(color=QUIET, line_width=1, line_dash="dashed")
    return (over * under * curve * zero).opts(
        default_tools=[],
        toolbar=None,
        responsive=True,
        min_height=130,
        xlabel="",
        ylabel="",
        xlim=(FIRST, LAST),
        xticks=TICKS,
        yaxis="right",
        show_grid=True,
    )


def _minute(moment: datetime) -> float:
    """Minutes since midnight in New York."""
    local = moment.astimezone(NEW_YORK)
    return local.hour * 60 + local.minute + local.second / 60


def _filled(points: Points) -> dict[str, list[float]]:
    """The outline of the area between points and nothing, as HoloViews draws an Area."""
    there, back = points, points[::-1]
    return {"x": [x for x, _ in (*there, *back)], "y": [*(y for _, y in there), *(0.0 for _ in back)]}
