"""The tape of an engine read again: as it was recorded, or as a market like any other."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from flows.engine.echoes import Echoes
from flows.engine.recording import (
    NoBeginning,
    beginning,
    inputs,
    market,
    never_put,
    of_an_engine,
    said_of_front,
)
from flows.engine.recovery import Restored
from flows.settings import Settings, load, settings_of
from flows.tape.reader import Tape
from operators.checkpoints import states
from operators.events import AnyEvent, Intent, RunStarted
from tests.journals import QUOTE
from tests.tape_builders import T0, bars, checkpoint, encoded, engine_types, first_types, write

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


def placed(event: AnyEvent, seq: int) -> AnyEvent:
    return replace(event, seq=seq, at_ns=T0 + seq, event_ns=T0)


def later(folder: Path, *events: AnyEvent) -> Tape:
    """A later segment, that begins with event 11 in the run of event 4, read alone."""
    run = placed(ENGINE[0], 4)
    assert isinstance(run, RunStarted)
    own = [placed(event, seq) for seq, event in enumerate(events, 11)]
    return Tape(write(folder / "later.tape", own, first_seq=11, run=run))


def test_a_later_segment_begins_with_the_first_checkpoint_that_knows_all_before_it(tmp_path: Path) -> None:
    early, at_front, late = (checkpoint(at_seq) for at_seq in (9, 10, 12))
    tape = later(tmp_path, early, QUOTE, at_front, QUOTE, late)
    found = beginning(tape)
    assert (of_an_engine(tape), found.restored.from_seq, found.run.seq, found.at_ns) == (True, 10, 4, T0 + 11)
    assert found.restored.states == states(at_front)
    assert [event.seq for event in inputs(tape, Echoes(never_put, 10), 10)] == [12, 14]


def test_the_run_is_the_one_in_force_where_it_begins(tmp_path: Path) -> None:
    tape = later(tmp_path, QUOTE, ENGINE[0], checkpoint(12), ENGINE[0], checkpoint(14))
    assert beginning(tape).run.seq == 12
    assert [run.seq for seq in (10, 11, 12, 13, 14) if (run := tape.run_at(seq)) is not None] == [4, 4, 12, 12, 14]


@pytest.mark.parametrize("found", [checkpoint(9), checkpoint(10, shape="another"), replace(checkpoint(10), digest="0")])
def test_without_a_checkpoint_to_begin_with_it_has_no_beginning(tmp_path: Path, found: AnyEvent) -> None:
    with pytest.raises(NoBeginning, match="begins with event 11, what was before is not there"):
        beginning(later(tmp_path, found, QUOTE))


def test_the_market_of_a_later_segment_is_what_its_feed_brought(tmp_path: Path) -> None:
    tape = later(tmp_path, checkpoint(10), QUOTE, ENGINE[14], QUOTE)
    assert [event.seq for event in market(tape)] == [12, 14]


def test_what_is_missing_at_the_front_is_said(tmp_path: Path) -> None:
    assert said_of_front(tape_of(tmp_path, ENGINE)) == ""
    assert said_of_front(later(tmp_path, QUOTE)).endswith(
        "later.tape begins with event 11: what was before was dropped (tape_keep_days)"
    )
