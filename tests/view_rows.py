"""Builders of the rows of a look at book `replay:a`, event 100: its mark, a fund position, a chain."""

from datetime import date
from decimal import Decimal
from typing import Any

from operators.views import ChainNow, MarkNow, PositionNow
from tests.rows import BOOK, NOON


def mark_now(tape_seq: int = 100, **changes: Any) -> MarkNow:
    row: dict[str, Any] = {"book_id": BOOK, "tape_seq": tape_seq, "tape_at": NOON, "mode": "both", "trading": "ACTIVE"}
    row |= {"trading_reason": None, "equity": Decimal("100053.20"), "day_pnl": Decimal("53.20")}
    row |= {"open_pnl": Decimal("53.20"), "realised_pnl": Decimal(0), "net_delta_usd": 20109.6}
    row |= {"option_slots": 0, "option_slots_limit": 3, "fund_slots": 1, "fund_slots_limit": 5}
    row |= {"theta_per_hour_usd": 0.0, "unknown_greeks": 0, "cutoff_at": NOON, "close_at": None}
    return MarkNow(**(row | changes))


def position_now(signal_id: str = "s1", tape_seq: int = 100, **changes: Any) -> PositionNow:
    row: dict[str, Any] = {"book_id": BOOK, "tape_seq": tape_seq, "signal_id": signal_id, "kind": "fund"}
    row |= {"ticker": "QQQ", "symbol": "TQQQ", "direction": "long", "quantity": 133, "multiplier": 1}
    row |= {"entry_price": Decimal(50), "bid": 50.4, "ask": 50.41, "mark": Decimal("50.4")}
    row |= {"open_pnl": Decimal("53.20"), "open_pnl_fraction": 0.008, "stop": Decimal(49), "target": Decimal(51)}
    row |= dict.fromkeys(("delta", "gamma", "theta_per_day", "iv", "exit_due"))
    row |= {"leverage": 3.0, "entered_at": NOON, "quoted_at": None, "fresh": True, "nearest": "profit_target"}
    return PositionNow(**(row | {"nearest_way": 0.4, "nearest_at": None, "second_half": "planned"} | changes))


def chain_now(underlying: str = "QQQ", tape_seq: int = 100, **changes: Any) -> ChainNow:
    row: dict[str, Any] = {"book_id": BOOK, "tape_seq": tape_seq, "underlying": underlying, "quoted_at": NOON}
    row |= {"fresh": True, "spot": 571.0, "contracts": 124, "quoted": 120, "expiry": date(2026, 1, 5), "dte": 0}
    return ChainNow(**(row | {"forward": 571.01, "atm_iv": 0.2} | changes))
