"""Makes a tape safe against a power cut while more is written to it: a slow disk holds up no event."""

import os
import threading
from collections.abc import Callable
from typing import Final

SYNC_SECONDS: Final = 0.05
"""A power cut loses at most what was written in so long."""


class Safety:
    """Syncs a growing tape in a thread of its own, each 50 ms or at once for who waits.

    `written` gives the seq of the newest event that the file has, and a descriptor of the file that is closed here;
    `failed` hears the fault that ended the thread. `synced_seq` is the newest event that is safe.
    """

    def __init__(
        self, synced_seq: int, written: Callable[[], tuple[int, int]], failed: Callable[[Exception], None]
    ) -> None:
        self.synced_seq = synced_seq
        self._written, self._failed = written, failed
        self._synced, self._wake, self._over = threading.Condition(), threading.Event(), False
        self._thread = threading.Thread(target=self._run, name="sync", daemon=True)

    @property
    def running(self) -> bool:
        """Whether its thread lives: a slow disk may hold it up for long after the last event."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begins to sync."""
        self._thread.start()

    def end(self) -> None:
        """Nothing more is written: the thread makes that safe and ends, without being waited for."""
        self._over = True
        self._wake.set()

    def join(self) -> None:
        """Waits for the end of the thread."""
        self._thread.join()

    def wait(self, seq: int, seconds: float, *, at_once: bool) -> bool:
        """Whether the event and all before it are safe, after waiting at most so long."""
        if at_once and self.synced_seq < seq:
            self._wake.set()
        with self._synced:
            return self._synced.wait_for(lambda: self.synced_seq >= seq, seconds)

    def _run(self) -> None:
        try:
            while not self._over:
                self._wake.wait(SYNC_SECONDS)
                self._wake.clear()
                self._sync()
            self._sync()
        except (OSError, ValueError) as fault:
            self._failed(fault)

    def _sync(self) -> None:
        seq, file = self._written()
        try:
            if seq > self.synced_seq:
                os.fdatasync(file)
        finally:
            os.close(file)
        with self._synced:
            self.synced_seq = seq
            self._synced.notify_all()
