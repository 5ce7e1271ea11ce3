"""How long an engine's tape is kept: which segments may go when a new one begins, and how they go."""

from bisect import bisect_left
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Final

from flows.engine.telling import tell
from flows.points import point
from flows.tape.reader import Tape
from flows.tape.segments import segment_paths
from flows.tape.writer import sync_folder
from operators.events import MINUTE_NS

DAY_NS: Final = 24 * 60 * MINUTE_NS
MOST_AT_ONCE: Final = 8
"""Segments that go at one roll: each takes some milliseconds, and meanwhile nothing is written."""


class Retention:
    """Drops the segments of a folder that ended more than `keep_days` before the newest event; 0 keeps all.

    Days are those of the tape's own time. `needed` gives the first event that a start of the engine would have to read.
    """

    def __init__(self, folder: Path, keep_days: int, needed: Callable[[], int]) -> None:
        self._folder, self._keep_ns, self._needed = folder, keep_days * DAY_NS, needed

    def kept_from(self, last_ns: int) -> int:
        """The first event of the segment that the tape may begin with, now that the newest event was at `last_ns`.

        Such a segment says in its header which run it belongs to: without that it could not stand at the front.
        """
        if self._keep_ns == 0:
            return 1
        paths, needed = segment_paths(self._folder), self._needed()
        fronts = [path for path in paths[1:] if int(path.stem) <= needed]
        try:
            old = bisect_left(paths[: len(fronts)], True, key=lambda path: not self._old(path, last_ns))
            return int(fronts[old - 1].stem) if old and Tape(fronts[old - 1]).header.run is not None else 1
        except (OSError, ValueError) as fault:
            tell("W109", detail=str(fault))
            return 1

    def drop(self, kept_from: int) -> None:
        """Deletes what ends before an event and is not needed, the oldest first.

        Each deletion is safe on the disk before the next: after a power cut too there is no gap.
        """
        if self._keep_ns == 0:
            return
        # A run before this one may have ended between its word and its deed, and the database be an older copy now.
        kept_from = min(kept_from, self._needed())
        gone = [path for path, following in pairwise(segment_paths(self._folder)) if int(following.stem) <= kept_from]
        try:
            for path in gone[:MOST_AT_ONCE]:
                path.unlink()
                sync_folder(self._folder)
                point("in compaction")
        except OSError as fault:
            tell("W109", detail=str(fault))
        else:
            if gone:
                tell("I005", segments=len(gone[:MOST_AT_ONCE]), kept_from=kept_from)

    def _old(self, path: Path, last_ns: int) -> bool:
        """Whether a segment that has ended did so long ago; raises what a tape raises."""
        return (Tape(path).info().last_at_ns or 0) < last_ns - self._keep_ns
