"""`scalp doctor` and `scalp run` with the same options: what a start refuses the doctor says, in the same words."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from flows.brokers import choosing
from flows.engine import process
from flows.engine.recovery import OtherSettings
from flows.engine.state import Locked, StateFolder
from flows.examining import Asked, examined
from flows.feeds.recorded import RecordedFeed
from flows.findings import Finding
from flows.records.database import ensure, head, open_database
from flows.records.faults import UnusableDatabase
from flows.settings import load
from flows.tape.segments import segment_path, segment_paths
from operators.events import RunStarted
from tests.alpaca_market import OPENING
from tests.commands import MAIN, ROOT, complaint, scalp
from tests.commands import process as in_a_process
from tests.left_engines import ACCOUNT, Left, at
from tests.lockstep import LockStep
from tests.tape_builders import bars, segment, write
from tests.test_doctor import TODAY

pytest_plugins = ("tests.alpaca_fixtures", "tests.left_fixtures")
FAST, NEVER = 1e6, 1e-6
OTHER = "live:PA9"


class Stage:
    """An engine's folder and database, and a market of three bars."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state, self.file = folder, folder / "state", folder / "records.db"
        self.market = write(folder / "market.tape", bars(3))
        self.broker, self.account = "paper", "test"

    def run(self, *words: str, database: str = "", speed: float = FAST) -> list[object]:
        """The words of `scalp run`."""
        feed = ("--feed", f"replay:{self.market}") if self.broker == "paper" else ()  # else it is the broker's own
        return [
            *("run", "--state", self.state, "--database", database or f"sqlite:///{self.file}"),
            *("--broker", self.broker, "--account", self.account, *feed, "--speed", speed, *words),
        ]

    def held_back(self, values: tuple[str, ...] = (), mode: Any = "both", database: str = "") -> str:
        """Why a start at the broker refuses, with the feed of the run before."""
        at = choosing.chosen(self.broker, "", live=False, settings=load())
        url = database or f"sqlite:///{self.file}"
        plan = process.Plan(self.state, url, "", mode, load(None, values), FAST, broker=at)
        with pytest.raises((OtherSettings, UnusableDatabase)) as fault:
            process.Engine(plan, lambda _: LockStep(self.market))
        return " ".join(str(fault.value).split())

    def refusal(self, *words: str, database: str = "") -> str:
        """Why a start refuses, in one line."""
        return complaint(scalp(*self.run(*words, database=database)))

    def late_refusal(self) -> str:
        """The same of a start that has opened the tape's file by then, which only the end of its process closes."""
        return complaint(in_a_process(*self.run(), cwd=self.folder))

    def finding(self, what: str, *values: str, database: str = "", mode: Any = "both") -> Finding:
        """What the doctor says of a thing, and that it left every byte as it was."""
        asked = Asked(
            *(self.broker, False, self.account, mode, self.state),
            *(database or f"sqlite:///{self.file}", load(None, values)),
        )
        before = self.bytes()
        (found,) = (one for one in examined(asked, TODAY, lambda: OPENING) if one.what == what)
        assert self.bytes() == before
        return found

    def bytes(self) -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}

    def plan(self) -> process.Plan:
        return process.Plan(self.state, f"sqlite:///{self.file}", "test", "both", load(), FAST)

    def change(self, statement: str) -> None:
        """Changes the database behind the engine's back."""
        with sqlite3.connect(self.file) as connection:
            connection.execute(statement)
        connection.close()

    def first_run(self) -> RunStarted:
        found = process.recovery.begun(self.state / "tape")
        assert found is not None
        return found


@pytest.fixture
def fresh(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.fixture
def stage(fresh: Stage) -> Stage:
    """An engine on paper that ran and ended in order."""
    assert scalp(*fresh.run()).code == 0
    return fresh


@pytest.fixture
def holding(left: Left, fresh: Stage) -> Stage:
    """A copy of an engine that was stopped while it held something at the fake Alpaca."""
    shutil.copytree(left.state, fresh.state)
    shutil.copy(left.state.parent / "records.db", fresh.file)
    fresh.market = left.state.parent / "market.tape"
    _, fresh.broker = at(left.fake)
    fresh.account = ""
    return fresh


@pytest.fixture
def running(stage: Stage) -> Iterator[subprocess.Popen[str]]:
    """An engine as a process that says it runs, and whose market never comes."""
    words = [str(word) for word in stage.run(speed=NEVER)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", MAIN, *words], stderr=subprocess.PIPE, text=True, env=environment
    ) as one:
        assert one.stderr is not None
        assert "I001" in one.stderr.readline()
        yield one
        one.kill()


class TestFolder:
    def test_an_engine_that_runs_there_fails_and_runs_on(self, stage: Stage, running: subprocess.Popen[str]) -> None:
        refusal = complaint(scalp(*stage.run()), code=3)
        asked = Asked("paper", False, "test", "both", stage.state, f"sqlite:///{stage.file}", load())
        (one,) = (one for one in examined(asked, TODAY, lambda: OPENING) if one.what == "state folder")
        assert one == Finding("FAIL", "state folder", refusal)
        assert refusal == f"another engine runs on {stage.state}; stop it first, or name another --state"
        with pytest.raises(Locked):
            StateFolder(stage.state).lock()
        assert running.poll() is None

    def test_it_fails_while_an_engine_has_the_lock_and_no_longer(self, stage: Stage) -> None:
        folder = StateFolder(stage.state)
        folder.lock()
        assert stage.finding("state folder").status == "FAIL"
        folder.release()
        assert stage.finding("state folder") == Finding(
            "ok", "state folder", f"{stage.state} is open to nobody else, and no engine runs on it"
        )
        folder.lock()
        folder.release()

    def test_nothing_is_made_where_no_engine_has_begun(self, fresh: Stage) -> None:
        assert fresh.finding("tape").found == "none yet, the first start begins it as paper:test"
        assert fresh.finding("database").found == f"{fresh.file} is not there yet, the first start makes it"
        assert [path.name for path in fresh.folder.iterdir()] == ["market.tape"]

    def test_a_tape_that_is_a_link_fails(self, stage: Stage) -> None:
        (stage.state / "tape").rename(stage.folder / "elsewhere")
        (stage.state / "tape").symlink_to(stage.folder / "elsewhere")
        assert stage.finding("state folder").found == stage.refusal()
        assert stage.finding("tape") == Finding("warn", "tape", "not looked at", "mend the state folder first")


class TestTape:
    def test_the_same_options_go_on(self, stage: Stage) -> None:
        one = stage.finding("tape")
        assert (one.status, one.found.rpartition(" ")[0]) == ("ok", "paper:test goes on behind event")

    def test_a_book_at_a_broker_does_not_go_on_on_paper(self, holding: Stage) -> None:
        holding.broker = "paper"
        one = holding.finding("tape")
        assert (one.status, one.found) == ("FAIL", holding.refusal())
        assert f"book_id 'live:{ACCOUNT}' is now 'paper:main'. Begin a new one with another --state" in one.found

    @pytest.mark.parametrize("account", ["", ACCOUNT])
    def test_a_book_on_paper_does_not_go_on_at_a_broker(self, stage: Stage, left: Left, account: str) -> None:
        _, stage.broker = at(left.fake)
        stage.account = account
        one = stage.finding("tape")
        assert (one.status, one.found) == ("FAIL", stage.refusal())
        assert one.found == "this state is that of paper:test, on paper: name another --state or --broker paper"

    def test_another_account_than_the_tapes_fails(self, holding: Stage) -> None:
        holding.account = "PA9"
        one = holding.finding("tape")
        assert (one.status, one.found) == ("FAIL", holding.refusal())
        assert one.found == f"this state is that of account {ACCOUNT}, not PA9: name another --state"

    def test_another_account_on_paper_fails(self, stage: Stage) -> None:
        stage.account = "other"
        one = stage.finding("tape")
        assert (one.status, one.found) == ("FAIL", stage.refusal())
        assert "book_id 'paper:test' is now 'paper:other'" in one.found

    def test_the_keys_of_another_account_than_the_tapes_fail(self, stage: Stage, left: Left) -> None:
        run = stage.first_run()
        tape = write(segment_path(stage.state / "tape", 1).with_suffix(".new"), [_at_another(run)])
        tape.rename(segment_path(stage.state / "tape", 1))
        _, stage.broker = at(left.fake)
        stage.account = ""
        assert stage.finding("positions") == Finding(
            "FAIL", "positions", f"account: PA9 here, {ACCOUNT} at the broker", "start with that account's keys"
        )

    def test_a_tape_of_no_engine_fails(self, stage: Stage) -> None:
        write(stage.folder / "bars.tape", bars(2)).rename(segment_path(stage.state / "tape", 1))
        one = stage.finding("tape")
        assert (one.status, one.found) == ("FAIL", stage.refusal())

    def test_keys_that_are_not_let_in_leave_a_new_tape_open(self, fresh: Stage, left: Left) -> None:
        _, fresh.broker = at(left.fake)
        fresh.account = ""
        left.fake.faults({"kind": "unauthorized"})
        assert fresh.finding("tape") == Finding(
            "warn", "tape", "not compared with what would begin", "see the keys, and ask again"
        )


class TestSettings:
    def test_a_change_while_something_is_held_fails(self, holding: Stage, left: Left) -> None:
        change = "max_scalps_per_day=1"
        one = holding.finding("tape", change)
        assert (one.status, one.found) == ("FAIL", holding.held_back((change,)))
        assert one.found == (
            "settings cannot change now (max_scalps_per_day 20 is now 1): the engine holds "
            f"{left.quantity} {left.symbol} (live:{ACCOUNT}). Start it with the settings before, `scalp flatten` or "
            "wait until nothing is held, and stop it; then change them"
        )

    def test_so_does_another_mode(self, holding: Stage) -> None:
        one = holding.finding("tape", mode="options")
        assert (one.status, one.found) == ("FAIL", holding.held_back(mode="options"))
        assert "mode 'both' is now 'options'" in one.found

    def test_a_change_while_nothing_is_held_is_told(self, stage: Stage) -> None:
        one = stage.finding("tape", "max_scalps_per_day=1")
        assert one.status == "ok"
        assert one.found.endswith(", with other settings than before: max_scalps_per_day 20 is now 1")
        assert scalp(*stage.run("--set", "max_scalps_per_day=1")).code == 0

    def test_what_another_version_decided_fails_with_another_database(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(process, "RULES_VERSION", 99)
        assert stage.finding("database").status == "ok"
        new = f"sqlite:///{stage.folder}/new.db"
        one = stage.finding("database", database=new)
        assert (one.status, one.found) == ("FAIL", stage.refusal(database=new))
        assert "the database has paper:test up to event 0 of" in one.found


class TestDatabase:
    def test_the_engines_own_has_the_book(self, stage: Stage) -> None:
        one = stage.finding("database")
        assert one.status == "ok"
        engine = process.Engine(stage.plan(), lambda _: RecordedFeed(stage.market, FAST))
        assert engine.from_seq > 0
        assert one.found == (
            f"at revision {head()}, has paper:test up to event {engine.recorder.tape_seq}: "
            f"the start catches up from event {engine.from_seq}"
        )
        engine.run()

    def test_one_that_is_not_there_is_filled_and_warned_of(self, stage: Stage) -> None:
        new = f"sqlite:///{stage.folder}/new.db"
        one = stage.finding("database", database=new)
        assert (one.status, one.found.partition(";")[0]) == (
            "warn",
            f"{stage.folder}/new.db is not there yet, the first start makes it",
        )
        assert "; it has nothing of paper:test: the start fills it from the tape, " in one.found
        assert scalp(*stage.run(database=new)).code == 0
        assert stage.finding("database", database=new).status == "ok"

    @pytest.mark.parametrize("tables", [True, False])
    def test_an_emptied_one_is_warned_of(self, stage: Stage, tables: bool) -> None:
        stage.file.unlink()
        if tables:
            engine = open_database(f"sqlite:///{stage.file}", create=True)
            ensure(engine)
            engine.dispose()
        else:
            stage.file.touch()
        one = stage.finding("database")
        assert (one.status, "it has nothing of paper:test" in one.found) == ("warn", True)

    def test_that_of_another_tape_fails(self, stage: Stage) -> None:
        other = stage.folder / "other"
        other.mkdir()
        second = Stage(other)
        assert scalp(*second.run()).code == 0
        theirs = f"sqlite:///{stage.file}"
        one = second.finding("database", database=theirs)
        assert (one.status, one.found) == ("FAIL", second.refusal(database=theirs))
        assert "name the database that belongs to this --state, or another --account" in one.found

    def test_a_new_state_on_the_database_of_another_fails(self, stage: Stage) -> None:
        stage.state = stage.folder / "new"
        one = stage.finding("database")
        assert (one.status, ", this is a new tape: name the database" in one.found) == ("FAIL", True)
        assert one.found.partition(", this is")[0] == stage.refusal().partition(", this is")[0]

    def test_one_that_is_ahead_of_the_tape_fails(self, stage: Stage) -> None:
        stage.change("UPDATE ledger_marks SET tape_seq = 1000")
        one = stage.finding("database")
        assert (one.status, one.found) == ("FAIL", stage.late_refusal())
        assert "the tape lost its end" in one.found

    def test_one_of_a_tape_that_is_gone_fails(self, stage: Stage) -> None:
        shutil.rmtree(stage.state / "tape")
        one = stage.finding("database")
        assert (one.status, one.found) == ("FAIL", stage.late_refusal())
        assert "ends at 0: the tape lost its end" in one.found

    def test_one_that_ends_before_the_tape_begins_fails(self, stage: Stage) -> None:
        run = stage.first_run()
        for path in segment_paths(stage.state / "tape"):
            path.unlink()
        segment(stage.state / "tape", 50, 60, run=run, kept_from=50)
        one = stage.finding("database")
        assert (one.status, one.found) == ("FAIL", stage.late_refusal())
        assert "begins with event 50, what was before was dropped" in one.found

    def test_one_that_is_away_says_what_is_held_and_the_way_out(self, holding: Stage, left: Left) -> None:
        gone = f"sqlite:///{holding.folder}/none/records.db"
        one = holding.finding("database", database=gone)
        assert (one.status, one.found) == ("FAIL", holding.held_back(database=gone))
        assert f"this engine held {left.quantity} {left.symbol}: no exit is watched meanwhile" in one.found

    def test_what_a_killed_engine_left_in_its_log_stays_there(self, stage: Stage) -> None:
        statement = "UPDATE ledger_marks SET tape_seq = 1"
        code = f"import os, sqlite3; c = sqlite3.connect({str(stage.file)!r}); c.execute({statement!r}); c.commit()"
        subprocess.run([sys.executable, "-c", f"{code}; os._exit(0)"], check=True)
        names = [stage.file.name, f"{stage.file.name}-wal"]
        before = [(stage.folder / name).read_bytes() for name in names]
        asked = Asked("paper", False, "test", "both", stage.state, f"sqlite:///{stage.file}", load())
        (one,) = (one for one in examined(asked, TODAY, lambda: OPENING) if one.what == "database")
        assert "has paper:test up to event 1: the start catches up from event" in one.found
        assert [(stage.folder / name).read_bytes() for name in names] == before


def _at_another(run: RunStarted) -> RunStarted:
    """The first event of a book at another account."""
    return replace(run, book_id=OTHER, loop="alpaca-paper")
