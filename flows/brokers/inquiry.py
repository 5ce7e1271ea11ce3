"""Finding out what became of an order that may or may not have arrived: when to ask, and what the answers mean."""

from typing import Final

from operators.answers import Answer

DELAYS: Final = (0.5, 1.0, 2.0, 4.0)
"""Seconds after which an order is looked up for the first times. Source: product rule "Unclear answers"."""
APART_SECONDS: Final = 5.0
"""Two negative answers so far apart, with no trouble between them, say that the order never arrived; so often it is
asked after the first delays."""


class Inquiry:
    """One order whose fate is unknown; times are monotonic seconds."""

    def __init__(self, began: float) -> None:
        self.next_at = began + DELAYS[0]
        self._began, self._asked = began, 0
        self._absent_since: float | None = None

    def heard(self, answer: Answer | None, now: float) -> bool:
        """Whether the matter is settled: the broker knows the order, or has denied it twice, far enough apart."""
        self._later(now)
        if answer is not None:
            return True
        if self._absent_since is None:
            self._absent_since = now
        return now - self._absent_since >= APART_SECONDS

    def failed(self, now: float) -> None:
        """The lookup itself failed: what was denied before counts no more."""
        self._later(now)
        self._absent_since = None

    def _later(self, now: float) -> None:
        self._asked += 1
        early = self._asked < len(DELAYS)
        self.next_at = max(now, self._began + sum(DELAYS[: self._asked + 1])) if early else now + APART_SECONDS
