"""The tape of an engine, read again: as it was recorded, or as a market like any other."""

import json
from collections.abc import Iterator
from typing import NoReturn

from flows.engine.echoes import Echoes
from flows.settings import Settings
from flows.tape.segments import AnyTape
from operators.config import EngineSettings, ScalpConfig
from operators.events import OF_AN_ENGINE, AnyEvent, Checkpoint, Echo, Intent, RunStarted


def first_run(tape: AnyTape) -> RunStarted | None:
    """The event with which an engine began the tape; None for any other tape."""
    first = next(tape.events(), None)
    return first if type(first) is RunStarted else None


def inputs(tape: AnyTape, echoes: Echoes) -> Iterator[AnyEvent]:
    """All but the first event of an engine's tape that enter the line; the others are told to `echoes`."""
    for event in tape.events(from_seq=2):
        if isinstance(event, Intent | Checkpoint):
            echoes.recorded(event)
        else:
            yield event


def market(tape: AnyTape) -> Iterator[AnyEvent]:
    """The events of a tape; of an engine's those of the market alone."""
    if first_run(tape) is None:
        return tape.events()
    return (event for event in tape.events() if not isinstance(event, OF_AN_ENGINE))


def settings_of(run: RunStarted) -> Settings:
    """The settings that a run was started with. Raises pydantic's ValidationError for those of another program."""
    scalp, engine = json.loads(run.settings)
    return Settings(
        ScalpConfig.model_validate_json(json.dumps(scalp)), EngineSettings.model_validate_json(json.dumps(engine))
    )


def never_put(echo: Echo) -> NoReturn:
    """A replay writes no tape."""
    raise AssertionError(f"a replay wrote {echo}")
