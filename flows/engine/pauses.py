"""Keeps the interpreter from holding up an engine's line: its garbage collector, and the threads beside it.

A full collection holds every thread for 60 to 100 ms. What an engine has loaded and restored when its line begins it
keeps until its end, so no collection looks at it again; what comes later is freed by counting, and collections look at
little. A thread that computes gives way to the line after `SWITCH_SECONDS`.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

SWITCH_SECONDS: Final = 0.0001
"""Python's own 5 ms cost a tick in a hundred a millisecond more while the ledger thread computes (5.3 against 4.3)."""


@contextmanager
def while_starting() -> Iterator[None]:
    """No collections meanwhile: imports and states make no garbage worth a tenth of a second."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def from_now_on() -> None:
    """Collections look at nothing that is there now; threads change places soon."""
    gc.freeze()
    sys.setswitchinterval(SWITCH_SECONDS)
