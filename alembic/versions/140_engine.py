"""How far the database of an engine's book is complete, and which engine may write it."""

import sqlalchemy as sa
from alembic import op

from flows.records.columns import UtcTime

revision = "140"
down_revision = "139"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ledger_marks",
        sa.Column("book_id", sa.String(), nullable=False),
        sa.Column("tape_id", sa.String(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("tape_seq", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("book_id", name=op.f("pk_ledger_marks")),
    )


def downgrade() -> None:
    op.drop_table("ledger_marks")
