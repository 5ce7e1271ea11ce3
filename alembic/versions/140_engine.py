"""An engine's book: how far it is complete and who may write it, what was asked of it, and the audit of that."""

import sqlalchemy as sa
from alembic import op

from flows.records.columns import UtcTime

revision = "140"
down_revision = "139"
branch_labels = None
depends_on = None

SAYS = "the audit is append-only"
APPEND_ONLY = {
    "sqlite": [
        *(
            f"CREATE TRIGGER audit_{verb.lower()} BEFORE {verb} ON audit BEGIN SELECT RAISE(ABORT, '{SAYS}'); END"
            for verb in ("UPDATE", "DELETE")
        ),
        # REPLACE fires no trigger of DELETE.
        "CREATE TRIGGER audit_insert BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit "
        "WHERE book_id = NEW.book_id AND tape_seq = NEW.tape_seq) BEGIN SELECT RAISE(IGNORE); END",
    ],
    "postgresql": [
        f"CREATE FUNCTION audit_stands() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{SAYS}'; END $$",
        "CREATE TRIGGER audit_stands BEFORE UPDATE OR DELETE OR TRUNCATE ON audit EXECUTE FUNCTION audit_stands()",
    ],
}


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
    op.create_table(
        "commands",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("book_id", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("argument", sa.Text(), nullable=False),
        sa.Column("requested_at", UtcTime(), nullable=False),
        sa.Column("refused", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commands")),
    )
    op.create_index(op.f("ix_commands_book_id"), "commands", ["book_id"])
    _create_audit()


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("book_id", sa.String(), nullable=False),
        sa.Column("tape_seq", sa.BigInteger(), nullable=False),
        sa.Column("command_id", sa.Integer(), nullable=True),
        sa.Column("at", UtcTime(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("actor", "action", "argument")),
        sa.Column("refused", sa.Text(), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("before", "after")),
        sa.Column("recorded_at", UtcTime(), nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("book_id", "tape_seq", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_command_id"), "audit", ["command_id"])
    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("audit")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_stands()")
    op.drop_table("commands")
    op.drop_table("ledger_marks")
