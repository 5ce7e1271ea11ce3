"""What steered a book, by whom and to what effect: one row each, which nobody changes."""

import json
from datetime import datetime
from typing import ClassVar, Literal

from operators import sessions
from operators.book import BookState
from operators.changes import Changed, told
from operators.events import RunStarted
from operators.records import Record

EngineAction = Literal["reduce", "restore", "warn", "alarm"]
"""What the desk does by itself: ends entries, begins them again, warns of the day's loss, calls for a person."""


class AuditRecord(Record, frozen=True):
    """A command, or what the desk did by itself, and what came of it.

    `before` and `after` are trading state, mode and switched tickers as JSON; of changed settings those that changed.
    `refused` says why a command did nothing.
    `argument` is the reason of what the engine did.
    """

    table: ClassVar[str] = "audit"
    key: ClassVar[tuple[str, ...]] = ("tape_seq", "action", "argument")

    tape_seq: int
    command_id: int | None
    at: datetime
    actor: str
    action: str
    argument: str
    refused: str | None
    before: str
    after: str


def steered(book: BookState) -> str:
    """What a command may change of a book, as JSON."""
    state = {"trading": book.trading, "reason": book.trading_reason, "mode": book.mode, "tickers": book.sides}
    return json.dumps(state, sort_keys=True)


def engine_audit(book: BookState, action: EngineAction, reason: str, before: str) -> AuditRecord:
    """What the desk did by itself just now; `before` is what was steered then."""
    return AuditRecord(
        book_id=book.book_id,
        tape_seq=book.seq,
        command_id=None,
        at=sessions.utc(book.now_ns),
        actor="engine",
        action=action,
        argument=reason,
        refused=None,
        before=before,
        after=steered(book),
    )


def settings_audit(changed: Changed, run: RunStarted) -> AuditRecord:
    """What a run began to do otherwise than the one before it."""
    before, after = (json.dumps({name: values[side] for name, values in changed.items()}) for side in (0, 1))
    return AuditRecord(
        book_id=run.book_id,
        tape_seq=run.seq,
        command_id=None,
        at=sessions.utc(run.at_ns),
        actor="start",
        action="settings",
        argument=told(changed),
        refused=None,
        before=before,
        after=after,
    )
