"""Draws ended scalps by a seed for `python -m benchmarks.million`: two years of them, plausible, all SIMULATED.

Two thirds are options, the rest funds. Every number is drawn or round, and none says anything about a real instrument.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from functools import cache
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Table

from flows.market.world import TICKERS as WORLD
from flows.records.tables import etf_scalps, options_scalps, signals
from operators import sessions
from operators.sessions import MINUTE_NS

BEFORE, SESSIONS, MINUTES = date(2024, 1, 1), 500, 384  # whole sessions; the last entry is 6 minutes before the close
TICKERS = {"SPY": 0.24, "QQQ": 0.22, "NVDA": 0.16, "TSLA": 0.13, "AAPL": 0.08, "MSFT": 0.06, "META": 0.06, "AMZN": 0.05}
FUNDS = {"SPY": ("SPXL", "SPXS")} | dict.fromkeys([name for name in TICKERS if name != "SPY"], ("TQQQ", "SQQQ"))
REASONS = {  # share of the exits, and their usual P&L as a fraction of an option's cost
    "stop_loss": (0.3395, -0.25),
    "profit_target": (0.30, 0.35),
    "cloud_flip": (0.16, -0.02),
    "time_cutoff": (0.10, 0.03),
    "session_end": (0.05, 0.01),
    "exhaustion": (0.035, 0.15),
    "stale_quote": (0.006, -0.05),
    "expired": (0.005, -1.0),
    "event": (0.003, 0.0),
    "operator": (0.0012, 0.05),
    "risk": (0.0002, -0.3),
    "broker": (0.0001, -0.1),
}
HALVES = ("filled", "single", "no_test", "losing", "exit_due")
PARTS = {"macro": 0.3, "agreement": 0.2, "volume": 0.15, "distance": 0.15, "slope": 0.1, "body": 0.1}
CENT, OPTION_FEE, MULTIPLIER = 10_000, 650_000, 100
MINUTE_US = MINUTE_NS // 1_000

Array = NDArray[Any]
Columns = dict[str, Iterable[Any]]


def drawn(seed: int, numbers: range, rows: int) -> Iterator[tuple[Table, Columns]]:
    """Columns but for the book, by table, of these scalps out of so many; a column may go on beyond the rows.

    Times and days are text as SQLite holds it and as PostgreSQL reads it in a session whose zone is UTC; money is
    micro-dollars.
    """
    found = _drawn(seed, np.array(numbers), rows)
    ids = [hashlib.sha256(f"{seed}|{number}".encode()).hexdigest()[:20] for number in numbers]
    found |= {"signal_id": np.array(ids), "tape_seq": np.array(numbers)}
    yield signals, _signals(found)
    for table, columns, chosen in (
        (options_scalps, _options, found["option"]),
        (etf_scalps, _funds, ~found["option"]),
    ):
        yield table, columns({name: values[chosen] for name, values in found.items()})


def last_close() -> datetime:
    """When the last session of the scalps ends."""
    return sessions.utc(_days()[-1].close_ns)


@cache
def _days() -> list[sessions.Session]:
    """Whole sessions, one after the other."""
    found: list[sessions.Session] = []
    day = BEFORE
    while len(found) < SESSIONS:
        session = sessions.next_session(day)
        found += [] if session.early else [session]
        day = session.day
    return found


def _drawn(seed: int, number: Array, rows: int) -> dict[str, Array]:
    """What the tables of these scalps are made from; times are microseconds of UTC, money is micro-dollars."""
    rng = np.random.default_rng([seed, int(number[0])])
    minute = number * (SESSIONS * MINUTES) // rows
    opens = np.array([day.open_ns // 1_000 for day in _days()])[minute // MINUTES]
    shares = np.array([share for share, _ in REASONS.values()])
    reason = rng.choice(len(REASONS), number.size, p=shares / shares.sum())
    option = rng.random(number.size) < 2 / 3
    expired, session_end = (list(REASONS).index(name) for name in ("expired", "session_end"))
    reason = np.where(~option & (reason == expired), session_end, reason)
    bar_close = opens + (minute % MINUTES + 1) * MINUTE_US
    entry = bar_close + rng.integers(200_000, 5_000_000, number.size)
    close = opens + 390 * MINUTE_US
    held = (10_000_000 + rng.exponential(6 * MINUTE_US, number.size)).astype(np.int64)
    exit_ = np.where(reason == expired, close, np.minimum(entry + held, close - 1_000_000))
    usual = np.array([pnl for _, pnl in REASONS.values()])[reason]
    moved = np.maximum(usual + np.where(reason == expired, 0.0, rng.normal(0.0, 0.1, number.size)), -1.0)
    return {
        "option": option,
        "expired": reason == expired,
        "day": minute // MINUTES,
        "ticker": rng.choice(len(TICKERS), number.size, p=list(TICKERS.values())),
        "side": rng.integers(0, 2, number.size),  # 0 is long
        "reason": reason,
        "bar_close": bar_close,
        "entry_time": entry,
        "exit_time": exit_,
        "moved": moved,
        "units": rng.integers(1, 40, number.size),
        "price": np.exp(rng.normal(0.4, 0.6, number.size)),
        "conviction": np.round(rng.uniform(60.0, 98.0, number.size), 1),
        "half": rng.integers(0, len(HALVES), number.size),
        "delta": np.round(rng.uniform(0.35, 0.55, number.size), 3),
    }


def _signals(drawn: dict[str, Array]) -> Columns:
    bar_close, conviction = _times(drawn["bar_close"]), drawn["conviction"]
    return {
        "signal_id": drawn["signal_id"].tolist(),
        "ticker": _named(list(TICKERS), drawn["ticker"]),
        "bar_close": bar_close,
        "direction": _named(("long", "short"), drawn["side"]),
        "timeframe_minutes": repeat(1),
        "source": repeat("own"),
        "conviction": conviction.tolist(),
        **{f"part_{name}": (share * conviction).tolist() for name, share in PARTS.items()},
        "volume_ratio": repeat(1.75),
        "macro": _named(("bullish", "bearish"), drawn["side"]),
        "decided_at": bar_close,
        "decision": repeat("entered"),
        "leg": _named(("fund", "option"), drawn["option"].astype(int)),
        "tape_seq": drawn["tape_seq"].tolist(),
    }


def _shared(drawn: dict[str, Array], paid: Array, got: Array, size: Array, fees: Array) -> Columns:
    """The columns that both kinds of scalp have; `size` is in shares."""
    gross = (got - paid) * size
    return {
        "signal_id": drawn["signal_id"].tolist(),
        "status": _named(("closed", "expired"), drawn["expired"].astype(int)),
        "exit_reason": _named(list(REASONS), drawn["reason"]),
        "gross_pnl": gross.tolist(),
        "fees": fees.tolist(),
        "pnl": (gross - fees).tolist(),
        "pnl_pct": ((gross - fees) / (paid * size)).tolist(),
        "second_half": _named(HALVES, drawn["half"]),
        "broker": repeat("paper"),
        "order_id": [f"{name}-1" for name in drawn["signal_id"].tolist()],
        "entry_time": _times(drawn["entry_time"]),
        "exit_time": _times(drawn["exit_time"]),
        "metadata_json": repeat("{}"),
        "tape_seq": drawn["tape_seq"].tolist(),
    }


def _options(drawn: dict[str, Array]) -> Columns:
    paid = np.maximum((drawn["price"] * 100).astype(np.int64), 5) * CENT
    got = np.round(paid * (1 + drawn["moved"]) / CENT).astype(np.int64) * CENT
    units = drawn["units"]
    tickers, calls = _named(list(TICKERS), drawn["ticker"]), (drawn["side"] == 0).tolist()
    strikes = np.round([WORLD[name].price for name in TICKERS])[drawn["ticker"]] + drawn["units"] % 7 - 3
    expiries = _dates(drawn["bar_close"])
    named = zip(tickers, expiries, calls, (strikes * 1_000).astype(int).tolist(), strict=True)
    return _shared(drawn, paid, got, units * MULTIPLIER, 2 * OPTION_FEE * units) | {
        "ticker": tickers,
        "option_symbol": [f"{root:6}{day[2:].replace('-', '')}{'PC'[call]}{k:08d}" for root, day, call, k in named],
        "option_type": ["call" if call else "put" for call in calls],
        "strike": (strikes * 1_000_000).astype(int).tolist(),
        "expiry": expiries,
        "dte": repeat(0),
        "direction": _named(("long_call", "long_put"), drawn["side"]),
        "contracts": units.tolist(),
        "entry_premium": paid.tolist(),
        "exit_premium": [None if gone else micros for gone, micros in zip(drawn["expired"], got.tolist(), strict=True)],
        "entry_delta": drawn["delta"].tolist(),
        "entry_theta": repeat(-0.9),
        "entry_iv": repeat(0.2),
    }


def _funds(drawn: dict[str, Array]) -> Columns:
    paid = ((20 + drawn["price"] * 20) * 100).astype(np.int64) * CENT
    got = np.round(paid * (1 + drawn["moved"] / 20) / CENT).astype(np.int64) * CENT
    units = drawn["units"] * 10
    tickers = _named(list(TICKERS), drawn["ticker"])
    return _shared(drawn, paid, got, units, np.zeros_like(units)) | {
        "ticker": [FUNDS[name][side] for name, side in zip(tickers, drawn["side"].tolist(), strict=True)],
        "original_ticker": tickers,
        "leverage": np.array([3.0, -3.0])[drawn["side"]].tolist(),
        "direction": _named(("long", "short"), drawn["side"]),
        "shares": units.tolist(),
        "entry_price": paid.tolist(),
        "exit_price": got.tolist(),
        "stop_loss": (paid * 49 // 50).tolist(),
        "target_price": (paid * 51 // 50).tolist(),
    }


def _named(names: Sequence[str], places: Array) -> list[str]:
    found: list[str] = np.array(names)[places].tolist()
    return found


def _times(micros: Array) -> list[str]:
    return [moment.isoformat(" ", "microseconds") for moment in micros.astype("datetime64[us]").tolist()]


def _dates(micros: Array) -> list[str]:
    """The day in UTC, which is New York's while it trades."""
    found: list[str] = micros.astype("datetime64[us]").astype("datetime64[D]").astype(str).tolist()
    return found
