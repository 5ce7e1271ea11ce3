"""Splits of shares and funds: asked for at a start and before each session's open, each told once."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from datetime import time as clock_time
from math import isfinite
from typing import Final, NamedTuple

from flows.backoff import Backoff
from flows.engine.telling import tell
from flows.feeds.alpaca.asking import Asking
from flows.feeds.alpaca.faults import Unanswered
from flows.feeds.alpaca.translating import UNPLACED, Told
from operators import sessions
from operators.events import Split

ASKED: Final = clock_time(9, 15)
"""New York. A split of the day is told from then on: by then the bars of days before should be as of after it."""
BACK: Final = timedelta(days=31)
"""An engine that was stopped for longer hears of no split before that."""
MARGIN: Final = timedelta(days=7)
"""An interval may be one of ex-dates or of days of processing; the client's documents do not say which."""
AGAIN: Final = Backoff(1.0, 60.0)
NAMES: Final = ("symbol", "old_symbol", "new_symbol")


class News(NamedTuple):
    """The splits in effect that nobody was told of, in order of days, as of `at_ns`."""

    at_ns: int
    splits: list[Split]


class Splits:
    """Asks for the splits of some symbols; `refuse` counts and says what cannot be one."""

    def __init__(
        self, symbols: Sequence[str], clock: Callable[[], int], refuse: Callable[[str, str, str], None]
    ) -> None:
        self._symbols, self._clock, self._refuse = symbols, clock, refuse
        self._told: set[tuple[str, date]] = set()
        self._asked_ns, self._failures, self._again_at = 0, 0, 0.0

    def due(self) -> bool:
        """Whether to ask now: where no answer has come yet, and in the morning of each session."""
        if time.monotonic() < self._again_at:
            return False
        now_ns = self._clock()
        morning = self._asked_ns < _turn_ns(now_ns) <= now_ns
        return not self._asked_ns or (morning and _has_session(now_ns))

    def news(self, asking: Asking) -> News:
        """What is new. Raises WrongKeys and Unanswered."""
        now_ns = self._clock()
        today = sessions.new_york(now_ns).date()
        last = today if now_ns >= _turn_ns(now_ns) else today - timedelta(days=1)
        told = asking.splits(self._symbols, today - BACK - MARGIN, today + MARGIN)
        try:
            found = [one for rows in told.values() for row in rows for one in self._read(row)]
        except (AttributeError, TypeError) as fault:
            raise Unanswered(f"splits of {', '.join(self._symbols)}: {fault}") from fault
        known = {(one.ticker, one.ex_date): one for one in found if today - BACK <= one.ex_date <= last}
        new = [one for key, one in known.items() if key not in self._told]
        return News(now_ns, sorted(new, key=lambda one: (one.ex_date, one.ticker)))

    def passed_on(self, news: News) -> None:
        """They are on their way to the tape: not to be told again, nor asked for today."""
        self._told |= {(one.ticker, one.ex_date) for one in news.splits}
        self._asked_ns, self._failures = news.at_ns, 0

    def failed(self, fault: Exception) -> None:
        """Says that there was no answer, and puts the next question off."""
        self._failures += 1
        seconds = AGAIN.seconds(self._failures, 1.0)
        self._again_at = time.monotonic() + seconds
        tell("W121", stream="splits", detail=str(fault), again_in_seconds=seconds)

    def _read(self, row: Told) -> Iterator[Split]:
        """The split of a row, for each of our symbols that it names."""
        for ticker in dict.fromkeys(str(row.get(name)) for name in NAMES):
            if ticker not in self._symbols:
                continue
            try:
                yield _split(ticker, row)
            except (ValueError, TypeError) as wrong:
                self._refuse(f"a split of {ticker}", "unreadable", str(wrong))


def _split(ticker: str, row: Told) -> Split:
    """The split of a row. Raises ValueError and TypeError for what is none."""
    day = date.fromisoformat(str(row.get("ex_date") or row.get("effective_date")))
    old, new = (float(str(row.get(name))) for name in ("old_rate", "new_rate"))
    if not (isfinite(old) and isfinite(new) and old > 0.0 and new > 0.0):
        raise ValueError(f"{new} shares for {old}")
    return Split(UNPLACED, UNPLACED, sessions.at(day, clock_time()), ticker, day, old, new)


def _has_session(at_ns: int) -> bool:
    return sessions.covers(at_ns) and sessions.session(sessions.new_york(at_ns).date()) is not None


def _turn_ns(now_ns: int) -> int:
    """When the question of a New York day is due."""
    return sessions.at(sessions.new_york(now_ns).date(), ASKED)
