"""What a contract was when it was looked at: score, delta, IV, quote, volume and open interest; NULL for funds."""

import sqlalchemy as sa
from alembic import op

from flows.records.columns import Real

revision = "138"
down_revision = "137"
branch_labels = None
depends_on = None

ADDED = ("score", "delta", "iv", "bid", "ask", "volume", "open_interest")


def upgrade() -> None:
    with op.batch_alter_table("candidates") as batch:
        for name in ADDED:
            batch.add_column(sa.Column(name, Real()))


def downgrade() -> None:
    with op.batch_alter_table("candidates") as batch:
        for name in ADDED:
            batch.drop_column(name)
