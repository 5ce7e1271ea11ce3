"""Input of the fund-trade oracle: settings, sessions with FOMC windows, and minute bars with quotes and clouds.

Written from the specification alone. Prices in whole cents, instants in ns of UTC, +1 is long or bullish.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from dataclasses import dataclass, fields
from datetime import date, time
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import NamedTuple

import exchange_calendars
import numpy as np
import pandas as pd

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
NEW_YORK = "America/New_York"


@dataclass
class Settings:
    """Settings by the names of the rules: fractions, but percent for `etf_max_spread_pct`, USD for `limit_offset`."""

    etf_max_risk_per_scalp: Fraction = Fraction("0.03")
    etf_stop_loss_pct: Fraction = Fraction("0.02")
    etf_profit_target_pct: Fraction = Fraction("0.02")
    etf_leverage_budget_per_scalp: Fraction = Fraction("0.40")
    etf_max_position_fraction: Fraction = Fraction("0.33")
    etf_max_spread_pct: Fraction = Fraction("0.05")
    limit_offset: Fraction = Fraction("0.02")
    max_gross_leverage: Fraction = Fraction("2")
    max_order_notional: Fraction = Fraction("1")
    daily_loss_limit: Fraction = Fraction("0.10")
    etf_min_daily_volume: float = 10_000_000  # USD
    etf_max_concurrent_scalps: int = 5
    max_scalps_per_day: int = 20
    max_order_shares: int = 5_000
    fill_timeout_seconds: int = 15
    min_conviction_to_scalp: float = 50
    require_macro_alignment: bool = True
    etf_prefer_3x: bool = True
    no_average_up: bool = True
    scalp_start_time: str = "09:35"
    min_minutes_to_exit: int = 15
    cooldown_minutes: int = 10
    no_scalp_around_fomc: bool = True
    fomc_flatten: bool = True
    fomc: pd.DataFrame | None = None  # date, statement_time_et, kind as text; without it every date is unknown
    stale_exit_after: int = 30  # seconds
    quote_max_age: int = 2  # seconds
    paper_latency_ms: int = 200
    cloud_source: str = "hl2"
    cloud_warmup_multiple: int = 3

    def __post_init__(self) -> None:
        """Make the fractions exact, as they are written."""
        for item in fields(self):
            if item.type == "Fraction":
                setattr(self, item.name, Fraction(str(getattr(self, item.name))))


class Bar(NamedTuple):
    """A closed minute bar: start (ns), the quote it makes (cents; shares a side) and its signs on the fast cloud."""

    start: int
    bid: int
    ask: int
    size: int
    flip: int  # the new colour, if it changed
    outside: int  # the side on which the bar, in that side's colour, is wholly outside
    bounces: tuple[bool, bool]  # tests the cloud and closes beyond it (for long, for short)


class Day(NamedTuple):
    """A session: open and close - 5 min; [from, to) without entries and of the FOMC exit; all in ns."""

    date: date
    start: int
    end: int
    known: bool
    blocked: tuple[int, int]
    event: tuple[int, int]


def wall_ns(day: date, clock: str) -> int:
    """New York wall time HH:MM."""
    return int(pd.Timestamp.combine(day, time.fromisoformat(clock)).tz_localize(NEW_YORK).as_unit("ns").value)


def _day(day: date, hours: pd.DataFrame, fomc: pd.DataFrame | None) -> Day:
    """The session `day` of the calendar `hours` with its FOMC windows."""
    start, close = (int(hours.loc[str(day), name].as_unit("ns").value) for name in ("open", "close"))
    blocked = event = (0, 0)
    # Reading: a date is known if the table has any row of its year.
    known = fomc is not None and bool(fomc["date"].str.startswith(f"{day.year}-").any())
    rows = [] if fomc is None else fomc[(fomc["date"] == str(day)) & (fomc["kind"] != "cancelled")].to_dict("records")
    for row in rows:
        at = wall_ns(day, row["statement_time_et"])
        blocked, event = (at - 30 * MINUTE, at + 30 * MINUTE), (at - 5 * MINUTE, at)
        if row["kind"] == "scheduled_presser":
            blocked = (wall_ns(day, "13:30"), wall_ns(day, "15:15"))
        # Reading: an unscheduled statement blocks the 30 minutes after it and flattens nothing.
        if row["kind"] == "unscheduled":
            blocked, event = (at, at + 30 * MINUTE), (0, 0)
    return Day(day, start, close - 5 * MINUTE, known, blocked, event)


def _quote(close: float, volume: float) -> tuple[int, int, int]:
    """Bid and ask (cents) and shares a side from a bar's close (USD) and volume (shares)."""
    cents = Decimal(repr(close)) * 100
    ask = int(cents.to_integral_value(ROUND_CEILING))
    # Reading: the basis point is rounded half up (150.00 gives 2 cents).
    gap = max(1, int((cents / 10_000).to_integral_value(ROUND_HALF_UP)))
    return ask - gap, ask, max(100, int(Decimal(repr(volume)) // 10))


def _ema(values: np.ndarray, n: int) -> np.ndarray:
    """EMA over n bars, seeded with the mean of the first n, in the unit of `values`."""
    out = np.full(len(values), np.nan)
    if len(values) >= n:
        out[n - 1] = level = statistics.mean(values[:n].tolist())
        for i in range(n, len(values)):
            out[i] = level = level + 2 / (n + 1) * (values[i] - level)
    return out


def _bars(
    frame: pd.DataFrame, hours: pd.DataFrame, settings: Settings
) -> tuple[list[tuple[date, Bar]], dict[date, float]]:
    """Regular-session bars by time with quote and cloud, and the USD traded in each session."""
    # Reading: of two rows for one minute the first counts.
    frame = frame.sort_values("start", kind="stable").drop_duplicates("start")
    days = frame["start"].dt.tz_convert(NEW_YORK).dt.tz_localize(None).dt.normalize()
    session = hours.reindex(pd.DatetimeIndex(days)).set_axis(frame.index)
    frame = frame.assign(day=days.dt.date)[(frame["start"] >= session["open"]) & (frame["start"] < session["close"])]
    first, high, low, last = (frame[name].to_numpy(float) for name in ("open", "high", "low", "close"))
    value = last if settings.cloud_source == "close" else (high + low) / 2
    short, long = _ema(value, 5), _ema(value, 12)
    upper, lower = np.maximum(short, long), np.minimum(short, long)
    ready = (np.arange(1, len(frame) + 1) >= settings.cloud_warmup_multiple * 12) & ~np.isnan(long)
    colour = pd.Series(np.sign(short - long)).replace(0.0, np.nan).ffill()
    # Reading: colour runs from the seed on, so the first ready bar can be a flip.
    flip = np.where(ready & (colour != colour.shift()) & colour.shift().notna(), colour, 0)
    # Reading: exhaustion's colour is the candle's (close against open), as in the rule's "same color".
    outside = ready * (((low > upper) & (last > first)) * 1 - ((high < lower) & (last < first)) * 1)
    up, down = ready & (low <= upper) & (last > upper), ready & (high >= lower) & (last < lower)
    starts = pd.DatetimeIndex(frame["start"]).as_unit("ns").asi8
    quotes = [_quote(float(close), float(volume)) for close, volume in zip(last, frame["volume"], strict=True)]
    rows = zip(frame["day"], starts, *zip(*quotes, strict=True), flip, outside, up, down, strict=True)
    bars = [
        (day, Bar(int(at), bid, ask, size, int(f), int(o), (bool(u), bool(d))))
        for day, at, bid, ask, size, f, o, u, d in rows
    ]
    return bars, (frame["close"] * frame["volume"]).groupby(frame["day"]).apply(math.fsum).to_dict()


@dataclass
class Recording:
    """Regular-session bars by their close (ns) and symbol, the session of each close, and USD traded by session."""

    minutes: dict[int, dict[str, Bar]]
    day_of: dict[int, Day]
    days: list[Day]
    dollars: dict[str, dict[date, float]]


def read(frames: dict[str, pd.DataFrame], settings: Settings) -> Recording:
    """The recording of `frames` (columns start (tz-aware), open, high, low, close (USD), volume (shares))."""
    starts = pd.concat([frame["start"] for frame in frames.values()]).dt.tz_convert(None).dt.normalize()
    # A week on both sides, as the calendar refuses bounds without any session between them.
    week = pd.Timedelta(days=7)
    hours = exchange_calendars.get_calendar("XNYS", start=starts.min() - week, end=starts.max() + week).schedule
    minutes: dict[int, dict[str, Bar]] = defaultdict(dict)
    dates, dollars = {}, {}
    for symbol, frame in frames.items():
        bars, dollars[symbol] = _bars(frame, hours, settings)
        for day, bar in bars:
            minutes[bar.start + MINUTE][symbol] = bar
            dates[bar.start + MINUTE] = day
    days = {day: _day(day, hours, settings.fomc) for day in sorted(set(dates.values()))}
    return Recording(minutes, {at: days[day] for at, day in dates.items()}, list(days.values()), dollars)
