"""Keeps the garbage collector from stopping an engine: a full collection holds every thread for 60 to 100 ms.

What an engine has loaded and restored when its line begins it keeps until its end, so no collection looks at it again;
what comes later is freed by counting, and collections look at little.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def while_starting() -> Iterator[None]:
    """No collections meanwhile: imports and states make no garbage worth a tenth of a second."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def from_now_on() -> None:
    """Collections look at nothing that is there now."""
    gc.freeze()
