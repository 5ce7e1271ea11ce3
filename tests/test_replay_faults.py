"""A run that meets a broken world: damaged tapes, a database that fails, a fault of the program itself."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.commands import MAIN, Said, complaint, process, replayed, scalp, told
from tests.made_tapes import MONDAY, TUESDAY, WARM, tape
from tests.play import tape_events

pytest_plugins = ("tests.tape_fixtures",)

BROKEN_MARKET = f"""
from flows import runs
from flows.engine import recovery

class Broken(recovery.Market):
    def on(self, event):
        if event.seq == 7000:
            raise ZeroDivisionError("the market is broken")
        return super().on(event)

recovery.Market = Broken
{MAIN}
"""
ONE_TABLE_LESS = f"""
from flows import runs
from flows.engine import recovery
from flows.records.database import writing

class Losing(recovery.Market):
    def on(self, event):
        if event.seq == 7000:
            with writing(runs.open_database(runs.database_url(None), create=False)) as connection:
                connection.exec_driver_sql("DROP TABLE orders")
        return super().on(event)

recovery.Market = Losing
{MAIN}
"""
SMALL_WRITES = f"from flows.records import scribe; scribe.ROWS = 10\n{ONE_TABLE_LESS}"
"""The table is missed by a write on the way, not only by the last one."""


def signalled(name: str) -> str:
    """A run that is sent a signal at its event 7,000."""
    return f"""
import os, signal
from flows import runs
from flows.engine import recovery

class Interrupted(recovery.Market):
    def on(self, event):
        if event.seq == 7000:
            os.kill(os.getpid(), signal.{name})
        return super().on(event)

recovery.Market = Interrupted
{MAIN}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "records.db"


def attempts(file: Path) -> list[tuple[Any, ...]]:
    """Status, message and events of every attempt."""
    connection = sqlite3.connect(file)
    rows = connection.execute("SELECT status, message, events FROM run_attempts ORDER BY id").fetchall()
    connection.close()
    return rows


def change(file: Path, statement: str) -> None:
    connection = sqlite3.connect(file)
    connection.execute(statement)
    connection.commit()
    connection.close()


def cut(made: Path, folder: Path) -> Path:
    """The first half of a tape's bytes: somewhere in a frame, without the closing frame."""
    path = folder / "torn.tape"
    path.write_bytes(made.read_bytes()[: made.stat().st_size // 2])
    return path


def flipped(made: Path, folder: Path) -> Path:
    """The tape with one bit of its middle changed, its closing frame whole."""
    path, data = folder / "corrupt.tape", bytearray(made.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    return path


def run(made: Path, file: Path, code: str = MAIN) -> Said:
    words = ("replay", made, "--mode", "leveraged_etf", "--json")
    return process(*words, cwd=file.parent, code=code, SCALP_DATABASE=f"sqlite:///{file}")


def test_a_torn_tape_replays_its_whole_events_with_a_warning(made_tape: Path, tmp_path: Path, file: Path) -> None:
    torn = cut(made_tape, tmp_path)
    said = scalp("replay", torn, "--mode", "leveraged_etf", "--database", f"sqlite:///{file}", "--json")
    assert told(said)["events"] == len(tape_events(torn))
    assert said.err.startswith("scalp: warning: ")
    assert "unfinished write" in said.err


def test_a_torn_tape_trades_as_the_whole_one_up_to_there(made_tape: Path, tmp_path: Path, file: Path) -> None:
    """Cut in the middle of Tuesday: what was over by then is the same, to the cent."""
    torn, data = tmp_path / "torn.tape", made_tape.read_bytes()
    torn.write_bytes(data[: len(data) * 9 // 10])
    whole = replayed(made_tape, database=f"sqlite:///{file}")["trades"]
    some = replayed(torn, database=f"sqlite:///{file}")["trades"]
    assert some == whole[: len(some)]
    assert some


def test_a_tape_that_is_corrupt_midway_is_bad_input(made_tape: Path, tmp_path: Path, file: Path) -> None:
    said = run(flipped(made_tape, tmp_path), file)
    assert said.code == 2
    assert said.out == ""
    assert "corrupt at byte" in said.err.splitlines()[-1]


def test_a_corrupt_tape_is_refused_in_one_line(made_tape: Path, tmp_path: Path, file: Path) -> None:
    assert "corrupt at byte" in complaint(run(flipped(made_tape, tmp_path), file))


def test_the_attempt_at_a_corrupt_tape_is_noted_as_failed(made_tape: Path, tmp_path: Path, file: Path) -> None:
    run(flipped(made_tape, tmp_path), file)
    ((status, message, events),) = attempts(file)
    assert status == "failed"
    assert message
    assert 0 < events < len(tape_events(made_tape))


def test_overlapping_tapes_are_refused_with_both_times(made_tape: Path, tmp_path: Path, file: Path) -> None:
    monday = tape(tmp_path / "monday", (MONDAY,), history=0)
    said = scalp("replay", made_tape, monday, "--database", f"sqlite:///{file}")
    line = complaint(said)
    assert "must not overlap" in line
    assert "2025-04-08 20:00" in line
    assert "2025-04-07 13:31" in line


def test_a_tape_named_twice_is_refused(made_tape: Path, file: Path) -> None:
    assert "must not overlap" in complaint(scalp("replay", made_tape, made_tape, "--database", f"sqlite:///{file}"))


def test_a_refused_replay_leaves_no_attempt(made_tape: Path, file: Path) -> None:
    replayed(made_tape, database=f"sqlite:///{file}")
    complaint(scalp("replay", made_tape, made_tape, "--database", f"sqlite:///{file}"))
    assert len(attempts(file)) == 1


def test_a_fault_of_an_operator_is_a_failed_run(made_tape: Path, file: Path) -> None:
    said = run(made_tape, file, BROKEN_MARKET)
    assert (said.code, said.out) == (3, "")
    assert "the market is broken" in said.err.splitlines()[-1]


def test_a_fault_of_an_operator_leaves_a_failed_attempt(made_tape: Path, file: Path) -> None:
    run(made_tape, file, BROKEN_MARKET)
    assert [status for status, *_ in attempts(file)] == ["failed"]


def test_after_a_failed_run_the_whole_one_gives_the_usual_digest(made_tape: Path, file: Path) -> None:
    run(made_tape, file, BROKEN_MARKET)
    mended = replayed(made_tape, database=f"sqlite:///{file}")
    clean = replayed(made_tape, database=f"sqlite:///{file.parent / 'clean.db'}")
    assert mended["records_sha256"] == clean["records_sha256"]


@pytest.mark.parametrize("code", [ONE_TABLE_LESS, SMALL_WRITES], ids=["missed at the end", "missed on the way"])
def test_a_table_lost_in_mid_run_is_a_failed_run(made_tape: Path, file: Path, code: str) -> None:
    said = run(made_tape, file, code)
    assert (said.code, said.out) == (3, "")
    assert "lost a table of ours" in said.err.splitlines()[-1]


@pytest.mark.parametrize("code", [ONE_TABLE_LESS, SMALL_WRITES], ids=["missed at the end", "missed on the way"])
def test_a_table_lost_in_mid_run_leaves_a_failed_attempt(made_tape: Path, file: Path, code: str) -> None:
    run(made_tape, file, code)
    assert [status for status, *_ in attempts(file)] == ["failed"]


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_run_that_is_stopped_says_so_and_has_recorded_what_it_decided(made_tape: Path, file: Path, name: str) -> None:
    """The batch of 1,000 events that holds the 7,000th is finished: seven batches."""
    line = complaint(run(made_tape, file, signalled(name)), code=3)
    assert line.startswith("stopped after event 7000")
    ((status, _, events),) = attempts(file)
    assert (status, events) == ("failed", 7000)


def test_a_run_that_was_stopped_can_be_done_again(made_tape: Path, file: Path) -> None:
    run(made_tape, file, signalled("SIGTERM"))
    again = replayed(made_tape, database=f"sqlite:///{file}")
    assert again["records_sha256"] == replayed(made_tape, database=f"sqlite:///{file}.2")["records_sha256"]


def test_a_recorded_fact_that_was_changed_is_a_failed_run(made_tape: Path, file: Path) -> None:
    replayed(made_tape, database=f"sqlite:///{file}")
    change(file, "UPDATE fills SET price = price + 10000 WHERE rowid = 1")
    said = run(made_tape, file)
    assert (said.code, said.out) == (3, "")
    assert said.err.startswith("scalp: 1 recorded facts differ from this run's, the first: fills ")


def test_a_changed_fact_stands_and_the_attempt_says_so(made_tape: Path, file: Path) -> None:
    replayed(made_tape, database=f"sqlite:///{file}")
    change(file, "UPDATE fills SET quantity = quantity + 1 WHERE rowid = 1")
    run(made_tape, file)
    status, message, events = attempts(file)[-1]
    assert (status, events) == ("failed", len(tape_events(made_tape)))
    assert "the first stands" in message


def test_an_empty_tape_is_refused(tmp_path: Path, file: Path) -> None:
    from tests.tape_builders import write

    empty = write(tmp_path / "empty.tape", [])
    assert "holds no event" in complaint(scalp("replay", empty, "--database", f"sqlite:///{file}"))


def test_a_tape_of_history_alone_trades_nothing(tmp_path: Path, file: Path) -> None:
    warm = tape(tmp_path / "warm", (*WARM, MONDAY, TUESDAY), history=6)
    summary = replayed(warm, database=f"sqlite:///{file}")
    assert (summary["signals"], summary["trades"], summary["equity"]) == (0, [], "100000.000000")
    assert summary["history_events"] == summary["events"]
