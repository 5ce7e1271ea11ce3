"""The entry point of `scalp`: Ctrl-C while the program loads ends it without a word, with exit code 130.

It imports next to nothing, so that this holds as soon as Python itself runs.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

INTERRUPTED: Final = 130
"""What a shell gives for a program that Ctrl-C ended: 128 and the number of the signal."""


def main() -> None:
    """Loads the command line and runs it."""
    with interruptible():
        with loading():
            from flows.cli import main
        main()


@contextmanager
def interruptible() -> Iterator[None]:
    """Around a whole program: where Ctrl-C ends it nothing is traced, nor where Python itself ends behind it."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        _end_at_once()


@contextmanager
def loading() -> Iterator[None]:
    """Nothing has begun that had to be put in order: Ctrl-C ends the process at once. Where it is ignored it stays so.

    A KeyboardInterrupt would be traced, and some libraries swallow one while they are imported.
    """
    heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heard:
        _end_at_once()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])  # see `hold_back`
    yield
    if heard:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def hold_back() -> None:
    """Ctrl-C waits until another program, in the place of this process, is `loading`."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])


def _end_at_once() -> None:
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
