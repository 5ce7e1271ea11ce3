"""Journals that a test writes, and what they write."""

from collections.abc import Callable, Iterator
from pathlib import Path

from flows.tape.frames import Header
from flows.tape.journal import Journal
from flows.tape.segments import Segments
from operators.events import AnyEvent, Clock, Intent, Quote
from tests.tape_builders import T0

LIMIT_SECONDS = 30.0
QUOTE = Quote(0, 0, T0, "TQQQ", 56.43, 56.44)
CLOCK = Clock(0, 0, 0)
INTENT = Intent(0, 0, 0, 1, "s1:first:1", "TQQQ", "buy", 133, None)
Make = Callable[..., Journal]


def makes(folder: Path) -> Iterator[Make]:
    """What makes journals of one folder; at the end all are closed, with their files."""
    made: list[Journal] = []

    def journal(clock: Callable[[], int] = lambda: T0, segment_bytes: int = 2**20) -> Journal:
        made.append(Journal(folder, Header(), clock, segment_bytes))
        return made[-1]

    yield journal
    for one in made:
        one.close()
        one._writer._file.close()


def wrote(journal: Journal, *events: AnyEvent) -> list[AnyEvent]:
    """Writes events and closes; gives the whole tape."""
    journal.start()
    for event in events:
        journal.put(event)
    journal.close()
    return list(Segments(journal._folder).events())
