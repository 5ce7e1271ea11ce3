"""What the page shows: bars with their clouds, marks of each minute, a heartbeat, the views of now; history by time."""

import sqlalchemy as sa
from alembic import op

from flows.records.columns import Micros, Real, UtcTime

revision = "139"
down_revision = "138"
branch_labels = None
depends_on = None

SIGNAL_TICKER = {"options_scalps": "ticker", "etf_scalps": "original_ticker"}
FOLLOWED = ("signals", "fills")
"""Of these a page reads what is new since it looked last."""
MONEY = ("equity", "day_pnl", "open_pnl", "realised_pnl")


def upgrade() -> None:
    for table in SIGNAL_TICKER:
        for name, columns in _turned(table).items():
            op.create_index(op.f(name), table, columns)
    for table in FOLLOWED:
        op.create_index(op.f(f"ix_{table}_book_id_tape_seq"), table, ["book_id", "tape_seq"])
    _create_bars()
    _create_marks()
    _create_now()
    _create_positions()


def _turned(table: str) -> dict[str, list[str]]:
    """The indexes by which a history is turned over, all of it or that of one ticker or reason.

    What follows the signal id lets a database pass over what is not asked for without reading its row.
    """
    ticker = SIGNAL_TICKER[table]
    columns = {
        "history": ["exit_time", "signal_id", "pnl"],
        "history_of_ticker": [ticker, "exit_time", "signal_id", "exit_reason", "pnl"],
        "history_of_reason": ["exit_reason", "exit_time", "signal_id", ticker, "pnl"],
    }
    return {f"ix_{table}_{end}": ["book_id", *rest] for end, rest in columns.items()}


def _create_bars() -> None:
    op.create_table(
        "bars",
        sa.Column("book_id", sa.String(), nullable=False),
        sa.Column("ticker", sa.String(), nullable=False),
        sa.Column("closed_at", UtcTime(), nullable=False),
        *(sa.Column(name, Real(), nullable=False) for name in ("open", "high", "low", "close", "volume")),
        *(sa.Column(name, Real()) for name in ("ema5", "ema12", "ema34", "ema50")),
        sa.Column("macro", sa.String(), nullable=False),
        sa.Column("tape_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("book_id", "ticker", "closed_at", name=op.f("pk_bars")),
    )
    op.create_index(op.f("ix_bars_book_id_tape_seq"), "bars", ["book_id", "tape_seq"])


def _create_marks() -> None:
    op.create_table(
        "marks",
        sa.Column("book_id", sa.String(), nullable=False),
        sa.Column("marked_at", UtcTime(), nullable=False),
        *(sa.Column(name, Micros(), nullable=False) for name in MONEY),
        sa.Column("tape_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("book_id", "marked_at", name=op.f("pk_marks")),
    )


def _create_now() -> None:
    op.create_table(
        "heartbeat",
        sa.Column("book_id", sa.String(), nullable=False),
        sa.Column("beat_at", UtcTime(), nullable=False),
        sa.Column("tape_at", UtcTime()),
        sa.Column("speed", Real()),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("message", sa.Text()),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("book_id", name=op.f("pk_heartbeat")),
    )
    op.create_table(
        "marks_now",
        sa.Column("book_id", sa.String(), nullable=False),
        sa.Column("tape_at", UtcTime(), nullable=False),
        sa.Column("tape_seq", sa.BigInteger(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("trading", sa.String(), nullable=False),
        sa.Column("trading_reason", sa.Text()),
        *(sa.Column(name, Micros(), nullable=False) for name in MONEY),
        sa.Column("option_slots", sa.Integer(), nullable=False),
        sa.Column("option_slots_limit", sa.Integer(), nullable=False),
        sa.Column("fund_slots", sa.Integer(), nullable=False),
        sa.Column("fund_slots_limit", sa.Integer(), nullable=False),
        sa.Column("net_delta_usd", Real(), nullable=False),
        sa.Column("theta_per_hour_usd", Real(), nullable=False),
        sa.Column("unknown_greeks", sa.Integer(), nullable=False),
        sa.Column("cutoff_at", UtcTime()),
        sa.Column("close_at", UtcTime()),
        sa.PrimaryKeyConstraint("book_id", name=op.f("pk_marks_now")),
    )
    op.create_table(
        "chains_now",
        sa.Column("book_id", sa.String(), nullable=False),
        sa.Column("underlying", sa.String(), nullable=False),
        sa.Column("quoted_at", UtcTime(), nullable=False),
        sa.Column("fresh", sa.Boolean(), nullable=False),
        sa.Column("spot", Real()),
        sa.Column("contracts", sa.Integer(), nullable=False),
        sa.Column("quoted", sa.Integer(), nullable=False),
        sa.Column("expiry", sa.Date()),
        sa.Column("dte", sa.Integer()),
        sa.Column("forward", Real()),
        sa.Column("atm_iv", Real()),
        sa.Column("tape_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("book_id", "underlying", name=op.f("pk_chains_now")),
    )


def _create_positions() -> None:
    op.create_table(
        "positions_now",
        sa.Column("book_id", sa.String(), nullable=False),
        sa.Column("signal_id", sa.String(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("kind", "ticker", "symbol", "direction")),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("multiplier", sa.Integer(), nullable=False),
        sa.Column("entry_price", Micros(), nullable=False),
        sa.Column("bid", Real()),
        sa.Column("ask", Real()),
        sa.Column("mark", Micros(), nullable=False),
        sa.Column("open_pnl", Micros(), nullable=False),
        sa.Column("open_pnl_fraction", Real(), nullable=False),
        sa.Column("stop", Micros(), nullable=False),
        sa.Column("target", Micros(), nullable=False),
        *(sa.Column(name, Real()) for name in ("delta", "gamma", "theta_per_day", "iv", "leverage")),
        sa.Column("entered_at", UtcTime(), nullable=False),
        sa.Column("quoted_at", UtcTime()),
        sa.Column("fresh", sa.Boolean(), nullable=False),
        sa.Column("exit_due", sa.String()),
        sa.Column("nearest", sa.String()),
        sa.Column("nearest_way", Real()),
        sa.Column("nearest_at", UtcTime()),
        sa.Column("second_half", sa.String(), nullable=False),
        sa.Column("tape_seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("book_id", "signal_id", name=op.f("pk_positions_now")),
    )


def downgrade() -> None:
    for table in ("positions_now", "chains_now", "marks_now", "heartbeat", "marks", "bars"):
        op.drop_table(table)
    for table in FOLLOWED:
        op.drop_index(op.f(f"ix_{table}_book_id_tape_seq"), table)
    for table in SIGNAL_TICKER:
        for name in _turned(table):
            op.drop_index(op.f(name), table)
