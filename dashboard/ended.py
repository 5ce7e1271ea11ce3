"""Ended scalps as rows."""

from datetime import timedelta
from typing import Any, Final

from dashboard.look import cell, contract, gain, moment_text, number, span
from dashboard.positions import EXITS
from dashboard.rows import Column
from flows.records.history import Row
from operators.sessions import NEW_YORK

COLUMNS: Final = (
    Column("what", "Scalp", card="title"),
    Column("when", "Exit, New York"),
    Column("signal", "Signal"),
    Column("quantity", "Qty", "right"),
    Column("entry", "Entry", "right"),
    Column("exit", "Exit price", "right"),
    Column("pnl", "P&L $", "right", card="value"),
    Column("percent", "P&L %", "right"),
    Column("fees", "Fees", "right"),
    Column("conviction", "Conviction", "right"),
    Column("held", "Held", "right"),
    Column("reason", "Left for"),
)


def row(scalp: Row) -> dict[str, Any]:
    """A row of an ended scalp."""
    kind = "option" if scalp.kind == "option" else "fund"
    what, left = contract(scalp.symbol), scalp.exit_time.astimezone(NEW_YORK)
    cells = {
        "what": cell(what, "strong", sub=kind),
        "when": cell(f"{left:%-d %b %Y %H:%M:%S}"),
        "signal": cell(f"{scalp.ticker} {scalp.direction}", "quiet"),
        "quantity": cell(f"{scalp.quantity:,}"),
        "entry": cell(number(scalp.entry_price)),
        "exit": cell(number(scalp.exit_price)),
        "pnl": gain(scalp.pnl),
        "percent": gain(None if scalp.pnl_pct is None else scalp.pnl_pct * 100, 1, " %"),
        "fees": cell(number(scalp.fees)),
        "conviction": cell(number(scalp.conviction, 0)),
        "held": cell(span(timedelta(seconds=scalp.held_seconds))),
        "reason": cell(EXITS.get(scalp.exit_reason or "", scalp.exit_reason or "")),
    }
    label = f"Story of {what}, left {moment_text(scalp.exit_time)}"
    return {"id": f"{scalp.kind} {scalp.signal_id} {scalp.exit_time.isoformat()}", "label": label, "cells": cells}
