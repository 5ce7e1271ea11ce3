"""How an engine begins: where its tape ends, which checkpoint it goes on from, whether tape and database agree."""

import sys
from pathlib import Path
from typing import NamedTuple

import msgspec
from pydantic import ValidationError

from flows.engine.hints import Hints
from flows.records.marks import Mark
from flows.settings import Settings, settings_of
from flows.tape.reader import Tape
from flows.tape.segments import Segments, segment_paths
from operators.book import BookState
from operators.checkpoints import States
from operators.desk import Desk
from operators.events import Checkpoint, RunStarted
from operators.market import Market, MarketState


class BrokenState(Exception):
    """Tape and database do not belong together; the message says what was found and what to do."""


class OtherSettings(ValueError):
    """A start with other settings than those in force, which have to wait; the message names both, and what to do."""


class Restored(NamedTuple):
    """The states to go on with; the line reads on behind event `from_seq`, 0 for a tape from its beginning."""

    from_seq: int
    states: States | None

    @classmethod
    def behind(cls, found: tuple[Checkpoint, States] | None) -> "Restored":
        """The states of a checkpoint, or the beginning where there is none."""
        return cls(0, None) if found is None else cls(found[0].at_seq, found[1])

    def market(self, settings: Settings, run: RunStarted | None = None) -> Market:
        """The market as it was, under the settings of the run that was in force then."""
        state = None if self.states is None else msgspec.msgpack.decode(self.states.market, type=MarketState)
        return Market(*settings, state, run)

    def books(self, settings: Settings) -> dict[str, Desk]:
        """The desks as they were."""
        found = {} if self.states is None else self.states.books
        states = {name: msgspec.msgpack.decode(data, type=BookState) for name, data in found.items()}
        return {name: Desk(state, *settings) for name, state in states.items()}


def begun(folder: Path) -> RunStarted | None:
    """The run that a tape begins with, None if there is none yet. Raises BrokenState, and what a tape raises.

    Where the first segments were dropped the first one left says which run it was.
    """
    paths = segment_paths(folder)
    front = Tape(paths[0]) if paths else None
    first = None if front is None else front.header.run or next(front.events(), None)
    if first is not None and type(first) is not RunStarted:
        raise BrokenState(f"{folder} begins with {type(first).__name__}: it is no tape of an engine")
    return first


def restored(folder: Path, hints: Hints, mark: Mark, head_seq: int) -> Restored:
    """The newest checkpoint that the database has caught up with, else the beginning. Raises BrokenState.

    A checkpoint stands behind events that it does not know yet: all of them have to be on the tape.
    """
    if mark.tape_seq > head_seq:
        raise BrokenState(
            f"the database has {mark.book_id} up to event {mark.tape_seq}, the tape in {folder} ends at {head_seq}: "
            "the tape lost its end. Restore it from a copy; or make a new database from it with `scalp rebuild`"
        )
    found = hints.find(folder, mark.tape_seq) if mark.tape_seq else None
    restored = Restored.behind(found)
    begins = next((int(path.stem) for path in segment_paths(folder)), 1)
    if restored.from_seq + 1 < begins:
        raise BrokenState(
            f"the tape in {folder} begins with event {begins}, what was before was dropped (tape_keep_days); the "
            f"database has {mark.book_id} up to event {mark.tape_seq}, and no checkpoint of this program leads on from "
            "there: name a newer copy of the database, or make a new one of what is left with `scalp rebuild`"
        )
    return restored


def in_force(folder: Path) -> RunStarted | None:
    """The run in force at the end of a tape, None if there is none yet. Raises what a tape raises."""
    return Segments(folder).run_at(sys.maxsize) if segment_paths(folder) else None


def settings_at(folder: Path, seq: int, newest: RunStarted) -> tuple[RunStarted, Settings]:
    """The run in force behind an event, or a tape's first one, with its settings; `newest` is that at the tape's end.

    Raises OtherSettings where this program does not know them.
    """
    run = newest if newest.seq <= max(seq, 1) else Segments(folder).run_at(max(seq, 1)) or newest
    try:
        return run, settings_of(run)
    except ValidationError as fault:
        raise OtherSettings(
            f"the run at event {run.seq} of the tape in {folder} has settings that this program does not know "
            f"({fault.errors()[0]['loc']}): start the version that wrote it and stop it in order"
        ) from fault
