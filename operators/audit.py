"""What steered a book, by whom and to what effect: one row each, which nobody changes."""

import json
from datetime import datetime
from typing import ClassVar, Literal

from operators import sessions
from operators.book import BookState
from operators.records import Record

EngineAction = Literal["reduce", "restore", "warn"]
"""What the desk does by itself: ends entries, begins them again, warns of the day's loss."""


class AuditRecord(Record, frozen=True):
    """A command, or what the desk did by itself, and what came of it.

    `before` and `after` are trading state, mode and switched tickers as JSON. `refused` says why a command did nothing.
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
