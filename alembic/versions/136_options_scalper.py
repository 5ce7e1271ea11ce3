"""The two scalp tables with the columns that the user specified; money is exact and times are aware."""

import sqlalchemy as sa
from alembic import op

from flows.records.columns import Micros, UtcTime

revision = "136"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "options_scalps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("signal_id", sa.String(50)),
        sa.Column("ticker", sa.String(10), nullable=False),
        sa.Column("option_symbol", sa.String(30), nullable=False),
        sa.Column("option_type", sa.String(4), nullable=False),
        sa.Column("strike", Micros(), nullable=False),
        sa.Column("expiry", sa.Date(), nullable=False),
        sa.Column("dte", sa.Integer(), nullable=False),
        sa.Column("direction", sa.String(20), nullable=False),
        sa.Column("contracts", sa.Integer(), nullable=False),
        sa.Column("entry_premium", Micros(), nullable=False),
        sa.Column("exit_premium", Micros()),
        sa.Column("entry_delta", sa.Float()),
        sa.Column("entry_theta", sa.Float()),
        sa.Column("entry_iv", sa.Float()),
        *_ending(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_options_scalps")),
    )
    op.create_index(op.f("ix_options_scalps_ticker_status"), "options_scalps", ["ticker", "status"])
    op.create_index(op.f("ix_options_scalps_signal_id"), "options_scalps", ["signal_id"])
    op.create_index(op.f("ix_options_scalps_expiry"), "options_scalps", ["expiry"])
    _create_etf_scalps()


def _create_etf_scalps() -> None:
    op.create_table(
        "etf_scalps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("signal_id", sa.String(50)),
        sa.Column("ticker", sa.String(10), nullable=False),
        sa.Column("original_ticker", sa.String(10)),
        sa.Column("leverage", sa.Float(), nullable=False),
        sa.Column("direction", sa.String(10), nullable=False),
        sa.Column("shares", sa.Integer(), nullable=False),
        sa.Column("entry_price", Micros(), nullable=False),
        sa.Column("exit_price", Micros()),
        sa.Column("stop_loss", Micros()),
        sa.Column("target_price", Micros()),
        *_ending(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_etf_scalps")),
    )
    op.create_index(op.f("ix_etf_scalps_ticker_status"), "etf_scalps", ["ticker", "status"])
    op.create_index(op.f("ix_etf_scalps_signal_id"), "etf_scalps", ["signal_id"])


def _ending() -> tuple[sa.Column[object], ...]:
    """The columns with which both tables end."""
    return (
        sa.Column("status", sa.String(20), server_default=sa.text("'open'")),
        sa.Column("exit_reason", sa.String(50)),
        sa.Column("pnl", Micros()),
        sa.Column("pnl_pct", sa.Float()),
        sa.Column("broker", sa.String(20)),
        sa.Column("order_id", sa.String(100)),
        sa.Column("entry_time", UtcTime(), nullable=False),
        sa.Column("exit_time", UtcTime()),
        sa.Column("metadata_json", sa.Text()),
        sa.Column("created_at", UtcTime(), server_default=sa.func.now()),
    )


def downgrade() -> None:
    op.drop_table("etf_scalps")
    op.drop_table("options_scalps")
