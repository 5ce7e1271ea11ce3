"""Every row belongs to a book; runs, signals, verdicts, candidates, orders and fills beside the scalps.

A scalp from before has no book: it gets one of its own, `before-137:` and its id, so that no key can collide.
"""

import sqlalchemy as sa
from alembic import op

from flows.records.columns import Micros, UtcTime

revision = "137"
down_revision = "136"
branch_labels = None
depends_on = None

SCALPS = ("options_scalps", "etf_scalps")
ADDED = ("book_id", "tape_seq", "gross_pnl", "fees", "second_half")


def upgrade() -> None:
    for table in SCALPS:
        _give_books(table)
    _create_runs()
    _create_signals()
    _create_verdicts()
    _create_orders()


def _give_books(table: str) -> None:
    with op.batch_alter_table(table) as batch:
        batch.add_column(sa.Column("book_id", sa.String()))
        batch.add_column(sa.Column("tape_seq", sa.BigInteger()))
        batch.add_column(sa.Column("gross_pnl", Micros()))
        batch.add_column(sa.Column("fees", Micros()))
        batch.add_column(sa.Column("second_half", sa.String()))
    rows = sa.table(table, sa.column("id"), sa.column("book_id"), sa.column("tape_seq"))
    book = sa.literal("before-137:").concat(sa.cast(rows.c.id, sa.String))
    op.execute(rows.update().values(book_id=book, tape_seq=0))
    with op.batch_alter_table(table) as batch:
        batch.alter_column("book_id", existing_type=sa.String(), nullable=False)
        batch.alter_column("tape_seq", existing_type=sa.BigInteger(), nullable=False)
        batch.create_unique_constraint(op.f(f"uq_{table}_book_id_signal_id"), ["book_id", "signal_id"])


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("book_id", sa.String(), nullable=False),
        sa.Column("loop", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("start_equity", Micros(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("tapes", sa.Text(), nullable=False),
        sa.Column("tables", sa.Text(), nullable=False),
        sa.Column("marks", sa.Text(), nullable=False),
        sa.Column("rules_version", sa.Integer(), nullable=False),
        sa.Column("recorded_at", UtcTime(), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("book_id", name=op.f("pk_runs")),
    )
    op.create_table(
        "run_attempts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("book_id", sa.String(), nullable=False),
        sa.Column("started_at", UtcTime(), nullable=False, server_default=sa.func.now()),
        sa.Column("finished_at", UtcTime()),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("message", sa.Text()),
        sa.Column("events", sa.BigInteger()),
        sa.Column("seconds", sa.Float()),
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("program", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_attempts")),
    )
    op.create_index(op.f("ix_run_attempts_book_id"), "run_attempts", ["book_id"])


def _create_signals() -> None:
    parts = ("macro", "agreement", "volume", "distance", "slope", "body")
    op.create_table(
        "signals",
        sa.Column("book_id", sa.String(), nullable=False),
        sa.Column("signal_id", sa.String(), nullable=False),
        sa.Column("ticker", sa.String(), nullable=False),
        sa.Column("bar_close", UtcTime(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("timeframe_minutes", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("conviction", sa.Float(), nullable=False),
        *(sa.Column(f"part_{part}", sa.Float()) for part in parts),
        sa.Column("volume_ratio", sa.Float()),
        sa.Column("macro", sa.String(), nullable=False),
        sa.Column("decided_at", UtcTime(), nullable=False),
        sa.Column("decision", sa.String(), nullable=False),
        sa.Column("leg", sa.String()),
        sa.Column("code", sa.String()),
        sa.Column("tape_seq", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", UtcTime(), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("book_id", "signal_id", name=op.f("pk_signals")),
    )


def _create_verdicts() -> None:
    op.create_table(
        "verdicts",
        sa.Column("book_id", sa.String(), nullable=False),
        sa.Column("signal_id", sa.String(), nullable=False),
        sa.Column("leg", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("symbol", sa.String()),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("evaluated", sa.Boolean(), nullable=False),
        sa.Column("measured", sa.Float()),
        sa.Column("limit_value", sa.Float()),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.PrimaryKeyConstraint("book_id", "signal_id", "leg", "ordinal", name=op.f("pk_verdicts")),
    )
    op.create_table(
        "candidates",
        sa.Column("book_id", sa.String(), nullable=False),
        sa.Column("signal_id", sa.String(), nullable=False),
        sa.Column("leg", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("chosen", sa.Boolean(), nullable=False),
        sa.Column("lost_by", sa.String()),
        sa.Column("measured", sa.Float()),
        sa.Column("limit_value", sa.Float()),
        sa.PrimaryKeyConstraint("book_id", "signal_id", "leg", "position", name=op.f("pk_candidates")),
    )


def _create_orders() -> None:
    op.create_table(
        "orders",
        sa.Column("book_id", sa.String(), nullable=False),
        sa.Column("client_order_id", sa.String(), nullable=False),
        sa.Column("signal_id", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("limit_price", Micros()),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("filled_quantity", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("sent_at", UtcTime(), nullable=False),
        sa.Column("ended_at", UtcTime()),
        sa.Column("tape_seq", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", UtcTime(), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("book_id", "client_order_id", name=op.f("pk_orders")),
    )
    _create_fills()


def _create_fills() -> None:
    op.create_table(
        "fills",
        sa.Column("book_id", sa.String(), nullable=False),
        sa.Column("execution_id", sa.String(), nullable=False),
        sa.Column("client_order_id", sa.String(), nullable=False),
        sa.Column("signal_id", sa.String(), nullable=False),
        sa.Column("symbol", sa.String(), nullable=False),
        sa.Column("side", sa.String(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("price", Micros(), nullable=False),
        sa.Column("fee", Micros(), nullable=False),
        sa.Column("filled_at", UtcTime(), nullable=False),
        sa.Column("tape_seq", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", UtcTime(), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("book_id", "execution_id", name=op.f("pk_fills")),
    )


def downgrade() -> None:
    for table in ("fills", "orders", "candidates", "verdicts", "signals", "run_attempts", "runs"):
        op.drop_table(table)
    for table in SCALPS:
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(op.f(f"uq_{table}_book_id_signal_id"), type_="unique")
            for column in ADDED:
                batch.drop_column(column)
