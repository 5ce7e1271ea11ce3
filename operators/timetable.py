"""The day of a book: when its session opens, what it counts anew then, and the timers of the day."""

from datetime import date, time

from operators import cutoffs, sessions
from operators.book import BookState
from operators.config import ScalpConfig
from operators.events import MINUTE_NS

EVENT_LEAD_NS = 5 * MINUTE_NS
"""Positions are left 5 minutes before an FOMC statement. Source: product rule "Leave" 8."""
DAY_TRADE_SESSIONS = 5
"""Sessions over which day trades are counted, today's included. Source: FINRA's pattern-day-trader rule."""


def await_open(book: BookState, after_ns: int) -> None:
    """Sets the timer of the session that is open or comes next; past the end of the table there is none."""
    try:
        session = sessions.session_of(after_ns)
        if session is None or after_ns >= session.close_ns:
            session = sessions.next_session(sessions.new_york(after_ns).date())
    except sessions.OutsideTable:
        return
    book.set_timer(session.open_ns, "open", session.day.isoformat())


def hear(book: BookState, seq: int, at_ns: int) -> None:
    """The book hears of an event. Sessions before the day of its first one are history, which causes no record."""
    book.seq = seq
    if book.now_ns == 0 and book.timers and sessions.covers(at_ns):
        midnight_ns = sessions.at(sessions.new_york(at_ns).date(), time())
        if book.timers[0].due_ns < midnight_ns:
            book.timers.clear()
            await_open(book, midnight_ns)


def begin_session(book: BookState, config: ScalpConfig, day: str) -> None:
    """Begins the session of an ISO day: counters anew, its timers set.

    Raises KeyError for a day without a session.
    """
    book.day = day
    session = session_of(book)
    book.open_ns, book.close_ns = session.open_ns, session.close_ns
    book.exit_ns = sessions.exit_ns(session)
    book.open_equity_micros, book.unsettled_micros = book.equity_micros(), 0
    book.scalps_today = book.realised_micros = 0
    book.day_trades = [*book.day_trades, (day, 0)][-DAY_TRADE_SESSIONS:]
    book.decided, book.stopped, book.left = {}, {}, {}
    book.over, book.ended = {}, {}
    await_mark(book)
    book.set_timer(book.exit_ns, "session_end", "")
    book.set_timer(book.close_ns, "close", "")
    _plan_event(book, config, session)
    _plan_options(book, config, session)
    await_open(book, session.close_ns)


def replan(book: BookState, config: ScalpConfig) -> None:
    """Plans the rest of a day by other settings, in a book that holds nothing; the next session is looked up anew."""
    if book.now_ns:
        await_open(book, max(book.now_ns, book.close_ns))
    if book.day:
        _plan_event(book, config, session_of(book))


def await_mark(book: BookState) -> None:
    """Sets the timer of the next minute of the session, its close included."""
    minutes = (book.now_ns - book.open_ns) // MINUTE_NS
    due_ns = book.open_ns + (max(minutes, 0) + 1) * MINUTE_NS
    if due_ns <= book.close_ns:
        book.set_timer(due_ns, "mark", "")


def session_of(book: BookState) -> sessions.Session:
    """The book's session. Raises KeyError if its day has none."""
    session = sessions.session(date.fromisoformat(book.day))
    if session is None:
        raise KeyError(f"{book.day} has no session")
    return session


def _plan_options(book: BookState, config: ScalpConfig, session: sessions.Session) -> None:
    """Options held overnight get this session's cut-off; contracts that nobody holds are forgotten."""
    for scalp in book.options():
        dte = sessions.dte(session.day, scalp.expiry)
        scalp.cutoff_ns = cutoffs.cutoff_ns(dte, session, config)
        book.set_timer(scalp.cutoff_ns, "cutoff", scalp.signal_id)
    held = {scalp.symbol for scalp in book.scalps.values()}
    for symbol in [symbol for symbol in book.watches if symbol not in held]:
        book.forget(symbol)


def _plan_event(book: BookState, config: ScalpConfig, session: sessions.Session) -> None:
    """Around a statement nothing is entered; five minutes before one that was announced positions are left."""
    window = sessions.fomc_window(session.day)
    book.event_from_ns = book.event_until_ns = book.window_from_ns = book.window_until_ns = 0
    if not isinstance(window, sessions.Window):
        return
    if config.no_scalp_around_fomc:
        book.window_from_ns, book.window_until_ns = window.start_ns, window.end_ns
        book.set_timer(window.start_ns, "window", "")
    if config.fomc_flatten and window.announced:
        book.event_from_ns, book.event_until_ns = window.statement_ns - EVENT_LEAD_NS, window.statement_ns
        book.set_timer(book.event_from_ns, "event", "")
