"""Pre-checks: what is asked of every signal before an instrument is looked for. No check is skipped for another.

How late it is for an option depends on what is listed: `strikes` asks that.
"""

from collections.abc import Callable
from datetime import date

from operators import catalog, cutoffs, sessions
from operators.codes import Refusal
from operators.config import ScalpConfig
from operators.events import MINUTE_NS, SECOND_NS
from operators.intents import Ticket, Verdict, not_evaluated
from operators.sessions import Session, Unknown


def prechecks(config: ScalpConfig) -> Callable[[Ticket], Ticket]:
    """The rule that judges ticker, time, calendar, conviction, macro bias and age of a ticket on both legs."""

    def check(ticket: Ticket) -> Ticket:
        at_ns = ticket.setup.at_ns
        common = [_ticker(ticket, config), _conviction(ticket, config), *_macro(ticket, config), _stale(ticket)]
        try:
            session = sessions.session_of(at_ns)
        except sessions.OutsideTable as outside:
            return ticket.both(*common, not_evaluated(Refusal.CALENDAR_UNKNOWN, str(outside)))
        day = sessions.new_york(at_ns).date()
        if session is None:
            closed = f"{day} is not a trading day"
            return ticket.both(*common, not_evaluated(Refusal.START_TIME, closed))
        ticket = ticket.both(*common, _start_time(at_ns, session, config), *_fomc(at_ns, day, config))
        fund_minutes = (sessions.exit_ns(session) - at_ns) / MINUTE_NS
        return ticket.judged(fund=cutoffs.too_late(fund_minutes, config))

    return check


def _ticker(ticket: Ticket, config: ScalpConfig) -> Verdict:
    setup = ticket.setup
    if setup.ticker in catalog.INDEX_OF.values() and setup.source == "own":
        return Verdict(Refusal.TICKER, False, reason=f"{setup.ticker} follows the signals of its fund, not its own")
    known = setup.ticker in config.scalp_tickers
    return Verdict(Refusal.TICKER, known, reason=None if known else f"{setup.ticker} is not in scalp_tickers")


def _conviction(ticket: Ticket, config: ScalpConfig) -> Verdict:
    total, least = ticket.conviction.total, config.min_conviction_to_scalp
    return Verdict(Refusal.CONVICTION, total >= least, total, least, "points")


def _macro(ticket: Ticket, config: ScalpConfig) -> list[Verdict]:
    """Bias times direction: 1 confirms, 0 is neutral, -1 is against. Not listed where it is not asked."""
    if not config.require_macro_alignment:
        return []
    view = ticket.setup.view
    if not view.macro_ready:
        return [not_evaluated(Refusal.MACRO, "the macro cloud has not seen enough bars")]
    agreement = view.bias * ticket.setup.direction
    return [Verdict(Refusal.MACRO, agreement == 1, float(agreement), 1.0, "bias x direction")]


def _stale(ticket: Ticket) -> Verdict:
    age_ns, most_ns = ticket.setup.at_ns - ticket.setup.bar_close_ns, ticket.setup.max_age_ns
    return Verdict(Refusal.STALE, 0 <= age_ns <= most_ns, age_ns / SECOND_NS, most_ns / SECOND_NS, "seconds")


def _start_time(at_ns: int, session: Session, config: ScalpConfig) -> Verdict:
    """Minutes after the open; the market has to be open as well."""
    start_ns = max(sessions.at(session.day, config.scalp_start_time), session.open_ns)
    measured, limit = (at_ns - session.open_ns) / MINUTE_NS, (start_ns - session.open_ns) / MINUTE_NS
    return Verdict(Refusal.START_TIME, at_ns >= start_ns, measured, limit, "minutes after the open")


def _fomc(at_ns: int, day: date, config: ScalpConfig) -> list[Verdict]:
    """Minutes from the statement, negative before it; not listed on days without one."""
    if not config.no_scalp_around_fomc:
        return []
    window = sessions.fomc_window(day)
    if isinstance(window, Unknown):
        return [not_evaluated(Refusal.CALENDAR_UNKNOWN, f"no FOMC schedule is known for {day}")]
    if window is None:
        return []
    measured = (at_ns - window.statement_ns) / MINUTE_NS
    limit_ns = window.start_ns if measured < 0 else window.end_ns
    limit = (limit_ns - window.statement_ns) / MINUTE_NS
    return [Verdict(Refusal.FOMC, not window.blocks(at_ns), measured, limit, "minutes from the statement")]
