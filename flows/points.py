"""Named places at which a test ends the process by SIGKILL; nothing in production.

A test arms one with `arm`, in a process of its own.
"""

import os
import signal
from typing import Final

NAMES: Final = (
    "half a frame",
    "segment closed",
    "in compaction",
    "before a checkpoint",
    "checkpoint written",
    "in a checkpoint file",
    "before a commit",
    "in a commit",
    "after a commit",
    "in a migration",
    "before an intent",
    "intent safe",
)
_armed, _left = "", 0


def arm(name: str, times: int) -> None:
    """Kills at the given time that the point is reached. Raises ValueError for a name that is no point."""
    global _armed, _left  # one process has one point
    if name not in NAMES:
        raise ValueError(f"{name!r} is no point; {', '.join(NAMES)} are")
    _armed, _left = name, times


def armed(name: str) -> bool:
    """Whether this time the process dies here: who asks may leave half a write first."""
    global _left  # noqa: PLW0603  # the same
    if _armed != name:
        return False
    _left -= 1
    return _left == 0


def point(name: str) -> None:
    """Dies here if the point is armed and this is the time."""
    if _armed and armed(name):
        die()


def die() -> None:
    """Ends the process as a power button does."""
    os.kill(os.getpid(), signal.SIGKILL)
