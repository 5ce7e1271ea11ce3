"""SIGINT and SIGTERM end what runs in order."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def told_by_signals(stop: Callable[[], object]) -> Iterator[None]:
    """Calls `stop` at SIGINT and SIGTERM; does nothing in another thread than the main one, which gets no signal."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: stop()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
