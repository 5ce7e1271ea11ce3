"""The tape of an engine read again: as it was recorded, or as a market like any other."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from flows.engine.echoes import Echoes
from flows.engine.recording import beginning, inputs, market, never_put, of_an_engine, settings_of
from flows.engine.recovery import Restored
from flows.settings import Settings, load
from flows.tape.reader import Tape
from operators.events import AnyEvent, Intent
from tests.tape_builders import bars, encoded, engine_types, first_types, write

ENGINE = engine_types()


def tape_of(folder: Path, events: list[AnyEvent]) -> Tape:
    return Tape(write(folder / "a.tape", events))


def test_a_tape_of_an_engine_begins_with_its_run(tmp_path: Path) -> None:
    tape = tape_of(tmp_path, ENGINE)
    assert (of_an_engine(tape), beginning(tape)) == (True, (ENGINE[0], Restored(0, None), ENGINE[0].at_ns))


@pytest.mark.parametrize("events", [[], bars(3)])
def test_another_tape_is_of_no_engine(tmp_path: Path, events: list[AnyEvent]) -> None:
    assert not of_an_engine(tape_of(tmp_path, events))


def test_echoes_of_a_recording_do_not_enter_the_line(tmp_path: Path) -> None:
    entering = [event for event in ENGINE[1:] if event.seq not in {16, 17, 18}]  # two intents, a checkpoint
    assert encoded(list(inputs(tape_of(tmp_path, ENGINE), Echoes(never_put, 0), 1))) == encoded(entering)


def test_echoes_of_a_recording_are_compared(tmp_path: Path) -> None:
    echoes = Echoes(never_put, 0)
    list(inputs(tape_of(tmp_path, ENGINE), echoes, 1))
    echoes.finished()
    assert "order s1:first:1 is recorded at event 16 and was not decided again" in str(echoes.fault)


def test_a_replay_puts_nothing() -> None:
    with pytest.raises(AssertionError, match="a replay wrote Intent"):
        never_put(Intent(0, 0, 0, 1, "s1:first:1", "TQQQ", "buy", 133, None))


def test_the_market_of_an_engines_tape_is_what_its_feed_brought(tmp_path: Path) -> None:
    # RunStarted 1, three commands 7, 8, 14, the clock 15, echoes 16 to 18 and Stop 19 are the engine's.
    assert [event.seq for event in market(tape_of(tmp_path, ENGINE))] == [2, 3, 4, 5, 6, 9, 10, 11, 12, 13]


def test_the_market_of_another_tape_is_all_of_it(tmp_path: Path) -> None:
    command = replace(first_types()[6], seq=4)
    assert [event.seq for event in market(tape_of(tmp_path, [*bars(3), command]))] == [1, 2, 3, 4]


def test_the_settings_of_a_run_are_read_back() -> None:
    settings = load()
    scalp = settings.scalp.model_copy(update={"max_concurrent_scalps": 7})
    text = json.dumps([json.loads(model.model_dump_json()) for model in (scalp, settings.engine)])
    assert settings_of(replace(first_types()[0], settings=text)) == Settings(scalp, settings.engine)
