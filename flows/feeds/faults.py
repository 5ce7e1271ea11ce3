"""What may go wrong on the way from a market: events lost, silence, events twice, events out of order.

Drawn by seed over the sequence of events, so that a feed that begins again behind so many events goes wrong as before.
"""

import random
from collections.abc import Iterable, Iterator
from typing import Final, Literal, get_args

from operators.events import AnyEvent, is_history

Fault = Literal["drops", "silence", "duplicates", "reordering"]
FAULTS: Final[tuple[Fault, ...]] = get_args(Fault)
DROPPED: Final = 0.01
DOUBLED: Final = 0.01
SWAPPED: Final = 0.02
SILENCES: Final = 0.000_1
"""Chance of an event to begin a silence: some ten in a session of a hundred thousand events."""
SILENT_EVENTS: Final = 400
HELD: Final = 5
"""An event out of order comes so many events too late at most."""


class BadFaults(ValueError):
    """A fault that is not known; the message lists those that are."""


def chosen(text: str) -> frozenset[Fault]:
    """The faults of a list with commas, `all` for all of them; raises BadFaults."""
    names = FAULTS if text == "all" else tuple(name for name in text.split(",") if name)
    known = frozenset(fault for fault in FAULTS if fault in names)
    if len(known) != len(set(names)):
        raise BadFaults(f"--faults {text}: expected all, or some of {', '.join(FAULTS)} with commas between")
    return known


def faulty(events: Iterable[AnyEvent], faults: frozenset[Fault], seed: int) -> Iterator[AnyEvent]:
    """The events as a bad line brings them; history comes whole."""
    rng, silent = random.Random(seed), 0  # noqa: S311  # a simulation
    held: list[tuple[int, AnyEvent]] = []
    for event in events:
        draws = rng.random(), rng.random(), rng.random(), rng.random()
        if is_history(event):
            yield event
            continue
        silent = SILENT_EVENTS if "silence" in faults and draws[0] < SILENCES else max(silent - 1, 0)
        if silent or ("drops" in faults and draws[1] < DROPPED):
            continue
        held = [(left - 1, late) for left, late in held]
        if "reordering" in faults and draws[2] < SWAPPED:
            held.append((rng.randint(1, HELD), event))
        else:
            yield event
            if "duplicates" in faults and draws[3] < DOUBLED:
                yield event
        yield from (late for left, late in held if left <= 0)
        held = [(left, late) for left, late in held if left > 0]
    yield from (late for _, late in held)
