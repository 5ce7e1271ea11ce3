"""What is asked of an engine, through the database: rows that its poller takes, answered by its audit.

A kill needs no database: a file in the engine's folder asks for it too. A row older than `STALE_SECONDS` when the
engine sees it is refused: who asked has long looked away.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple, get_args

from sqlalchemy import Engine, func, select, text

from flows.records.database import reading, writing
from flows.records.ledger import notify
from flows.records.tables import audit, commands
from operators.events import Action

STALE_SECONDS: Final = 60.0
MOST_AT_ONCE: Final = 100
LONGEST: Final = 500
"""Characters of an actor or argument; a tape's frame is no place for a book."""
KILL_FILE: Final = "kill"
OF_A_PERSON: Final = tuple(action for action in get_args(Action) if action not in ("reduce", "restore"))


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

    def wrong(self) -> str:
        """What no desk could do with it, empty where nothing is wrong: the tape takes only what can be read again."""
        if self.action not in OF_A_PERSON:
            return f"{self.action[:LONGEST]!r} is no command: {', '.join(OF_A_PERSON)} are"
        if max(len(self.actor), len(self.argument)) > LONGEST:
            return f"its texts have {len(self.actor)} and {len(self.argument)} characters, limit {LONGEST} each"
        return ""


class Answer(NamedTuple):
    """What became of a command: `refused` says why it did nothing; before and after are JSON, None if not begun."""

    refused: str | None
    before: str | None
    after: str | None


def ask(engine: Engine, book_id: str, actor: str, action: Action, argument: str = "") -> int:
    """Asks an engine for something; gives the number by which its answer is found, higher than any before.

    Numbers are given one after the other, so a lower one never appears after a higher one. Raises DatabaseUnavailable.
    """
    row: dict[str, Any] = {"book_id": book_id, "actor": actor, "action": action, "argument": argument}
    row["requested_at"] = datetime.now(UTC)
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("LOCK TABLE commands IN EXCLUSIVE MODE"))
        # In a database that was made anew from a tape the audit knows numbers that no row here has.
        known = [select(func.max(column)).scalar_subquery() for column in (commands.c.id, audit.c.command_id)]
        number = max(value or 0 for value in connection.execute(select(*known)).one()) + 1
        connection.execute(commands.insert().values(id=number, **row))
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
    book = select(commands.c.book_id).where(commands.c.id == number).scalar_subquery()
    told = select(audit.c.refused, audit.c.before, audit.c.after)
    told = told.where(audit.c.command_id == number, audit.c.book_id == book)
    told = told.order_by(audit.c.tape_seq)  # one that was put again after a restart has a second row
    with reading(engine, few=True) as connection:
        row = connection.execute(told).first()
        if row is not None:
            return Answer(*row)
        refused = connection.execute(select(commands.c.refused).where(commands.c.id == number)).scalar_one_or_none()
    return None if refused is None else Answer(refused, None, None)


def kill_by_file(folder: Path) -> Path:
    """Asks the engine of a folder for a kill; gives the file. Raises OSError, FileNotFoundError for no such folder."""
    if not (folder / "tape").is_dir():
        raise FileNotFoundError(f"{folder} is no folder of an engine")
    (folder / KILL_FILE).touch(mode=0o600)
    return folder / KILL_FILE


def taken_by_file(folder: Path) -> bool:
    """Whether the engine has the kill on its tape: then it has taken the file away."""
    return not (folder / KILL_FILE).exists()
