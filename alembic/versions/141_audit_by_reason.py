"""The audit also tells what the desk did by itself: one event may cause several rows, which action and reason tell."""

from alembic import op

revision = "141"
down_revision = "140"
branch_labels = None
depends_on = None

SAYS = "the audit is append-only"
TRIGGERS = ("audit_update", "audit_delete", "audit_insert")
# REPLACE fires no trigger of DELETE.
BY_EVENT = (
    "CREATE TRIGGER audit_insert BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit "
    "WHERE book_id = NEW.book_id AND tape_seq = NEW.tape_seq) BEGIN SELECT RAISE(IGNORE); END"
)
BY_REASON = (
    "CREATE TRIGGER audit_insert BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit "
    "WHERE book_id = NEW.book_id AND tape_seq = NEW.tape_seq AND action = NEW.action AND argument = NEW.argument) "
    "BEGIN SELECT RAISE(IGNORE); END"
)


def upgrade() -> None:
    _key(("book_id", "tape_seq", "action", "argument"), BY_REASON)


def downgrade() -> None:
    _key(("book_id", "tape_seq"), BY_EVENT)


def _key(columns: tuple[str, ...], no_second: str) -> None:
    """Gives the audit another primary key, and SQLite the trigger that holds it; the rows stay as they are."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint("pk_audit", "audit", type_="primary")
        op.create_primary_key("pk_audit", "audit", [*columns])
        return
    for trigger in TRIGGERS:
        op.execute(f"DROP TRIGGER {trigger}")
    with op.batch_alter_table("audit", recreate="always") as batch:
        batch.drop_constraint(op.f("pk_audit"), type_="primary")
        batch.create_primary_key(op.f("pk_audit"), [*columns])
    for verb in ("UPDATE", "DELETE"):
        stands = f"BEGIN SELECT RAISE(ABORT, '{SAYS}'); END"
        op.execute(f"CREATE TRIGGER audit_{verb.lower()} BEFORE {verb} ON audit {stands}")
    op.execute(no_second)
