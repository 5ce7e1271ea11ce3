"""Batch oracle of the engine's own entry signals, written from the specification alone.

Units: prices in USD, volumes in shares, times tz-aware UTC, conviction and its parts in points (0-100).
Signs stand for colours and directions inside the module: +1 bullish/long, -1 bearish/short, 0 neutral, NaN none.
"""

from __future__ import annotations

import statistics
from typing import Literal

import exchange_calendars
import numpy as np
import pandas as pd

FAST = (5, 12)
CONFIRMING = ((8, 9), (34, 50), (72, 89))
MACRO = (34, 50)
MACRO_MINUTES = 10
CONFIRMING_MINUTES = 5
ATR_PERIOD = 14
SLOPE_BARS = 3
VOLUME_BARS = 20
VOLUME_BARS_MIN = 5
MINUTE = pd.Timedelta(minutes=1)
COLOURS = {1.0: "bullish", -1.0: "bearish"}
DIRECTIONS = {1.0: "long", -1.0: "short"}
PARTS = ("macro_part", "agreement_part", "volume_part", "distance_part", "slope_part", "body_part")
COLUMNS = ("bar_close", "direction", "volume_ratio", "macro", "macro_colour", "conviction", *PARTS)

Source = Literal["hl2", "close"]


def _smooth(values: np.ndarray, period: int, weight: float) -> np.ndarray:
    """Recursive average of `values` (same unit): the mean of the first `period`, then `e += weight * (x - e)`."""
    out = np.full(len(values), np.nan)
    if len(values) < period:
        return out
    # The exactly rounded mean keeps all averages of a flat series equal: a float sum would give it a colour.
    out[period - 1] = level = float(statistics.mean(values[:period].tolist()))
    for i, value in enumerate(values[period:].tolist(), start=period):
        level += weight * (value - level)
        out[i] = level
    return out


def ema(values: np.ndarray, period: int) -> np.ndarray:
    """EMA over `period` bars in the unit of `values`; NaN before the seed, which is the SMA of the first `period`."""
    return _smooth(values, period, 2.0 / (period + 1))


def regular_bars(df: pd.DataFrame) -> pd.DataFrame:
    """Bars that start in [open, close) of their XNYS session, by time.

    Adds `session` (date), `session_open` and `session_close` (UTC).
    """
    # Reading: of two rows for one minute the first counts ("a corrected bar changes nothing already decided").
    bars = df.sort_values("start", kind="stable").drop_duplicates("start", keep="first")
    days = bars["start"].dt.tz_convert("America/New_York").dt.tz_localize(None).dt.normalize()
    # A week on both sides, as a calendar without any session between its bounds is refused.
    week = pd.Timedelta(days=7)
    calendar = exchange_calendars.get_calendar("XNYS", start=days.min() - week, end=days.max() + week)
    hours = calendar.schedule[["open", "close"]].reindex(pd.DatetimeIndex(days))
    bars = bars.assign(
        session=days.dt.date,
        session_open=pd.DatetimeIndex(hours["open"]),
        session_close=pd.DatetimeIndex(hours["close"]),
    )
    inside = (bars["start"] >= bars["session_open"]) & (bars["start"] < bars["session_close"])
    return bars[inside].reset_index(drop=True)


def _buckets(bars: pd.DataFrame, minutes: int) -> pd.DataFrame:
    """Closed bars of `minutes`, by the clock from the session's open.

    `end` is the scheduled close, `last` the row in `bars` of the last minute inside, and `known` the instant up to
    which buckets have closed when this one does: `end`, or the start of the next minute bar if that closes it late.
    """
    number = (bars["start"] - bars["session_open"]) // pd.Timedelta(minutes=minutes)
    frame = bars.assign(
        end=bars["session_open"] + (number + 1) * pd.Timedelta(minutes=minutes),
        last=np.arange(len(bars)),
    )
    rules = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    rules |= dict.fromkeys(("session", "session_close", "last", "start"), "last")
    out = frame.groupby("end", sort=True).agg(rules).reset_index()
    following = bars["start"].reindex(out["last"] + 1).set_axis(out.index)
    out["known"] = out["end"].where(out["start"] + MINUTE == out["end"], following)
    # Reading: a bucket in which the frame stops without its ending minute is still forming and never closes,
    # unless it is the session's last one, which the session's close closes.
    at_close = out["known"].isna() & (out["end"] == out["session_close"])
    out["known"] = out["known"].where(~at_close, out["end"])
    # Reading: a bucket closed late is a bar like any other and can be a signal, however late; its close time is the
    # scheduled one. Lateness is a property of a bar's arrival, which a frame of bars does not hold.
    return out[out["known"].notna()].reset_index(drop=True)


def _cloud(bars: pd.DataFrame, periods: tuple[int, int], source: Source, warmup_multiple: int) -> pd.DataFrame:
    """`short` and `long` EMA (USD), `colour` (sign, NaN before the first) and `ready` after each of `bars`."""
    values = bars["close"] if source == "close" else (bars["high"] + bars["low"]) / 2.0
    short, long = (ema(values.to_numpy(dtype=float), period) for period in periods)
    # Reading: a cloud has a colour from the seed of its longer EMA on; readiness only gates the use of it. So the
    # first ready bar can be a flip against the colour of the unready bar before it.
    colour = pd.Series(np.sign(short - long)).replace(0.0, np.nan).ffill()
    ready = (np.arange(1, len(bars) + 1) >= warmup_multiple * max(periods)) & ~np.isnan(short + long)
    return pd.DataFrame({"short": short, "long": long, "colour": colour, "ready": ready})


def _at(frame: pd.DataFrame, rows: np.ndarray) -> pd.DataFrame:
    """The given rows of `frame`, renumbered; row -1 gives NaN values and is not ready."""
    out = frame.reindex(rows).reset_index(drop=True)
    return out.assign(ready=out["ready"].eq(True)) if "ready" in out else out


def _session_order(bars: pd.DataFrame) -> np.ndarray:
    """Number of each bar within its session: 0 is the first one seen."""
    return np.asarray(bars.groupby("session").cumcount())


def _volume_sums(bars: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Sum (shares) and number of the up to 20 bars before each bar in its session, without the session's first."""
    # Reading: on 5-minute entries the session's first bar is its first 5-minute bar.
    lags = np.arange(1, VOLUME_BARS + 1)
    rows = np.arange(len(bars))[:, None] - lags
    used = _session_order(bars)[:, None] - lags >= 1
    volumes = bars["volume"].to_numpy(dtype=float)[np.maximum(rows, 0)]
    return np.where(used, volumes, 0.0).sum(axis=1), used.sum(axis=1)


def _atr(bars: pd.DataFrame) -> np.ndarray:
    """Wilder's ATR14 (USD) after each minute bar, carried across sessions; NaN before 14 bars."""
    before = bars["close"].shift(1).where(_session_order(bars) > 0)
    ranges = [bars["high"] - bars["low"], (bars["high"] - before).abs(), (bars["low"] - before).abs()]
    # The row maximum skips NaN: a session's first bar is left with high - low.
    true_range = pd.concat(ranges, axis=1).max(axis=1)
    return _smooth(true_range.to_numpy(dtype=float), ATR_PERIOD, 1.0 / ATR_PERIOD)


def _entries(bars: pd.DataFrame, minutes: int, source: Source, ratio_min: float, warmup_multiple: int) -> pd.DataFrame:
    """Bars of `minutes` whose ready fast cloud flips on enough volume, with `sign` and `volume_ratio` (a multiple)."""
    entry = _buckets(bars, minutes)
    # Reading: on 5-minute entries the fast cloud, its flip and its readiness are those of the 5-minute 5/12.
    fast = _cloud(entry, FAST, source, warmup_multiple)
    colour = fast["colour"]
    flip = colour.ne(colour.shift(1)) & colour.shift(1).notna() & fast["ready"]
    sums, counts = _volume_sums(entry)
    volume = entry["volume"].to_numpy(dtype=float)
    # Reading: a mean of 0 is exceeded by any volume; the ratio is then infinite.
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = volume * counts / sums
    # Multiplied out, whole volumes compare exactly: a quotient could round a tie to either side.
    enough = (counts >= VOLUME_BARS_MIN) & (volume * counts > ratio_min * sums)
    return entry.assign(sign=colour, volume_ratio=ratio)[flip & enough].reset_index(drop=True)


def _closed_by(entry: pd.DataFrame, buckets: pd.DataFrame) -> np.ndarray:
    """For each entry the row of the last bucket closed when the entry is judged, -1 for none."""
    # Reading: what a minute bar closes late, it closes together: a 10-minute bucket that the same next bar closes
    # counts for the 5-minute signal, even if it was to end after that 5-minute bar.
    return np.asarray(buckets["end"].searchsorted(entry["known"], side="right")) - 1


def _macro(entry: pd.DataFrame, bars: pd.DataFrame, source: Source, warmup_multiple: int) -> pd.DataFrame:
    """`bias` (sign, 0 neutral), `colour` (sign or NaN) and `ready` of the macro cloud for each entry."""
    buckets = _buckets(bars, MACRO_MINUTES)
    cloud = _cloud(buckets, MACRO, source, warmup_multiple)
    above = buckets["close"] > cloud[["short", "long"]].max(axis=1)
    below = buckets["close"] < cloud[["short", "long"]].min(axis=1)
    confirmed = ((cloud["colour"] == 1.0) & above) | ((cloud["colour"] == -1.0) & below)
    # Reading: an unready macro cloud has no colour, a neutral bias and no points.
    colour = cloud["colour"].where(cloud["ready"])
    frame = pd.DataFrame({"bias": colour.where(confirmed, 0.0), "colour": colour, "ready": cloud["ready"]})
    out = _at(frame, _closed_by(entry, buckets))
    return out.assign(bias=out["bias"].fillna(0.0))


def _agreement(entry: pd.DataFrame, bars: pd.DataFrame, source: Source, warmup_multiple: int) -> pd.Series:
    """Points (0-20) for the ready clouds 8/9, 34/50, 72/89 and 5-minute 5/12 of each entry's colour."""
    minute_rows = entry["last"].to_numpy()
    clouds = [_at(_cloud(bars, periods, source, warmup_multiple), minute_rows) for periods in CONFIRMING]
    buckets = _buckets(bars, CONFIRMING_MINUTES)
    clouds.append(_at(_cloud(buckets, FAST, source, warmup_multiple), _closed_by(entry, buckets)))
    agreeing = sum((cloud["ready"] & (cloud["colour"] == entry["sign"])).astype(float) for cloud in clouds)
    return 20.0 * agreeing / len(clouds)


def _minute_parts(entry: pd.DataFrame, bars: pd.DataFrame, source: Source, warmup_multiple: int) -> pd.DataFrame:
    """Points for distance (0-10), slope (0-10) and body (0-15) after the last minute bar inside each entry."""
    slow = _cloud(bars, FAST, source, warmup_multiple)["long"]
    # Reading: the EMA runs across sessions, so "over 3 bars" does too.
    state = bars[["open", "high", "low", "close"]].assign(
        slow=slow, change=slow - slow.shift(SLOPE_BARS), atr=_atr(bars)
    )
    state = _at(state, entry["last"].to_numpy())
    atr = state["atr"].where(state["atr"] > 0.0)
    height = (state["high"] - state["low"]).where(lambda x: x > 0.0)
    body = (state["close"] - state["open"]) * entry["sign"]
    points = {
        "distance_part": 10.0 * ((state["close"] - state["slow"]) * entry["sign"] / atr).clip(0.0, 1.0),
        "slope_part": 10.0 * (state["change"] * entry["sign"] / atr).clip(0.0, 1.0),
        "body_part": 15.0 * (body / height).clip(lower=0.0),
    }
    return pd.DataFrame(points).fillna(0.0)


def _words(signs: pd.Series, words: dict[float, str], other: str | None) -> pd.Series:
    """Signs as words, `other` for those without one; of dtype object, so that None stays None."""
    return pd.Series([words.get(sign, other) for sign in signs], index=signs.index, dtype=object)


def signals(
    df: pd.DataFrame,
    *,
    entry_timeframe: int = 1,
    source: Source = "hl2",
    volume_ratio_min: float = 1.5,
    warmup_multiple: int = 3,
    require_macro: bool = True,
    history_sessions: int = 0,
) -> pd.DataFrame:
    """Own entry signals of one ticker from its minute bars, one row each; `entry_timeframe` is in minutes."""
    # Reading: a frame holds no corporate actions, so nothing restarts a cloud.
    bars = regular_bars(df)
    entry = _entries(bars, entry_timeframe, source, volume_ratio_min, warmup_multiple)
    macro = _macro(entry, bars, source, warmup_multiple)
    allowed = ~entry["session"].isin(bars["session"].unique()[:history_sessions])
    if require_macro:
        allowed &= macro["ready"]
    out = entry.rename(columns={"end": "bar_close"}).join(_minute_parts(entry, bars, source, warmup_multiple))
    out["direction"] = _words(entry["sign"], DIRECTIONS, None)
    out["macro"] = _words(macro["bias"], COLOURS, "neutral")
    out["macro_colour"] = _words(macro["colour"], COLOURS, None)
    out["macro_part"] = 12.5 * (macro["colour"] == entry["sign"]) + 12.5 * (macro["bias"] == entry["sign"])
    out["agreement_part"] = _agreement(entry, bars, source, warmup_multiple)
    # Reading: 1.5 and 3 are the scale's own numbers and do not move with volume_ratio_min: else the lower clip
    # would be without effect.
    out["volume_part"] = (10.0 + 10.0 * (entry["volume_ratio"] - 1.5) / 1.5).clip(10.0, 20.0)
    out["conviction"] = out[list(PARTS)].sum(axis=1)
    return out.loc[allowed, list(COLUMNS)].reset_index(drop=True)
