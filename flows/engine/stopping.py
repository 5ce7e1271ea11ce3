"""SIGINT and SIGTERM end what runs in order."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def told_by_signals(stopping: threading.Event) -> Iterator[None]:
    """Sets the event at SIGINT and SIGTERM; does nothing in another thread than the main one, which gets no signal."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: stopping.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
