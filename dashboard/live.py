"""The tab of what is open now: positions, a ticker's chart with its options, the day's P&L, the newest signals."""

from collections.abc import Callable
from typing import Any, Final

import panel as pn

from dashboard import positions, tickers
from dashboard.chart import Chart
from dashboard.look import NARROW, OWN_HEIGHT, TAB_CSS, clock, number
from dashboard.look import cell as cell_of
from dashboard.nodes import update
from dashboard.pnl import DayCurve
from dashboard.positions import outcome
from dashboard.rows import Column, Rows
from dashboard.store import Moment
from dashboard.tickers import Tickers
from dashboard.work import Work
from flows.records.now_parts import Decided, Snapshot

SIGNALS: Final = (
    Column("signal", "Newest signals", card="title"),
    Column("conviction", "Conviction", "right", card="value"),
    Column("outcome", "Decision", card="wide"),
)
BARS_SHOWN, BARS_SHOWN_NARROW = 150, 60
"""What a wide chart and a phone's can tell apart."""
BODY_CSS: Final = f"""
:host {{ flex: 1 1 auto; min-height: 420px; display: flex; gap: 0; }}
{NARROW} {{ :host {{ flex-direction: column; min-height: 0; {OWN_HEIGHT} }} }}
"""
CHART_CSS: Final = f":host {{ flex: 2 1 0; min-width: 0; }} {NARROW} {{ :host {{ {OWN_HEIGHT} }} }}"
SIDE_CSS: Final = f"""
:host {{ flex: 1 1 0; min-width: 0; border-left: 1px solid var(--edge); }}
{NARROW} {{ :host {{ {OWN_HEIGHT} border: 0; }} }}
"""
POSITIONS_CSS: Final = (
    f":host {{ flex: none !important; max-height: 340px; }} {NARROW} {{ :host {{ max-height: none; {OWN_HEIGHT} }} }}"
)
"""Ten of them on a wide screen, so that the chart stays in sight; more are scrolled to."""
SIGNALS_CSS: Final = (
    f":host {{ flex: 1 1 0; min-height: 150px; }} {NARROW} {{ :host {{ flex: none; max-height: 420px; }} }}"
)
PLOT_CSS: Final = f"""
:host {{ flex: 1 1 0 !important; filter: var(--plot-filter); opacity: var(--plot-opacity); }}
{NARROW} {{ :host {{ flex: none !important; height: 300px !important; }} }}
"""


class Live:
    """The tab and what it shows."""

    def __init__(self, work: Work, on_open: Callable[[str], None]) -> None:
        on_open = work.guarded(on_open)
        self.positions = Rows(
            positions.COLUMNS,
            on_open,
            label="Open scalps",
            sizing_mode="stretch_width",
            stylesheets=[POSITIONS_CSS],
        )
        self.signals = Rows(
            SIGNALS,
            on_open,
            label="Newest signals",
            empty="No signal yet.",
            sizing_mode="stretch_width",
            stylesheets=[SIGNALS_CSS],
        )
        self.tickers, self.chart, self.curve = Tickers(sizing_mode="stretch_width"), Chart(), DayCurve()
        self._snapshot: Snapshot | None = None
        picked = work.guarded(self._picked)
        self.tickers.param.watch(lambda _: picked(), "picked")
        plot, curve = (
            pn.Column(part.view, sizing_mode="stretch_both", stylesheets=[PLOT_CSS])
            for part in (self.chart, self.curve)
        )
        chart = pn.Column(self.tickers, plot, sizing_mode="stretch_both", stylesheets=[CHART_CSS])
        side = pn.Column(curve, self.signals, sizing_mode="stretch_both", stylesheets=[SIDE_CSS])
        self.body = pn.Row(chart, side, sizing_mode="stretch_both", stylesheets=[BODY_CSS])
        self.view = pn.Column(self.positions, self.body, sizing_mode="stretch_both", stylesheets=[TAB_CSS])

    def show(self, moment: Moment) -> None:
        """Brings the tab to a moment; the last snapshot stands while there is no newer one."""
        snapshot = moment.snapshot
        self.positions.fill(positions.rows(snapshot), empty=positions.empty(snapshot))
        update(self.body, visible=snapshot is not None)
        if snapshot is None or snapshot is self._snapshot:
            self._snapshot = snapshot
            return
        self._snapshot = snapshot
        self.signals.fill([_signal(decided) for decided in snapshot.decided])
        self._show_chart(snapshot)
        self.curve.show(snapshot.marks)

    def fit(self, *, narrow: bool) -> None:
        """Shows as many bars as the width of the screen can tell apart."""
        self.chart.follow(BARS_SHOWN_NARROW if narrow else BARS_SHOWN)

    def _picked(self) -> None:
        if self._snapshot is not None:
            self._show_chart(self._snapshot)

    def _show_chart(self, snapshot: Snapshot) -> None:
        picked = self.tickers.picked
        ticker = picked if picked in snapshot.candles else tickers.newest_ticker(snapshot)
        said = tickers.said(snapshot, ticker)
        update(self.tickers, tickers=sorted(snapshot.candles), active=ticker, said=said)
        executions = tuple(fill for fill in snapshot.executions if fill.ticker == ticker)
        self.chart.show(snapshot.candles.get(ticker, ()), executions)


def _signal(decided: Decided) -> dict[str, Any]:
    name = f"{decided.ticker} {decided.direction}"
    cells = {
        "signal": cell_of(name, sub=clock(decided.decided_at)),
        "conviction": cell_of(number(decided.conviction, 0)),
        "outcome": cell_of(outcome(decided), "" if decided.decision != "refused" else "quiet"),
    }
    return {"id": decided.signal_id, "label": f"Story of the signal {name} {clock(decided.decided_at)}", "cells": cells}
