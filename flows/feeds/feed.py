"""The seam to where events come from: one base class, with a thread that puts events onto the tape."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable

from operators.events import AnyEvent

Put = Callable[[AnyEvent], None]


class Feed(ABC):
    """A market's events. `cadences` and `marks` are those of the tape that is recorded from it.

    `held` gives what an engine holds or is entering: symbols of which a feed that chooses must not lose sight. `closes`
    gives when the newest bar closed that the engine knows of each ticker, in UTC nanoseconds.
    """

    cadences: dict[str, float]
    marks: tuple[str, ...]
    held: Callable[[], frozenset[str]] = staticmethod(frozenset)
    closes: Callable[[], dict[str, int]] = staticmethod(dict)

    @abstractmethod
    def now_ns(self) -> int:
        """The feed's time in UTC nanoseconds: the wall clock's, or that of the recording that is played."""

    @abstractmethod
    def run(self, put: Put, stopping: threading.Event, passed: int) -> None:
        """Puts events until it is told to stop or has no more; the first `passed` are on the tape already."""
