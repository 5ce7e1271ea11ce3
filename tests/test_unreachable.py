"""What a start says whose database is away: what the engine held, and how its exits go on."""

from pathlib import Path

import pytest

from flows.engine.state import StateFolder
from flows.engine.unreachable import advising
from flows.records.faults import DatabaseUnavailable, OldDatabase
from tests.test_engine_recovery import engine_tape

WAY_OUT = "To go on at once make another one from the tape with `scalp rebuild --state "


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    made = StateFolder(tmp_path / "state")
    made.lock()
    return made


def said(folder: StateFolder, begun: bool) -> str:
    with pytest.raises(DatabaseUnavailable) as fault, advising(folder, begun):
        raise DatabaseUnavailable("database x is locked")
    return str(fault.value)


def test_an_engine_that_never_began_has_nothing_to_be_told_of(folder: StateFolder) -> None:
    assert said(folder, False) == "database x is locked"


def test_the_newest_checkpoint_says_what_was_held_and_when(folder: StateFolder) -> None:
    engine_tape(folder.tape)
    text = said(folder, True)
    assert text.startswith("database x is locked. At 2025-04-01 13:31:00 UTC this engine held nothing: ")
    interim = f"sqlite:///{folder.path}/interim.db"
    assert f"{WAY_OUT}{folder.path} --database {interim}` and start with --database {interim}; " in text


def test_without_a_checkpoint_it_is_not_known(folder: StateFolder) -> None:
    engine_tape(folder.tape, checkpoints={})
    text = said(folder, True)
    assert "Its tape has no checkpoint yet, what it holds is not known: no exit is watched meanwhile." in text
    assert WAY_OUT in text


def test_a_tape_that_cannot_be_read_is_said_too(folder: StateFolder) -> None:
    engine_tape(folder.tape)
    (segment,) = folder.tape.iterdir()
    segment.write_bytes(b"no tape at all")
    text = said(folder, True)
    assert f"What it holds cannot be read ({segment}" in text
    assert WAY_OUT in text


def test_other_faults_of_a_database_stay_as_they_are(folder: StateFolder) -> None:
    with pytest.raises(OldDatabase, match="^is at 136$"), advising(folder, True):
        raise OldDatabase("is at 136")
