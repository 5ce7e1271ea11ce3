"""The open scalps as rows, and what is said where there are none."""

from datetime import datetime
from typing import Any, Final

from dashboard.look import MISSING, TIMES, Cell, age, cell, clock, contract, gain, minute, number, percent, span
from dashboard.rows import Column
from flows.records.now_parts import Decided, Position, Snapshot
from operators import sessions
from operators.codes import REFUSAL_TEXT, Refusal
from operators.contracts import parse_occ

COLUMNS: Final = (
    Column("position", "Position", card="title"),
    Column("side", "Side"),
    Column("quantity", "Qty", "right"),
    Column("entry", "Entry", "right"),
    Column("quote", "Bid / Ask", "right"),
    Column("mark", "Mark", "right"),
    Column("pnl", "P&L $", "right", card="value"),
    Column("percent", "P&L %", "right"),
    Column("way", "Stop to target", kind="bar", card="wide"),
    Column("delta", "Delta", "right"),
    Column("theta", "Theta / day", "right"),
    Column("iv", "IV / leverage", "right"),
    Column("held", "Held", "right"),
    Column("nearest", "Nearest exit"),
    Column("age", "Quote", "right"),
)
EXITS: Final = {
    "operator": "asked for",
    "risk": "kill switch",
    "stop_loss": "stop",
    "stale_quote": "stale quote",
    "cloud_flip": "cloud flip",
    "profit_target": "target",
    "exhaustion": "exhaustion",
    "time_cutoff": "time cut-off",
    "event": "FOMC",
    "session_end": "session end",
    "broker": "broker",
    "expired": "expiry",
}


def rows(snapshot: Snapshot | None) -> list[dict[str, Any]]:
    """A row a position, oldest first."""
    if snapshot is None:
        return []
    return [_row(position, snapshot.tape_at) for position in snapshot.positions]


def _row(position: Position, now: datetime | None) -> dict[str, Any]:
    name = title(position, now)
    quote = f"{number(position.bid)} / {number(position.ask)}"
    cells = {
        "position": name,
        "side": cell(position.direction, "quiet"),
        "quantity": cell(f"{position.quantity:,}"),
        "entry": cell(number(position.entry_price)),
        "quote": cell(quote),
        "mark": cell(number(position.mark), "strong"),
        "pnl": gain(position.open_pnl),
        "percent": gain(position.open_pnl_fraction * 100, 1, " %"),
        "way": way(position),
        "delta": cell(number(position.delta)),
        "theta": cell(number(position.theta_per_day)),
        "iv": cell(_iv_or_leverage(position)),
        "held": cell(span(None if now is None else now - position.entered_at)),
        "nearest": nearest(position),
        "age": _quote_age(position, now),
    }
    return {"id": position.signal_id, "label": f"Story of {name['text']} {name['sub']}".strip(), "cells": cells}


def title(position: Position, now: datetime | None) -> Cell:
    """What is held, in words; a contract with its sessions to expiry, a fund with its leverage."""
    named = parse_occ(position.symbol.replace(" ", ""))
    if named is None:
        leverage = "" if position.leverage is None else f" {TIMES}{number(position.leverage, 0)}"
        return cell(f"{position.symbol}{leverage}", "strong", sub=f"for {position.ticker}")
    sub = ""
    if (
        now is not None
        and sessions.covers(sessions.ns(now))
        and sessions.covers(sessions.at(named.expiry, sessions.OPEN))
    ):
        sub = f"{sessions.dte(now.astimezone(sessions.NEW_YORK).date(), named.expiry)}DTE"
    return cell(contract(position.symbol, now), "strong", sub=sub)


def way(position: Position) -> Cell:
    """Entry and mark as shares of the way from stop to target; the words say the prices."""
    whole = position.target - position.stop
    prices = {"stop": position.stop, "entry": position.entry_price, "mark": position.mark, "target": position.target}
    words = ", ".join(f"{name} {number(price)}" for name, price in prices.items())
    if whole <= 0:
        return cell(words)
    entry, mark = (float((price - position.stop) / whole) for price in (position.entry_price, position.mark))
    tone = "" if mark == entry else "gain" if mark > entry else "loss"
    return cell(words, tone, entry=min(max(entry, 0.0), 1.0), mark=min(max(mark, 0.0), 1.0))


def nearest(position: Position) -> Cell:
    """The exit that is due, else the one that has come nearest with how much of the way is gone."""
    if position.exit_due is not None:
        return cell(f"EXIT DUE: {EXITS.get(position.exit_due, position.exit_due)}", "warn")
    if position.nearest is None:
        return cell(MISSING)
    at = "" if position.nearest_at is None else f"at {minute(position.nearest_at)}"
    return cell(f"{EXITS.get(position.nearest, position.nearest)} {percent(position.nearest_way, 0)}", sub=at)


def _iv_or_leverage(position: Position) -> str:
    if position.kind == "option":
        return percent(position.iv)
    return MISSING if position.leverage is None else f"{TIMES}{number(position.leverage, 0)}"


def _quote_age(position: Position, now: datetime | None) -> Cell:
    """How old the quote is; one that may not be judged on is stale."""
    seconds = None if now is None or position.quoted_at is None else (now - position.quoted_at).total_seconds()
    return cell(age(seconds)) if position.fresh else cell(age(seconds), "warn", sub="stale", subtone="warn")


def empty(snapshot: Snapshot | None) -> str:
    """What is said where no scalp is open: the newest signal, and why it was refused."""
    if snapshot is None:
        return ""
    if not snapshot.decided:
        return "No open scalps, and no signal yet."
    newest = snapshot.decided[0]
    return (
        f"No open scalps. Newest signal: {newest.ticker} {newest.direction} at {clock(newest.decided_at)}, "
        f"conviction {number(newest.conviction, 0)}: {outcome(newest)}."
    )


def outcome(decided: Decided) -> str:
    """What was decided, in words."""
    if decided.decision != "refused":
        return f"{decided.decision} by the {decided.leg} leg" if decided.leg else decided.decision
    code = decided.code or "for an unknown reason"
    return f"refused, {REFUSAL_TEXT[Refusal(code)] if code in set(Refusal) else code}"
