"""Lets a replay run at a multiple of the tape's own time: when each event is due on the wall."""

import time
from collections.abc import Callable
from typing import Final

from operators.events import SECOND_NS, AnyEvent, is_history

LONGEST_GAP_NS: Final = 60 * SECOND_NS
"""What is longer on the tape (a night, an hour before the open) passes as a minute: nobody wants to watch it."""
FASTEST: Final = 1e6


class BadSpeed(ValueError):
    """A speed that cannot be; the message says the range."""


class Pace:
    """Maps the time of a tape to that of a clock, `speed` times as fast; history takes no time at all.

    The clock gives seconds. Raises BadSpeed unless the speed is over 0 and at most a million.
    """

    def __init__(self, speed: float, clock: Callable[[], float] = time.monotonic) -> None:
        if not 0.0 < speed <= FASTEST:
            raise BadSpeed(f"a speed of {speed}: expected a number over 0, at most {FASTEST:.0f}")
        self._speed, self._clock = speed, clock
        self._began: float | None = None
        self._passed_ns = self._last_ns = 0

    def due_in(self, event: AnyEvent) -> float:
        """Seconds until the event that comes next is due; 0 or less when it is."""
        now = self._clock()
        self._began = now if self._began is None else self._began
        return (self._passed_ns + self._gap_ns(event)) / SECOND_NS / self._speed - (now - self._began)

    def take(self, event: AnyEvent) -> None:
        """The event has passed."""
        self._passed_ns += self._gap_ns(event)
        self._last_ns = event.at_ns

    def _gap_ns(self, event: AnyEvent) -> int:
        if self._last_ns == 0 or is_history(event):
            return 0
        return min(event.at_ns - self._last_ns, LONGEST_GAP_NS)
