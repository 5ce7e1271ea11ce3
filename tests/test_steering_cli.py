"""`scalp pause` and its sisters against an engine that really runs: answered, refused, or told that nobody answers."""

import getpass
import stat
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from sqlalchemy import Engine

from flows.engine import steering_commands
from flows.engine.state import StateFolder
from flows.faults import BAD_INPUT, RUN_FAILED
from flows.records.database import ensure, open_database
from flows.records.heartbeat import beat
from operators.events import AnyEvent, Checkpoint, Command
from tests.commands import Said, complaint, scalp
from tests.kills import market_tape
from tests.lives import LIMIT_SECONDS, Place, begin
from tests.test_engine_lives import WATCHED, await_on_tape, end

pytestmark = pytest.mark.slow
NOWHERE = "sqlite:////no/such/folder/records.db"
ME = getpass.getuser()
ACTIVE, PAUSED, KILLED = "ACTIVE, both", f"REDUCING (paused by {ME}), both", f"HALTED (killed by {ME}), both"


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return market_tape(tmp_path_factory.mktemp("market") / "market.tape")


@pytest.fixture
def place(market: Path, tmp_path: Path) -> Place:
    """Where an engine may live."""
    return Place(tmp_path / "state", f"sqlite:///{tmp_path}/live.db", market, WATCHED)


@pytest.fixture
def engine(place: Place) -> Iterator[BaseProcess]:
    """An engine that has begun; ended in order after the test."""
    process = begin(place)
    try:
        await_on_tape(place, process, lambda event: type(event) is Checkpoint)
        yield process
        if process.is_alive():
            end(process)
        assert process.exitcode == 0
    finally:
        process.kill()
        process.join(LIMIT_SECONDS)


@pytest.fixture
def running(place: Place, engine: BaseProcess) -> Place:
    """Where an engine runs."""
    return place


def steer(place: Place, *words: str) -> Said:
    """A command to the engine of a place, in its database."""
    return scalp(*words, "--account", "test", "--database", place.database)


def said(place: Place, *words: str) -> str:
    """What an engine that did as asked says, without the command's number."""
    found = steer(place, *words)
    assert (found.code, found.err) == (0, ""), found
    assert len(found.out.splitlines()) == 1
    return found.out.strip().split("): ", 1)[1]


def made(place: Place) -> Engine:
    """The database of an engine that has not begun."""
    opened = open_database(place.database, create=True)
    ensure(opened)
    return opened


def killed_by_file(event: AnyEvent) -> bool:
    return isinstance(event, Command) and (event.action, event.actor, event.command_id) == ("kill", "file", "")


class TestAnswered:
    def test_an_engine_pauses_and_resumes(self, running: Place) -> None:
        assert said(running, "pause") == f"{ACTIVE} -> {PAUSED}"
        assert said(running, "resume") == f"{PAUSED} -> {ACTIVE}"

    def test_an_answer_names_the_command_its_engine_and_number(self, running: Place) -> None:
        for number in (1, 2):
            assert steer(running, "pause").out.startswith(f"pause of paper:test (command {number}): ")

    def test_the_only_engine_needs_no_name_and_may_be_named_by_its_book(self, running: Place) -> None:
        asked = scalp("kill", "--database", running.database)
        assert (asked.code, asked.out) == (0, f"kill of paper:test (command 1): {ACTIVE} -> {KILLED}\n")
        named = scalp("rearm", "why", "--account", "paper:test", "--database", running.database)
        assert (named.code, named.out) == (0, f"rearm of paper:test (command 2): {KILLED} -> {ACTIVE}\n")
        assert scalp("status", "--database", running.database).out.startswith("paper:test: running; event ")

    def test_a_ticker_is_switched(self, running: Place) -> None:
        assert said(running, "ticker", "SPY", "short") == f"{ACTIVE} -> {ACTIVE}, SPY short"
        assert said(running, "ticker", "QQQ", "off") == f"{ACTIVE}, SPY short -> {ACTIVE}, QQQ off, SPY short"
        assert said(running, "ticker", "SPY", "on") == f"{ACTIVE}, QQQ off, SPY short -> {ACTIVE}, QQQ off"

    def test_the_mode_is_changed(self, running: Place) -> None:
        assert said(running, "mode", "options") == f"{ACTIVE} -> ACTIVE, options"

    def test_a_flatten_leaves_trading_as_it_is(self, running: Place) -> None:
        assert said(running, "flatten") == f"{ACTIVE} -> {ACTIVE}"

    def test_a_kill_halts_until_a_rearm(self, running: Place) -> None:
        assert said(running, "kill") == f"{ACTIVE} -> {KILLED}"
        assert said(running, "rearm", "checked the account") == f"{KILLED} -> {ACTIVE}"

    @pytest.mark.parametrize(
        ("words", "why"),
        [
            (("resume",), "trading is ACTIVE: resume ends REDUCING"),
            (("rearm", "a reason"), "trading is ACTIVE: a rearm ends HALTED"),
            (("ticker", "GME", "off"), "GME is not in scalp_tickers"),
            (("ticker", "QQQ", "up"), "'QQQ up' is no ticker with one of on, off, long, short"),
        ],
    )
    def test_a_refused_command_ends_with_3_and_the_reason(
        self, running: Place, words: tuple[str, ...], why: str
    ) -> None:
        assert (
            complaint(steer(running, *words), RUN_FAILED) == f"{words[0]} of paper:test (command 1) did nothing: {why}"
        )

    def test_another_account_is_not_steered(self, running: Place) -> None:
        found = complaint(scalp("kill", "--account", "other", "--database", running.database), BAD_INPUT)
        assert "paper:test (runs)" in found
        assert said(running, "pause") == f"{ACTIVE} -> {PAUSED}"


class TestUnanswered:
    @pytest.mark.parametrize("words", [("pause",), ("kill",), ("rearm", "a reason"), ("mode", "both")])
    def test_without_an_engine_a_command_asks_nobody(self, place: Place, words: tuple[str, ...]) -> None:
        made(place)
        expected = "no engine has run on this database: name its --database"
        assert complaint(steer(place, *words), BAD_INPUT) == expected

    @pytest.mark.parametrize("words", [("pause",), ("kill",), ("rearm", "a reason"), ("mode", "both")])
    def test_an_engine_that_ended_gives_no_answer_and_that_is_exit_code_3(
        self, place: Place, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(steering_commands, "ANSWER_SECONDS", 0.1)
        opened = made(place)
        beat(opened, "paper:test", "ended", events=1, tape_at=None, speed=None)
        expected = (
            f"{words[0]} of paper:test (command 1): no answer in 0 s; see `scalp status`, and that the engine runs"
        )
        assert complaint(steer(place, *words), RUN_FAILED) == expected

    def test_a_missing_database_is_not_made(self, place: Place, tmp_path: Path) -> None:
        assert "there is no such file" in complaint(steer(place, "pause"), BAD_INPUT)
        assert not (tmp_path / "live.db").exists()

    @pytest.mark.parametrize(
        ("words", "named"),
        [
            (("mode", "stocks"), "'stocks' is not one of"),
            (("mode",), "instruments"),
            (("rearm",), "reason"),
            (("ticker", "QQQ"), "switch"),
        ],
    )
    def test_words_that_are_no_command_are_refused_and_ask_for_nothing(
        self, place: Place, tmp_path: Path, words: tuple[str, ...], named: str
    ) -> None:
        assert named in complaint(steer(place, *words), BAD_INPUT)
        assert not (tmp_path / "live.db").exists()


class TestKillFile:
    def test_an_engine_halts_for_a_file_and_takes_it_away_without_any_database(
        self, running: Place, engine: BaseProcess, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SCALP_DATABASE", NOWHERE)
        found = scalp("kill", "--state", running.state)
        assert (found.code, found.err, f"asked by {running.state / 'kill'}" in found.out) == (0, "", True)
        await_on_tape(running, engine, killed_by_file)
        assert said(running, "rearm", "checked") == f"HALTED (killed by file), both -> {ACTIVE}"
        end(engine)
        assert not (running.state / "kill").exists()

    def test_a_file_that_waited_for_an_engine_is_obeyed(self, place: Place) -> None:
        folder = StateFolder(place.state)
        folder.lock()
        folder.release()
        assert scalp("kill", "--state", place.state).code == 0
        process = begin(place)
        await_on_tape(place, process, killed_by_file)
        end(process)

    def test_a_file_is_its_owners_alone_and_may_be_asked_for_again(self, tmp_path: Path) -> None:
        (tmp_path / "tape").mkdir()
        assert [scalp("kill", "--state", tmp_path).code for _ in range(2)] == [0, 0]
        assert stat.S_IMODE((tmp_path / "kill").stat().st_mode) & 0o077 == 0

    @pytest.mark.parametrize("name", ["", "missing"])
    def test_a_folder_of_no_engine_is_refused_and_gets_no_file(self, tmp_path: Path, name: str) -> None:
        folder = tmp_path / name
        assert complaint(scalp("kill", "--state", folder), BAD_INPUT) == f"{folder} is no folder of an engine"
        assert list(tmp_path.iterdir()) == []
