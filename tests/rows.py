"""Builders of records: each gives a plausible row of book `replay:a`; name what a test changes."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from operators.records import EtfScalpRecord, FillRecord, OrderRecord, RunRecord, SignalRecord, VerdictRecord

BOOK = "replay:a"
NOON = datetime(2026, 1, 5, 17, 0, tzinfo=UTC)


def run(**changes: Any) -> RunRecord:
    row: dict[str, Any] = {
        "book_id": BOOK,
        "loop": "paper",
        "mode": "both",
        "start_equity": Decimal(100_000),
        "settings": "{}",
    }
    return RunRecord(**(row | {"tapes": "[]", "tables": "{}", "marks": "[]", "rules_version": 1} | changes))


def signal(signal_id: str = "s1", **changes: Any) -> SignalRecord:
    parts: dict[str, Any] = {
        f"part_{name}": 10.5 for name in ("macro", "agreement", "volume", "distance", "slope", "body")
    }
    row: dict[str, Any] = {
        "book_id": BOOK,
        "signal_id": signal_id,
        "ticker": "QQQ",
        "bar_close": NOON,
        "direction": "long",
    }
    row |= {"timeframe_minutes": 1, "source": "own", "conviction": 63.0, "volume_ratio": 1.75, "macro": "bullish"}
    row |= {"decided_at": NOON, "decision": "accepted", "leg": "etf", "code": None, "tape_seq": 10}
    return SignalRecord(**(row | parts | changes))


def verdict(signal_id: str = "s1", ordinal: int = 0, **changes: Any) -> VerdictRecord:
    row: dict[str, Any] = {"book_id": BOOK, "signal_id": signal_id, "leg": "option", "ordinal": ordinal, "symbol": None}
    row |= {"code": "spread", "passed": False, "evaluated": True, "measured": 0.125, "limit_value": 0.1}
    return VerdictRecord(**(row | {"unit": "fraction", "reason": ""} | changes))


def order(client_order_id: str = "o1", **changes: Any) -> OrderRecord:
    row: dict[str, Any] = {
        "book_id": BOOK,
        "client_order_id": client_order_id,
        "signal_id": "s1",
        "action": "entry",
        "attempt": 1,
    }
    row |= {"symbol": "TQQQ", "side": "buy", "quantity": 10, "limit_price": Decimal("50.25"), "state": "working"}
    row |= {"filled_quantity": 0, "reason": None, "sent_at": NOON, "ended_at": None, "tape_seq": 11}
    return OrderRecord(**(row | changes))


def fill(execution_id: str = "e1", **changes: Any) -> FillRecord:
    row: dict[str, Any] = {
        "book_id": BOOK,
        "execution_id": execution_id,
        "client_order_id": "o1",
        "signal_id": "s1",
        "tape_seq": 12,
    }
    row |= {"symbol": "TQQQ", "side": "buy", "quantity": 10, "price": Decimal("50.25"), "fee": Decimal(0)}
    return FillRecord(**(row | {"filled_at": NOON} | changes))


def etf_scalp(signal_id: str = "s1", **changes: Any) -> EtfScalpRecord:
    row: dict[str, Any] = {
        "book_id": BOOK,
        "signal_id": signal_id,
        "ticker": "TQQQ",
        "original_ticker": "QQQ",
        "leverage": 3.0,
    }
    row |= {"direction": "long", "shares": 10, "entry_price": Decimal("50.25"), "exit_price": None, "status": "open"}
    row |= {"stop_loss": Decimal("49.245"), "target_price": Decimal("51.255"), "exit_reason": None, "gross_pnl": None}
    row |= {"fees": Decimal(0), "pnl": None, "pnl_pct": None, "second_half": None, "broker": "paper", "order_id": "o1"}
    return EtfScalpRecord(
        **(row | {"entry_time": NOON, "exit_time": None, "metadata_json": "{}", "tape_seq": 12} | changes)
    )


def closed(**changes: Any) -> dict[str, Any]:
    """The fields that closing the fund scalp changes: sold at 51.25, so 10 x 1.00 = 10.00, 10 / 502.50 = 0.0199."""
    row: dict[str, Any] = {
        "status": "closed",
        "exit_price": Decimal("51.25"),
        "exit_reason": "profit_target",
        "exit_time": NOON,
    }
    money = {"gross_pnl": Decimal(10), "pnl": Decimal(10), "pnl_pct": 0.0199}
    return row | money | {"tape_seq": 20} | changes


def option_scalp(signal_id: str = "s2", **changes: Any) -> dict[str, Any]:
    """A row of options_scalps: bought at 1.20, sold at 0.90, so 2 x 100 x -0.30 - 2.60 of fees = -62.60."""
    row: dict[str, Any] = {
        "book_id": BOOK,
        "signal_id": signal_id,
        "ticker": "SPY",
        "option_symbol": "SPY   260105P00600000",
    }
    row |= {"option_type": "put", "strike": Decimal(600), "expiry": date(2026, 1, 5), "dte": 0, "contracts": 2}
    row |= {"direction": "long_put", "entry_premium": Decimal("1.20"), "exit_premium": Decimal("0.90")}
    row |= {"entry_delta": -0.4, "entry_theta": -0.9, "entry_iv": 0.2, "status": "closed", "exit_reason": "stop_loss"}
    row |= {"gross_pnl": Decimal(-60), "fees": Decimal("2.60"), "pnl": Decimal("-62.60"), "pnl_pct": -62.6 / 240}
    row |= {"broker": "paper", "order_id": "o2", "entry_time": NOON, "exit_time": NOON, "metadata_json": "{}"}
    return row | {"tape_seq": 20, "second_half": None} | changes
