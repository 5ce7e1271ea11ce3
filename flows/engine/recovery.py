"""How an engine begins: where its tape ends, which checkpoint it goes on from, whether tape and database agree."""

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from flows.engine.hints import Hints
from flows.records.marks import Mark
from flows.settings import Settings
from flows.tape.reader import Tape
from flows.tape.segments import segment_paths
from operators.book import BookState
from operators.checkpoints import States
from operators.desk import Desk
from operators.events import RunStarted
from operators.market import Market, MarketState

DECIDING_NOTHING: Final = frozenset({"tape_keep_days"})
"""Settings that may differ from one run on a tape to the next."""


class BrokenState(Exception):
    """Tape and database do not belong together; the message says what was found and what to do."""


class OtherSettings(ValueError):
    """The tape was begun with other settings, rules or tables; the message names them."""


class Restored(NamedTuple):
    """The states to go on with; the line reads on behind event `from_seq`, 0 for a tape from its beginning."""

    from_seq: int
    states: States | None

    def market(self, settings: Settings) -> Market:
        """The market as it was."""
        if self.states is None:
            return Market(*settings)
        return Market(*settings, msgspec.msgpack.decode(self.states.market, type=MarketState))

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
    restored = Restored(0, None) if found is None else Restored(found[0].at_seq, found[1])
    begins = int(segment_paths(folder)[0].stem)
    if restored.from_seq + 1 < begins:
        raise BrokenState(
            f"the tape in {folder} begins with event {begins}, what was before was dropped (tape_keep_days); the "
            f"database has {mark.book_id} up to event {mark.tape_seq}, and no checkpoint of this program leads on from "
            "there: name a newer copy of the database, or make a new one of what is left with `scalp rebuild`"
        )
    return restored


def refuse_changes(before: RunStarted, now: RunStarted) -> None:
    """Raises OtherSettings if a tape would go on under other rules than those that it began with."""
    names = ("book_id", "loop", "mode", "tables", "rules_version", "marks", "cadences", "checkpoint_seconds")
    changed = [
        f"{name} {getattr(before, name)!r} is now {getattr(now, name)!r}"
        for name in names
        if _differ(before, now, name)
    ]
    old, new = _settings(before.settings), _settings(now.settings)
    changed += [
        f"{key} {old.get(key)!r} is now {new.get(key)!r}" for key in sorted(old | new) if old.get(key) != new.get(key)
    ]
    if changed:
        raise OtherSettings(f"the tape was begun otherwise: {'; '.join(changed)}. Begin a new one with another --state")


def _differ(before: RunStarted, now: RunStarted, name: str) -> bool:
    return bool(getattr(before, name) != getattr(now, name))


def _settings(text: str) -> dict[str, Any]:
    """Both models of the settings as one table, without what changes no decision."""
    return {key: value for part in json.loads(text) for key, value in part.items() if key not in DECIDING_NOTHING}
