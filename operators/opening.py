"""A decided ticket becomes a scalp that has bought nothing yet."""

from typing import Any

from operators import cutoffs, orders, timetable
from operators.book import BookState
from operators.budget import first_half
from operators.codes import SecondHalf
from operators.config import ScalpConfig
from operators.funds import FundCandidate
from operators.intents import AnyScalp, Candidate, ETFScalpPosition, ScalpPosition, Ticket
from operators.orders import LegName
from operators.selection import StrikeSelection


def opened(book: BookState, config: ScalpConfig, ticket: Ticket, chosen: Candidate, units: int) -> AnyScalp:
    """The scalp of `units` shares or contracts, its limit not set yet; raises TypeError for another candidate."""
    match chosen:
        case StrikeSelection():
            return ScalpPosition(**_start(book, ticket, chosen, "option", units), **_contract(book, config, chosen))
        case FundCandidate():
            return ETFScalpPosition(**_start(book, ticket, chosen, "fund", units), leverage=chosen.leverage)
    raise TypeError(f"{type(chosen).__name__} is neither a contract nor a fund")


def _start(book: BookState, ticket: Ticket, chosen: Candidate, leg: LegName, units: int) -> dict[str, Any]:
    return {
        "signal_id": ticket.signal_id,
        "ticker": ticket.setup.ticker,
        "symbol": chosen.symbol,
        "group": chosen.group,
        "direction": ticket.setup.direction,
        "conviction": ticket.conviction.total,
        "second": units - first_half(units),
        "limit_micros": 0,
        "order_id": orders.order_id(book.day, book.book_id, ticket.signal_id, leg, "first", 1),
        "second_half": SecondHalf.PLANNED if units > 1 else SecondHalf.SINGLE,
    }


def _contract(book: BookState, config: ScalpConfig, chosen: StrikeSelection) -> dict[str, Any]:
    """What an option scalp has besides."""
    return {
        "underlying": chosen.underlying,
        "multiplier": chosen.multiplier,
        "right": chosen.right,
        "strike": chosen.strike,
        "expiry": chosen.expiry,
        "settlement": chosen.settlement,
        "dte": chosen.dte,
        "delta": chosen.delta,
        "theta_per_day": chosen.theta_per_day,
        "iv": chosen.iv,
        "cutoff_ns": cutoffs.cutoff_ns(chosen.dte, timetable.session_of(book), config),
    }
