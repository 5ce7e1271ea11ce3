"""How long a tape waits for a disk that takes nothing: until there is room, and not for ever once all ends."""

import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

from flows.tape.writer import TapeWriter

Written = TypeVar("Written")
RETRY_SECONDS: Final = 0.2
"""How long such a disk is left alone."""
LAST_SECONDS: Final = 2.0
"""How long it is asked once all ends: five seconds at most take that, the broker's and the database's goodbyes too."""


class Patience:
    """`fault` is what keeps a tape from being written now, or has ended it.

    Once `stopping` is set, a disk that takes nothing is asked for so long, and if `leaving` no more.
    """

    def __init__(self) -> None:
        self.stopping, self.leaving = threading.Event(), False
        self.fault: Exception | None = None

    def until_there_is_room(self, write: Callable[[], Written]) -> Written:
        """What the write gave; a disk that takes nothing is asked again. Raises OSError where that has an end."""
        gives_up_at: float | None = None
        while True:
            try:
                written = write()
            except OSError as fault:
                self.fault = fault
                if gives_up_at is None and self.stopping.is_set():
                    gives_up_at = time.monotonic() + LAST_SECONDS
                over = gives_up_at is not None and time.monotonic() >= gives_up_at
                if self.leaving or over or isinstance(fault, FileExistsError):
                    raise
                time.sleep(RETRY_SECONDS)
            else:
                self.fault = None
                return written


def missing(fault: Exception | None, due: int, writer: TapeWriter) -> str:
    """What is said of a tape that ends early, event `due` being the next if all had been written."""
    try:
        writer.check_there()
    except FileNotFoundError as gone:
        return str(gone)
    place = writer.next_seq - writer.unwritten
    return (
        f"the tape cannot be written ({fault}): {due - place} events are not on it, and no order among them was sent; "
        f"mend that and start again, which goes on behind event {place - 1}"
    )
