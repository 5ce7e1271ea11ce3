"""Oracle of the option leg's strike choice and gate at one instant, written from the rules alone.

Prices in USD; fractions; IV per year of 525,600 minutes. Decimal where a rule compares quotes, float where a model
computes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from tests.oracle.options_input import NEW_YORK, Right, Row
from tests.oracle.options_model import MINUTE, Expiry, Settings, greeks, listed_expiries, mid, solved

__all__ = ["Candidate", "Decision", "Settings", "Verdict", "decide"]

INDEX_FUNDS = frozenset(["SPY", "SPX", "QQQ", "IWM", "SMH", "SOXX", "XLK", "XLF", "XBI", "GDX", "UNG", "USO", "VXX"])
RIGHTS: dict[str, Right] = {"long": "call", "short": "put"}
RANK_SESSIONS_MAX, RANK_SESSIONS_MIN = 252, 20
Number = Decimal | float | int


class Verdict(NamedTuple):
    """One rule's answer; `measured` and `limit` are None where it was not evaluated or measures nothing."""

    code: str
    passed: bool
    evaluated: bool
    measured: Number | None
    limit: Number | None


class Candidate(NamedTuple):
    """A ranked contract and the first filter that it failed, if any."""

    symbol: str
    score: float | None
    lost_by: str | None


@dataclass(frozen=True)
class Decision:
    """Verdicts of strike and gate, candidates in the order tried, the strike chosen and whether size is halved."""

    verdicts: list[Verdict]
    candidates: list[Candidate]
    chosen: str | None = None
    halved: bool = False


class Ranked(NamedTuple):
    """A contract with its four filter verdicts and its place in the ranking."""

    row: Row
    verdicts: list[Verdict]
    score: float | None
    order: tuple[bool, float, bool, float, Decimal, float, str]

    @property
    def lost_by(self) -> str | None:
        """The first failed filter."""
        return next((verdict.code for verdict in self.verdicts if not verdict.passed), None)


def exact(setting: float) -> Decimal:
    """A setting as it is written."""
    return Decimal(str(setting))


def _wanted(expiries: list[Expiry], ticker: str, right: Right, settings: Settings) -> list[Expiry]:
    """The expiries that a ticker may use, in the order in which they are tried, whatever the time."""
    listed = [expiry for expiry in expiries if any(row.contract.right == right for row in expiry.rows)]
    if ticker in INDEX_FUNDS:
        return [expiry for expiry in listed if expiry.dte <= 1]
    later = [expiry for expiry in listed if expiry.dte >= 1]
    return [expiry for expiry in listed if expiry.dte == 0 and settings.stock_zero_dte] + later[:2]


def _unknown(code: str, passed: bool = False) -> Verdict:
    """A rule that lacks an input."""
    return Verdict(code, passed, False, None, None)


def _filters(row: Row, delta: float | None, settings: Settings) -> list[Verdict]:
    """The four filters of a contract; `delta` is unsigned."""
    verdicts = [_unknown(code) for code in ("delta", "spread", "open_interest", "volume")]
    if delta is not None:
        low, high = settings.target_delta_min, settings.target_delta_max
        verdicts[0] = Verdict("delta", low <= delta <= high, True, delta, low if delta < low else high)
    middle, widest = mid(row), exact(settings.max_spread_pct)
    if middle is not None and row.ask is not None and row.bid is not None:
        spread = (row.ask - row.bid) / middle
        verdicts[1] = Verdict("spread", spread <= widest, True, spread, widest)
    counts = (row.open_interest, settings.min_open_interest), (row.volume, settings.min_volume)
    for place, (count, least) in enumerate(counts, start=2):
        if count is not None:
            verdicts[place] = Verdict(verdicts[place].code, count > least, True, count, least)
    return verdicts


def _score(row: Row, delta: float | None, spread: float | None, settings: Settings) -> float | None:
    """Points of a contract, None without delta or spread."""
    if delta is None or spread is None:
        return None
    centre = (settings.target_delta_min + settings.target_delta_max) / 2
    half_width = (settings.target_delta_max - settings.target_delta_min) / 2
    return (
        40 * (1 - abs(delta - centre) / half_width)
        + 30 * (1 - spread / settings.max_spread_pct)
        + 15 * min((row.volume or 0) / 5_000, 1)
        + 15 * min((row.open_interest or 0) / 10_000, 1)
    )


def _rank(row: Row, expiry: Expiry, settings: Settings) -> Ranked:
    """A contract of a solved expiry with its place."""
    model = greeks(expiry, row.contract, settings.planned_hold_minutes, settings.risk_free_rate)
    delta = abs(model.delta) if model else None
    verdicts = _filters(row, delta, settings)
    spread = verdicts[1].measured
    score = _score(row, delta, None if spread is None else float(spread), settings)
    off_band = math.inf
    if delta is not None:
        off_band = max(settings.target_delta_min - delta, delta - settings.target_delta_max, 0.0)
    order = (
        not all(verdict.passed for verdict in verdicts),
        off_band,
        spread is None,
        math.inf if score is None else -score,
        Decimal("Infinity") if spread is None else Decimal(spread),
        math.inf if expiry.forward is None else abs(float(row.contract.strike) - expiry.forward),
        row.contract.symbol,
    )
    return Ranked(row, verdicts, score, order)


def _iv_now(expiries: list[Expiry], spot: Decimal | None, settings: Settings) -> float | None:
    """The ticker's at-the-money IV per year, None if unknown."""
    # Reading: the nearest expiry may list either right; if none of its contracts has an IV no other is asked.
    nearest = next((expiry for expiry in expiries if expiry.dte >= 1), None)
    if nearest is None:
        return None
    expiry = solved(nearest, spot, settings.risk_free_rate)
    if expiry.forward is None or not expiry.iv:
        return None
    forward = expiry.forward
    return expiry.iv[min(expiry.iv, key=lambda contract: (abs(float(contract.strike) - forward), contract.strike))]


def _iv_rank(now: float | None, iv_history: Sequence[float], settings: Settings) -> Verdict:
    """The verdict on the rank or percentile of the IV `now`; `iv_history` is of past sessions, oldest first."""
    stored = list(iv_history)[-RANK_SESSIONS_MAX:]
    if now is None or len(stored) < RANK_SESSIONS_MIN or min(stored) == max(stored):
        return _unknown("iv_rank", settings.iv_rank_unknown != "refuse")
    rank = (now - min(stored)) / (max(stored) - min(stored))
    if settings.iv_rank_kind == "percentile":
        rank = sum(value < now for value in stored) / len(stored)
    return Verdict("iv_rank", rank <= settings.max_iv_rank, True, rank, settings.max_iv_rank)


def _gate(row: Row, expiry: Expiry, ex_dates: Sequence[date], settings: Settings) -> Iterator[Verdict]:
    """The gate on a chosen contract that does not expire today, IV rank aside; `ex_dates` are those after today."""
    model, middle = greeks(expiry, row.contract, settings.planned_hold_minutes, settings.risk_free_rate), mid(row)
    assert model is not None
    assert middle is not None
    lost = abs(model.theta) if settings.theta_basis == "day" else model.value - model.value_later
    burn = lost / float(middle)
    yield Verdict("theta", burn <= settings.max_theta_burn_pct, True, burn, settings.max_theta_burn_pct)
    yield Verdict("gamma", model.gamma <= settings.max_gamma, True, model.gamma, settings.max_gamma)
    if row.contract.right == "call" and ex_dates:
        yield Verdict("dividend", all(ex_date > expiry.date for ex_date in ex_dates), True, None, None)


def _tried(
    permitted: list[Expiry], spot: Decimal | None, right: Right, settings: Settings
) -> tuple[list[list[Ranked]], Expiry | None]:
    """The rankings of the expiries tried, and the one, solved, whose best contract passes all filters, if any."""
    tried = []
    for expiry in (solved(one, spot, settings.risk_free_rate) for one in permitted):
        ranked = [_rank(row, expiry, settings) for row in expiry.rows if row.contract.right == right]
        tried.append(sorted(ranked, key=lambda one: one.order))
        if tried[-1][0].lost_by is None:
            return tried, expiry
    return tried, None


def decide(
    rows: Sequence[Row],
    *,
    at: datetime,
    ticker: str,
    direction: str,
    spot: Decimal | None,
    settings: Settings,
    iv_history: Sequence[float] = (),
    ex_dates: Sequence[date] = (),
) -> Decision:
    """What strike and gate say for `direction` long|short; `spot` in USD; ValueError if `at` is on no session."""
    right, expiries = RIGHTS[direction], listed_expiries(rows, at, settings)
    wanted = _wanted(expiries, ticker, right, settings)
    if not wanted:
        return Decision([_unknown("no_chain")], [])
    minutes, least = {expiry.date: (expiry.cutoff - at) / MINUTE for expiry in wanted}, settings.min_minutes_to_exit
    longest = max(minutes.values())
    verdicts = [Verdict("too_late", longest >= least, True, longest, least)]
    permitted = [one for one in wanted if minutes[one.date] >= least]
    # Reading: too late for all of them, the first one listed is judged all the same, and nothing is chosen.
    tried, expiry = _tried(permitted or wanted[:1], spot, right, settings)
    candidates = [Candidate(one.row.contract.symbol, one.score, one.lost_by) for ranked in tried for one in ranked]
    if expiry is None or not permitted:
        return Decision(verdicts + tried[0][0].verdicts, candidates)
    best, gate = tried[-1][0], []
    if expiry.dte:
        rank = _iv_rank(_iv_now(expiries, spot, settings), iv_history, settings)
        ahead = [ex_date for ex_date in ex_dates if ex_date > at.astimezone(NEW_YORK).date()]
        gate = [rank, *_gate(best.row, expiry, ahead, settings)]
    halved = any(one.code == "iv_rank" and not one.evaluated for one in gate) and settings.iv_rank_unknown == "halve"
    return Decision(verdicts + best.verdicts + gate, candidates, best.row.contract.symbol, halved)
