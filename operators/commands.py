"""What may be asked of the desk: a person's pause, resume, flatten, kill, rearm, mode; the engine's own restraint."""

from operators.book import BookState
from operators.codes import ExitReason, SecondHalf
from operators.events import Command
from operators.leaving import Leaving


def obey(command: Command, book: BookState, leaving: Leaving) -> None:
    """Does what was asked, or nothing where the trading state does not allow it.

    Only a rearm with a reason ends HALTED. A new mode touches new entries only: what is held keeps its exits.
    """
    match command.action, command.argument:
        case "pause", _:
            book.reduce(f"paused by {command.actor}", "person")
            leaving.stop_all_entries("state")
        case "resume", _ if book.trading == "REDUCING":
            book.activate()
        case "rearm", reason if book.trading == "HALTED" and reason:
            book.activate()
        case "flatten", _:
            _leave_all(book, leaving, ExitReason.OPERATOR)
        case "kill", _:
            book.trading, book.trading_reason = "HALTED", f"killed by {command.actor}"
            _leave_all(book, leaving, ExitReason.RISK)
        case "reduce" | "restore", reason:
            _restrain(command.action, reason, book, leaving)
        case "mode", ("options" | "leveraged_etf" | "both") as mode:
            book.mode = mode
            leaving.stop_all_entries("mode")
            for scalp in book.scalps_in_order():
                leaving.drop_second(scalp, SecondHalf.MODE)


def _restrain(action: str, reason: str, book: BookState, leaving: Leaving) -> None:
    """The engine ends entries for a reason, and begins them again where no other reason has come."""
    if action == "reduce":
        book.reduce(reason, "engine")
        leaving.stop_all_entries("state")
    elif (book.trading, book.reduced_by, book.trading_reason) == ("REDUCING", "engine", reason):
        book.activate()


def _leave_all(book: BookState, leaving: Leaving, reason: ExitReason) -> None:
    for scalp in book.scalps_in_order():
        leaving.judge(scalp, leaving.situation(scalp, asked=reason))
