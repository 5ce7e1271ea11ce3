"""Setups become tickets: the signal's id and its conviction.

Conviction is a float from 0 to 100 whose parts are stored: macro 25, agreement of clouds 20, volume 20, distance from
the fast cloud 10, its slope 10, the trigger bar's body 15.
"""

from math import inf

from operators.events import Direction
from operators.intents import Conviction, Ticket, signal_id
from operators.moments import Setup, View

MACRO_POINTS, AGREEMENT_POINTS, BODY_POINTS = 25.0, 20.0, 15.0
ATR_POINTS = 10.0
VOLUME_POINTS, VOLUME_RATIOS = (10.0, 20.0), (1.5, 3.0)
HIGH_CONVICTION = 75.0


def ticket(setup: Setup) -> Ticket:
    """The ticket that starts a setup's way to the desk."""
    direction: Direction = "long" if setup.direction > 0 else "short"
    name = signal_id(setup.ticker, setup.bar_close_ns, direction, setup.timeframe_minutes, setup.source)
    if setup.conviction is not None:
        return Ticket(setup, name, Conviction(setup.conviction))
    return Ticket(setup, name, conviction(setup.view, setup.direction, setup.volume_ratio or inf))


def conviction(view: View, direction: int, volume_ratio: float) -> Conviction:
    """Points for an own signal; `direction` is +1 or -1, `volume_ratio` that of the trigger bar."""
    parts = (
        _macro(view, direction),
        AGREEMENT_POINTS * sum(colour == direction for colour in view.agreement) / len(view.agreement),
        _volume(volume_ratio),
        _distance(view, direction),
        _slope(view, direction),
        _body(view, direction),
    )
    return Conviction(sum(parts), *parts)


def _macro(view: View, direction: int) -> float:
    if view.bias == direction:
        return MACRO_POINTS
    return MACRO_POINTS / 2 if view.macro_colour == direction else 0.0


def _volume(ratio: float) -> float:
    (least, most), (low, high) = VOLUME_POINTS, VOLUME_RATIOS
    return min(max(least + (most - least) * (ratio - low) / (high - low), least), most)


def _distance(view: View, direction: int) -> float:
    """How far the close lies beyond the EMA 12, in true ranges."""
    if view.bar is None or view.ema12 is None:
        return 0.0
    return _in_true_ranges(view.atr, (view.bar.close - view.ema12) * direction)


def _slope(view: View, direction: int) -> float:
    """How far the EMA 12 moved over three bars, in true ranges."""
    if view.ema12 is None or view.ema12_before is None:
        return 0.0
    return _in_true_ranges(view.atr, (view.ema12 - view.ema12_before) * direction)


def _in_true_ranges(atr: float | None, dollars: float) -> float:
    if atr is None or atr <= 0.0:
        return 0.0
    return ATR_POINTS * min(max(dollars / atr, 0.0), 1.0)


def _body(view: View, direction: int) -> float:
    bar = view.bar
    if bar is None or bar.high <= bar.low or (bar.close - bar.open) * direction <= 0.0:
        return 0.0
    return BODY_POINTS * min(abs(bar.close - bar.open) / (bar.high - bar.low), 1.0)
