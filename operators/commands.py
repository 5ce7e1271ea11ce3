"""What may be asked of the desk, by a person or by the engine itself; each command leaves one row of audit.

A command that came from a row of the database carries its number and is obeyed once: numbers only rise.
"""

from collections.abc import Callable
from typing import Final

from operators import sessions
from operators.audit import AuditRecord, steered
from operators.book import BookState, Side
from operators.codes import ExitReason, SecondHalf
from operators.events import Action, Command
from operators.leaving import Leaving

MODES: Final = ("options", "leveraged_etf", "both")
SIDES: Final[dict[str, Side | None]] = {"on": None, "off": "off", "long": "long", "short": "short"}


def obey(command: Command, book: BookState, leaving: Leaving) -> AuditRecord:
    """Does what was asked, or says why not.

    Only a rearm with a reason ends HALTED. A new mode touches new entries only: what is held keeps its exits.
    """
    number, before = int(command.command_id or 0), steered(book)
    if 0 < number <= book.last_command:
        refused = f"command {number} came before: each is obeyed once"
    else:
        book.last_command = max(number, book.last_command)
        refused = _DO[command.action](command, book, leaving)
    return AuditRecord(
        book_id=book.book_id,
        tape_seq=command.seq,
        command_id=number or None,
        at=sessions.utc(command.at_ns),
        actor=command.actor,
        action=command.action,
        argument=command.argument,
        refused=refused or None,
        before=before,
        after=steered(book),
    )


def _pause(command: Command, book: BookState, leaving: Leaving) -> str:
    if book.trading == "HALTED":
        return "trading is HALTED: only a rearm with a reason ends that"
    book.reduce(f"paused by {command.actor}", "person")
    leaving.stop_all_entries("state")
    return ""


def _resume(command: Command, book: BookState, leaving: Leaving) -> str:
    if book.trading != "REDUCING":
        return f"trading is {book.trading}: resume ends REDUCING"
    book.activate()
    return ""


def _rearm(command: Command, book: BookState, leaving: Leaving) -> str:
    if book.trading != "HALTED":
        return f"trading is {book.trading}: a rearm ends HALTED"
    if not command.argument.strip():
        return "a rearm needs a reason"
    book.activate()
    return ""


def _flatten(command: Command, book: BookState, leaving: Leaving) -> str:
    _leave_all(book, leaving, ExitReason.OPERATOR)
    return ""


def _kill(command: Command, book: BookState, leaving: Leaving) -> str:
    book.trading, book.trading_reason = "HALTED", f"killed by {command.actor}"
    _leave_all(book, leaving, ExitReason.RISK)
    return ""


def _mode(command: Command, book: BookState, leaving: Leaving) -> str:
    match command.argument:
        case ("options" | "leveraged_etf" | "both") as mode:
            book.mode = mode
        case other:
            return f"{other!r} is no mode: {', '.join(MODES)} are"
    leaving.stop_all_entries("mode")
    for scalp in book.scalps_in_order():
        leaving.drop_second(scalp, SecondHalf.MODE)
    return ""


def _ticker(command: Command, book: BookState, leaving: Leaving) -> str:
    """The argument is a ticker and its switch: `QQQ off`. What may no longer be entered is cancelled, as by a mode."""
    ticker, _, word = command.argument.partition(" ")
    if not ticker or word not in SIDES:
        return f"{command.argument!r} is no ticker with one of {', '.join(SIDES)}"
    if ticker not in leaving.blotter.config.scalp_tickers:
        return f"{ticker} is not in scalp_tickers"
    side = SIDES[word]
    if side is None:
        book.sides.pop(ticker, None)
    else:
        book.sides[ticker] = side
    for scalp in [scalp for scalp in book.scalps_in_order() if scalp.ticker == ticker]:
        if side is not None and side != ("long" if scalp.direction > 0 else "short"):
            leaving.stop_entries(scalp, "ticker")
            leaving.drop_second(scalp, SecondHalf.MODE)
    return ""


def _reduce(command: Command, book: BookState, leaving: Leaving) -> str:
    """The engine ends entries for a reason of its own."""
    book.reduce(command.argument, "engine")
    leaving.stop_all_entries("state")
    return ""


def _restore(command: Command, book: BookState, leaving: Leaving) -> str:
    """The engine's reason is gone; another one that came meanwhile stays."""
    return "" if book.restore(command.argument) else f"{command.argument!r} is no reason of the engine now"


_DO: Final[dict[Action, Callable[[Command, BookState, Leaving], str]]] = {
    "pause": _pause,
    "resume": _resume,
    "rearm": _rearm,
    "flatten": _flatten,
    "kill": _kill,
    "mode": _mode,
    "ticker": _ticker,
    "reduce": _reduce,
    "restore": _restore,
}


def _leave_all(book: BookState, leaving: Leaving, reason: ExitReason) -> None:
    for scalp in book.scalps_in_order():
        leaving.judge(scalp, leaving.situation(scalp, asked=reason))
