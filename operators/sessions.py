"""When New York trades: sessions, their cut-offs, days to expiry and the Federal Reserve's windows.

The only module that converts between UTC and New York time. Instants are UTC nanoseconds since 1970, as `at_ns`
on the tape; rules are `datetime.time` of New York. Everything is a table made at import or a function of its
arguments. The table ends at `closures.LAST_DAY`: `OutsideTable` says so, and the caller refuses entries loudly.
"""

from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from itertools import accumulate
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from operators.closures import EARLY_CLOSES, FIRST_DAY, HOLIDAYS, LAST_DAY
from operators.fomc import COVERED_FROM, COVERED_TO, STATEMENTS, USUAL, Kind, Statement

NEW_YORK: Final = ZoneInfo("America/New_York")
OPEN: Final = time(9, 30)
REGULAR_CLOSE: Final = time(16)
EARLY_CLOSE: Final = time(13)
SATURDAY: Final = 5

MINUTE_NS: Final = 60_000_000_000
EXIT_BEFORE_CLOSE_NS: Final = 5 * MINUTE_NS
"""Source: product rule "Leave" 9, `session_end` is sent 5 minutes before the close."""
AROUND_STATEMENT_NS: Final = 30 * MINUTE_NS
UNTIL_PRESSER_ENDS_NS: Final = 75 * MINUTE_NS
"""Source: product rule "FOMC": 13:30 to 15:15 around a 14:00 statement with a press conference."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST: Final = FIRST_DAY.toordinal()
_LAST: Final = LAST_DAY.toordinal()


class OutsideTable(ValueError):
    """The day asked for lies outside the table of sessions: whether it trades is not known."""


class Unknown(Enum):
    """An answer that nobody has: neither a window nor the certainty that there is none."""

    UNKNOWN = "unknown"


class Session(msgspec.Struct, frozen=True, gc=False):
    """One trading day of New York shares; it runs from `open_ns` up to, not including, `close_ns`."""

    day: date
    open_ns: int
    close_ns: int

    @property
    def early(self) -> bool:
        """Whether the session ends before 16:00."""
        return self.close_ns < at(self.day, REGULAR_CLOSE)


class Window(msgspec.Struct, frozen=True, gc=False):
    """The time around a statement of the Federal Reserve in which no scalp is entered, in UTC nanoseconds."""

    start_ns: int
    end_ns: int
    statement_ns: int
    kind: Kind

    @property
    def announced(self) -> bool:
        """Whether the statement was known ahead: only then may a rule act before `statement_ns`."""
        return self.kind != "unscheduled"

    def blocks(self, at_ns: int) -> bool:
        """Whether an entry at this instant is refused: from the start up to, not including, the end."""
        return self.start_ns <= at_ns < self.end_ns


def ns(moment: datetime) -> int:
    """UTC nanoseconds of an aware moment, exact. Raises ValueError if it has no time zone."""
    if moment.utcoffset() is None:
        raise ValueError(f"{moment.isoformat()} has no time zone")
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1_000


def utc(at_ns: int) -> datetime:
    """The instant as aware UTC, rounded down to the microsecond. Raises OverflowError beyond the years 1 to 9999."""
    return _EPOCH + timedelta(microseconds=at_ns // 1_000)


def new_york(at_ns: int) -> datetime:
    """The instant as aware New York time, rounded down to the microsecond."""
    return utc(at_ns).astimezone(NEW_YORK)


def at(day: date, clock: time) -> int:
    """UTC nanoseconds of a New York wall time on a day; any day, not only one of the table.

    A time that occurs twice (the night of the autumn change) is its first occurrence unless `clock.fold` is 1; one
    that does not occur (the night of the spring change) counts as if the clock had not been changed yet.
    Raises ValueError if the clock has a time zone of its own.
    """
    if clock.tzinfo is not None:
        raise ValueError(f"{clock} has a time zone, expected a New York wall time without one")
    return ns(datetime.combine(day, clock, tzinfo=NEW_YORK))


def _session_on(day: date) -> Session | None:
    """The session of a day by the tables of closures."""
    if day.weekday() >= SATURDAY or day in HOLIDAYS:
        return None
    close = EARLY_CLOSE if day in EARLY_CLOSES else REGULAR_CLOSE
    return Session(day, at(day, OPEN), at(day, close))


_DAYS: Final = tuple(date.fromordinal(ordinal) for ordinal in range(_FIRST, _LAST + 1))
_BY_DAY: Final = tuple(_session_on(day) for day in _DAYS)
_SESSIONS: Final = tuple(found for found in _BY_DAY if found is not None)
_MIDNIGHTS_NS: Final = tuple(at(day, time()) for day in (*_DAYS, LAST_DAY + timedelta(days=1)))
# How many sessions of the table lie before each day; one entry more than days.
_SESSIONS_BEFORE: Final = tuple(accumulate((found is not None for found in _BY_DAY), initial=0))


def _outside(day: date) -> OutsideTable:
    """The error for a day that the table does not have."""
    return OutsideTable(f"{day:%Y-%m-%d} is outside the session table, {FIRST_DAY} to {LAST_DAY}")


def _index(day: date) -> int:
    """The row of a day in the table. Raises OutsideTable."""
    index = day.toordinal() - _FIRST
    if not 0 <= index < len(_BY_DAY):
        raise _outside(day)
    return index


def session(day: date) -> Session | None:
    """The session of a day, None if the market is closed all day. Raises OutsideTable."""
    return _BY_DAY[_index(day)]


def session_of(at_ns: int) -> Session | None:
    """The session of the New York calendar day of an instant, at any hour of that day; None if it is closed.

    Raises OutsideTable. One search in a table of midnights, well under a microsecond.
    """
    index = bisect_right(_MIDNIGHTS_NS, at_ns) - 1
    if not 0 <= index < len(_BY_DAY):
        raise _outside(new_york(at_ns).date())
    return _BY_DAY[index]


def covers(at_ns: int) -> bool:
    """Whether the table knows the day of an instant."""
    return _MIDNIGHTS_NS[0] <= at_ns < _MIDNIGHTS_NS[-1]


def session_holding(at_ns: int) -> Session | None:
    """The session that is open at an instant; None while the market is closed and outside the table."""
    index = bisect_right(_MIDNIGHTS_NS, at_ns) - 1
    found = _BY_DAY[index] if 0 <= index < len(_BY_DAY) else None
    return found if found is not None and found.open_ns <= at_ns < found.close_ns else None


def next_session(day: date) -> Session:
    """The first session after a day, never that day's own. Raises OutsideTable, also if the table ends before it."""
    following = _SESSIONS_BEFORE[_index(day) + 1]
    if following == len(_SESSIONS):
        raise _outside(LAST_DAY + timedelta(days=1))
    return _SESSIONS[following]


def previous_session(day: date) -> Session:
    """The last session before a day, never that day's own. Raises OutsideTable, also if the table begins after it."""
    before = _SESSIONS_BEFORE[_index(day)]
    if before == 0:
        raise _outside(FIRST_DAY - timedelta(days=1))
    return _SESSIONS[before - 1]


def dte(today: date, expiry: date) -> int:
    """Sessions from today's to the expiry's: 0 expires in this session, Friday to Monday is 1, negative is expired.

    An expiry without a session (the Saturdays of monthly options before 2015) counts as the last session before it.
    A today without a session counts as the next one, so a contract that can no longer be traded is never 0.
    Raises OutsideTable for either day.
    """
    return _SESSIONS_BEFORE[_index(expiry) + 1] - _SESSIONS_BEFORE[_index(today)] - 1


def last_trade_ns(expiry: date) -> int:
    """When a contract trades last: the close of its expiry's session, or of the last session before it.

    Expiring index and fund options trade no longer than that either (product rule "Units"). Raises OutsideTable.
    """
    found = session(expiry) or previous_session(expiry)
    return found.close_ns


def exit_ns(session: Session) -> int:
    """When what is still open is sold: 5 minutes before the session's close."""
    return session.close_ns - EXIT_BEFORE_CLOSE_NS


def cutoff_ns(session: Session, clock: time) -> int:
    """When a cut-off set for normal days falls in this session.

    On an early close it moves ahead by as much as the close does (14:00 becomes 11:00 when the close is 13:00), and
    may then lie before the open. It is never later than `exit_ns`. Source: product rule "Leave".
    """
    earlier_ns = at(session.day, REGULAR_CLOSE) - session.close_ns
    return min(at(session.day, clock) - earlier_ns, exit_ns(session))


def window_of(statement: Statement) -> Window | None:
    """The window of one statement, None if it was cancelled."""
    if statement.clock is None:
        return None
    statement_ns = at(statement.day, statement.clock)
    before_ns = after_ns = AROUND_STATEMENT_NS
    if statement.kind == "unscheduled":
        # Nobody knew it ahead, so in replay nothing may react to it ahead either.
        before_ns = 0
    elif statement.kind == "scheduled_presser" and statement.clock == USUAL:
        after_ns = UNTIL_PRESSER_ENDS_NS
    return Window(statement_ns - before_ns, statement_ns + after_ns, statement_ns, statement.kind)


# By ordinal: a datetime is a date to the type checker, but not equal to one as a key.
_WINDOWS: Final = {statement.day.toordinal(): window_of(statement) for statement in STATEMENTS}


def fomc_window(day: date) -> Window | Unknown | None:
    """The window around the statement of a day, None if the day has none, UNKNOWN if the schedule does not reach it.

    UNKNOWN is no window and not None either, so that a caller has to decide: the product rule is to refuse entries
    (`calendar_unknown`). A window of an `unscheduled` statement begins with it; see `Window.announced`.
    """
    if not COVERED_FROM <= day.year <= COVERED_TO:
        return Unknown.UNKNOWN
    return _WINDOWS.get(day.toordinal())
