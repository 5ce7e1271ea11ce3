"""The tape of an engine, read again: as it was recorded, or as a market like any other."""

from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from flows.engine.echoes import Echoes
from flows.engine.hints import sound
from flows.engine.recovery import Restored
from flows.tape.segments import AnyTape
from operators.events import OF_AN_ENGINE, AnyEvent, Checkpoint, Echo, RunStarted


class NoBeginning(ValueError):
    """A tape whose beginning was dropped, and of which no checkpoint can be restored."""


class Beginning(NamedTuple):
    """Where a recording is replayed from: the run in force there, the states to begin with, when their first event was.

    A tape whose first segments were dropped is replayed from the first checkpoint behind which it holds every event.
    """

    run: RunStarted
    restored: Restored
    at_ns: int


def of_an_engine(tape: AnyTape) -> bool:
    """Whether an engine wrote the tape."""
    return tape.header.run is not None or type(next(tape.events(), None)) is RunStarted


def beginning(tape: AnyTape) -> Beginning:
    """Where the tape of an engine begins. Raises NoBeginning where this program can restore no checkpoint of it."""
    for event in tape.events():
        if type(event) is RunStarted and event.seq == 1:
            return Beginning(event, Restored(0, None), event.at_ns)
        found = sound(event) if type(event) is Checkpoint and event.at_seq + 1 >= tape.header.first_seq else None
        run = None if found is None else tape.run_at(found[0].at_seq)
        if found is not None and run is not None:
            from_seq = found[0].at_seq
            # Not the checkpoint's own time: a line that lags behind the tape writes it late.
            return Beginning(run, Restored(from_seq, found[1]), next(tape.events(from_seq + 1)).at_ns)
    raise NoBeginning(
        f"{tape.path} begins with event {tape.header.first_seq}, what was before is not there, and this program can "
        "restore no checkpoint of what is left: use the version that wrote it"
    )


def inputs(tape: AnyTape, echoes: Echoes, from_seq: int) -> Iterator[AnyEvent]:
    """The events of an engine's tape behind `from_seq` that enter the line; the others are told to `echoes`."""
    for event in tape.events(from_seq + 1):
        if isinstance(event, Echo):
            echoes.recorded(event)
        else:
            yield event


def market(tape: AnyTape) -> Iterator[AnyEvent]:
    """The events of a tape; of an engine's those of the market alone."""
    if not of_an_engine(tape):
        return tape.events()
    return (event for event in tape.events() if not isinstance(event, OF_AN_ENGINE))


def said_of_front(tape: AnyTape) -> str:
    """What is missing at a tape's front, empty for nothing."""
    header = tape.header
    if header.first_seq == 1:
        return ""
    return f"{tape.path} begins with event {header.first_seq}: what was before was dropped (tape_keep_days)"


def never_put(echo: Echo) -> NoReturn:
    """A replay writes no tape."""
    raise AssertionError(f"a replay wrote {echo}")
