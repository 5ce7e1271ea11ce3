"""What is asked of an engine, through the database: rows that its poller takes, answered by its audit.

A row older than `STALE_SECONDS` when the engine sees it is refused: who asked has long looked away.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Engine, func, select

from flows.records.database import reading, writing
from flows.records.ledger import notify
from flows.records.tables import audit, commands
from operators.events import Action

STALE_SECONDS: Final = 60.0
MOST_AT_ONCE: Final = 100


class Asked(NamedTuple):
    """A row: who asked for what, and when."""

    id: int
    actor: str
    action: Action
    argument: str
    requested_at: datetime

    def stale(self, now: datetime) -> bool:
        """Whether it is too old to be done, or from a clock ahead of ours by as much."""
        return abs(now - self.requested_at) > timedelta(seconds=STALE_SECONDS)


class Answer(NamedTuple):
    """What became of a command: `refused` says why it did nothing; before and after are JSON, None if not begun."""

    refused: str | None
    before: str | None
    after: str | None


def ask(engine: Engine, book_id: str, actor: str, action: Action, argument: str = "") -> int:
    """Asks an engine for something; gives the number by which its answer is found. Raises DatabaseUnavailable."""
    row: dict[str, Any] = {"book_id": book_id, "actor": actor, "action": action, "argument": argument}
    row["requested_at"] = datetime.now(UTC)
    with writing(engine) as connection:
        number: int = connection.execute(commands.insert().values(**row).returning(commands.c.id)).scalar_one()
        notify(connection)
    return number


def waiting(engine: Engine, book_id: str, after: int) -> list[Asked]:
    """What was asked after a number and has no answer yet, oldest first; raises DatabaseUnavailable."""
    columns = (commands.c.id, commands.c.actor, commands.c.action, commands.c.argument, commands.c.requested_at)
    answered = select(audit.c.command_id).where(audit.c.command_id == commands.c.id, audit.c.book_id == book_id)
    wanted = (commands.c.book_id == book_id) & (commands.c.id > after) & commands.c.refused.is_(None)
    rows = select(*columns).where(wanted, ~answered.exists()).order_by(commands.c.id).limit(MOST_AT_ONCE)
    with reading(engine, few=True) as connection:
        return [Asked(*row) for row in connection.execute(rows)]


def refuse(engine: Engine, number: int, why: str) -> None:
    """Says why a command is not done, without asking the desk; raises DatabaseUnavailable."""
    with writing(engine) as connection:
        connection.execute(commands.update().where(commands.c.id == number).values(refused=why))
        notify(connection)


def answer(engine: Engine, number: int) -> Answer | None:
    """What became of a command, None while nothing has; raises DatabaseUnavailable."""
    told = select(audit.c.refused, audit.c.before, audit.c.after).where(audit.c.command_id == number)
    with reading(engine, few=True) as connection:
        row = connection.execute(told).first()
        if row is not None:
            return Answer(*row)
        refused = connection.execute(select(commands.c.refused).where(commands.c.id == number)).scalar_one_or_none()
    return None if refused is None else Answer(refused, None, None)


def newest(engine: Engine, book_id: str) -> int:
    """The number of the newest command of a book that its desk has answered, 0 if none; raises DatabaseUnavailable."""
    with reading(engine, few=True) as connection:
        found = connection.execute(select(func.max(audit.c.command_id)).where(audit.c.book_id == book_id)).scalar_one()
    return found or 0
