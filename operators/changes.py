"""What one run of an engine changes of the run before it, and which run is in force at a place of the line.

An engine goes on with changed settings at its own RunStarted: each step of the line takes them up where that event
passes it, so that a replay of the tape does the same at the same place.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from operators.config import EngineSettings, ScalpConfig
from operators.events import RunStarted

DECIDING_NOTHING: Final = frozenset({"tape_keep_days"})
"""Settings that may differ without a change of anything that the line does."""
OF_A_RUN: Final = ("mode", "tables", "rules_version", "marks", "cadences", "checkpoint_seconds")
OF_THE_PROGRAM: Final = frozenset({"tables", "rules_version"})
"""What another program changes: under it no event of the old one can be decided again."""

Changed = Mapping[str, tuple[object, object]]
"""What changed, by name, with its value before and now."""


def changes(before: RunStarted, now: RunStarted) -> Changed:
    """What the later of two runs of one book decides by that the earlier one did not; empty for nothing."""
    named = {name: (getattr(before, name), getattr(now, name)) for name in OF_A_RUN}
    old, new = _table(before.settings), _table(now.settings)
    both = named | {name: (old.get(name), new.get(name)) for name in sorted(old | new)}
    return {name: values for name, values in both.items() if values[0] != values[1]}


def told(changed: Changed) -> str:
    """The changes as a sentence's part."""
    return "; ".join(f"{name} {old!r} is now {new!r}" for name, (old, new) in changed.items())


def settings_in(text: str) -> tuple[ScalpConfig, EngineSettings]:
    """The settings that a RunStarted holds. Raises pydantic's ValidationError for those of another program."""
    scalp, engine = json.loads(text)
    return (
        ScalpConfig.model_validate_json(json.dumps(scalp)),
        EngineSettings.model_validate_json(json.dumps(engine)),
    )


class InForce:
    """The settings at one step of the line, and the newest run of each book that has passed it."""

    def __init__(self, config: ScalpConfig, settings: EngineSettings, run: RunStarted | None = None) -> None:
        self.config, self.settings = config, settings
        self.runs = {} if run is None else {run.book_id: run}

    def copy(self) -> "InForce":
        """The same, for another step: each takes a run up where it passes that step."""
        other = InForce(self.config, self.settings)
        other.runs = dict(self.runs)
        return other

    def take(self, event: RunStarted) -> Changed:
        """What a run changes, which is in force from here on; a book's first run changes nothing."""
        before = self.runs.get(event.book_id)
        self.runs[event.book_id] = event
        changed = {} if before is None else changes(before, event)
        if before is not None and changed and before.settings != event.settings:
            self.config, self.settings = settings_in(event.settings)
        return changed


def _table(text: str) -> dict[str, Any]:
    """Both models of the settings as one table, without what decides nothing."""
    parts = json.loads(text)
    rows = parts if isinstance(parts, list) else [parts]
    return {key: value for part in rows for key, value in part.items() if key not in DECIDING_NOTHING}
