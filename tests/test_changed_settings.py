"""Engines that are started again with changed settings: flat they go on by them, else they say what is held."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from msgspec.structs import replace

from flows.engine import process, recovery
from flows.engine.process import Engine, Plan
from flows.engine.rebuild import rebuild
from flows.engine.recovery import OtherSettings
from flows.feeds.recorded import RecordedFeed
from flows.market.generate import generate
from flows.market.plan import FIRST, planned
from flows.records.database import open_database
from flows.records.queries import records_sha256
from flows.records.tables import audit, runs
from flows.runs import Options, prepare
from flows.settings import load
from flows.tape.reader import Tape
from flows.tape.segments import Segments, segment_paths
from flows.tape.writer import TapeWriter
from operators.carrying import carried
from operators.changes import changes
from operators.checkpoints import states
from operators.events import AnyEvent, Checkpoint, Command, Intent, RunStarted, Stop
from operators.sessions import new_york
from tests.commands import scalp
from tests.lives import FAST, Place, killed_at

pytestmark = pytest.mark.slow
FEW = "max_scalps_per_day=1"


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sessions of two tickers."""
    path = tmp_path_factory.mktemp("market") / "market.tape"
    given: dict[str, Any] = {"seed": 4, "sessions": 2, "contracts": 30, "chain_seconds": 60, "quotes_per_second": 0.05}
    generate(planned("QQQ,SPY", "", FIRST, **given), path)
    return path


def part(market: Path, path: Path, wanted: Callable[[AnyEvent], bool]) -> Path:
    """The first events of a market, as long as they are wanted."""
    tape = Tape(market)
    with TapeWriter(path, tape.header) as out:
        for event in tape.events():
            if not wanted(event):
                break
            out.append(event)
    return path


@pytest.fixture(scope="module")
def first_day(market: Path) -> Path:
    days = sorted({new_york(event.at_ns).date() for event in Tape(market).events()})
    return part(market, market.with_name("first.tape"), lambda event: new_york(event.at_ns).date() < days[-1])


class Stage:
    """An engine's folder and database; a run plays a tape to its end."""

    def __init__(self, folder: Path) -> None:
        self.state, self.url = folder / "state", f"sqlite:///{folder}/records.db"
        self.folder = folder

    @property
    def tape(self) -> Path:
        return self.state / "tape"

    def engine(self, feed: Path, *values: str, mode: Any = "both", account: str = "test") -> Engine:
        plan = Plan(self.state, self.url, account, mode, load(None, values), FAST)
        return Engine(plan, lambda _: RecordedFeed(feed, FAST))

    def run(self, feed: Path, *values: str, before: tuple[AnyEvent, ...] = (), mode: Any = "both") -> Engine:
        engine = self.engine(feed, *values, mode=mode)
        if before:
            put = engine.feed.run
            engine.feed.run = lambda to, *more: ([to(event) for event in before], put(to, *more))[1]  # type: ignore[method-assign,assignment]  # commands come before the market
        engine.run()
        return engine

    def rows(self, table: sa.Table) -> list[dict[str, Any]]:
        database = open_database(self.url, create=False)
        with database.connect() as connection:
            found = [dict(row) for row in connection.execute(sa.select(table)).mappings()]
        database.dispose()
        return found

    def digest(self) -> str:
        return records_sha256(open_database(self.url, create=False), "paper:test")

    def bytes(self) -> list[bytes]:
        """All that is on the disk of tape and database."""
        return [path.read_bytes() for path in (*segment_paths(self.tape), self.folder / "records.db")]

    def same_again(self) -> bool:
        """Whether a rebuild from the tape alone has the same records."""
        return rebuild(self.state, f"sqlite:///{self.folder}/again.db").records_sha256 == self.digest()


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def books(engine: Engine) -> Any:
    return engine.desks.books["paper:test"].book


class TestFlat:
    def test_the_second_run_trades_by_the_new_setting_with_the_money_of_the_first(
        self, stage: Stage, market: Path, first_day: Path
    ) -> None:
        one = books(stage.run(first_day))
        assert one.scalps == {}
        assert one.cash_micros != 100_000_000_000
        two = stage.run(market, FEW)
        assert books(two).open_equity_micros == one.cash_micros
        assert books(two).scalps_today == 1 < one.scalps_today
        assert two.desks.books["paper:test"].config.max_scalps_per_day == 1
        assert stage.same_again()

    def test_the_change_is_in_the_audit_and_the_run_row_is_that_in_force(
        self, stage: Stage, market: Path, first_day: Path
    ) -> None:
        stage.run(first_day)
        stage.run(market, FEW, mode="options")
        (row,) = [row for row in stage.rows(audit) if row["action"] == "settings"]
        assert json.loads(row["before"]) == {"mode": "both", "max_scalps_per_day": 20}
        assert json.loads(row["after"]) == {"mode": "options", "max_scalps_per_day": 1}
        (run,) = stage.rows(runs)
        assert (run["mode"], json.loads(run["settings"])[0]["max_scalps_per_day"]) == ("options", 1)

    def test_killed_stays_killed_and_a_ticker_off_stays_off(self, stage: Stage, market: Path, first_day: Path) -> None:
        asked = (Command(0, 0, 0, "ticker", "me", "QQQ off", "3"), Command(0, 0, 0, "kill", "me", "", "4"))
        one = books(stage.run(first_day, before=asked))
        two = books(stage.run(market, FEW))
        assert (two.trading, two.sides, two.last_command) == ("HALTED", {"QQQ": "off"}, 4)
        assert one.trading_reason == two.trading_reason == "killed by me"
        assert stage.same_again()

    def test_changed_there_and_back_is_two_changes(self, stage: Stage, first_day: Path) -> None:
        stage.run(first_day)
        stage.run(first_day, FEW)
        stage.run(first_day)
        assert [json.loads(row["after"]) for row in stage.rows(audit) if row["action"] == "settings"] == [
            {"max_scalps_per_day": 1},
            {"max_scalps_per_day": 20},
        ]
        assert stage.same_again()

    def test_a_replay_of_the_folder_is_the_same_in_batches_of_any_size(
        self, stage: Stage, market: Path, first_day: Path
    ) -> None:
        stage.run(first_day)
        stage.run(market, FEW)
        for batch in (1, 1000):
            url = f"sqlite:///{stage.folder}/batch-{batch}.db"
            run, flow = prepare([stage.tape], Options(database=url, batch=batch))
            run.execute(flow)
            assert records_sha256(run.engine, "paper:test") == stage.digest()
            run.engine.dispose()

    def test_less_equity_than_was_lost_is_refused(self, stage: Stage, first_day: Path) -> None:
        lossy = "paper_fee_per_contract_usd=100"
        assert books(stage.run(first_day, lossy)).cash_micros < 99_999_000_000
        before = stage.bytes()
        with pytest.raises(OtherSettings, match=r"would have -?[0-9.]+ USD: an account needs more than 0"):
            stage.engine(first_day, lossy, "start_equity_usd=1")
        assert stage.bytes() == before

    def test_another_account_is_another_folder(self, stage: Stage, first_day: Path) -> None:
        stage.run(first_day)
        before = stage.bytes()
        with pytest.raises(OtherSettings, match="book_id 'paper:test' is now 'paper:other'. Begin a new one"):
            stage.engine(first_day, account="other")
        assert stage.bytes() == before


class TestHeld:
    @pytest.fixture
    def held(self, stage: Stage, market: Path, tmp_path: Path) -> Stage:
        """An engine whose feed ended while it held something."""
        scout = Stage(tmp_path / "scout")
        scout.folder.mkdir()
        scout.run(market)
        events = list(Segments(scout.tape).events())
        cause = next(event.cause_seq for event in events if isinstance(event, Intent))
        until_ns = events[cause - 1].at_ns + 2_000_000_000
        stage.run(part(market, tmp_path / "part.tape", lambda event: event.at_ns <= until_ns))
        return stage

    def test_a_change_is_refused_and_nothing_is_written(self, held: Stage, market: Path) -> None:
        before = held.bytes()
        said = scalp(
            *("run", "--state", held.state, "--database", held.url, "--account", "test"),
            *("--feed", f"replay:{market}", "--speed", FAST, "--set", FEW),
        )
        assert said.code == 2
        assert "max_scalps_per_day 20 is now 1" in said.err
        assert "the engine holds" in said.err
        assert "scalp flatten" in said.err
        assert held.bytes() == before

    def test_the_settings_before_go_on(self, held: Stage, market: Path) -> None:
        assert books(held.run(market)).day != ""
        assert held.same_again()

    def test_a_book_that_holds_something_cannot_be_carried_over(self, held: Stage, market: Path) -> None:
        engine = held.engine(market)
        now = replace(engine.started, mode="options")
        with pytest.raises(ValueError, match="paper:test cannot change its settings: it holds"):
            carried(books(engine), changes(engine.started, now), engine.started, now, load())
        engine.run()


class TestKilled:
    def place(self, stage: Stage, market: Path, *values: str) -> Place:
        return Place(stage.state, stage.url, market, values=values)

    def test_what_was_missing_is_caught_up_under_the_settings_before(
        self, stage: Stage, market: Path, first_day: Path
    ) -> None:
        # Killed in the session's last minutes: all was left at 15:45.
        scout = Stage(stage.folder / "scout")
        scout.folder.mkdir()
        scout.run(first_day)
        number = sum(isinstance(event, Checkpoint) for event in Segments(scout.tape).events())
        assert killed_at(self.place(stage, first_day), "before a checkpoint", number - 3)
        # The tape runs ahead of the line: its Stop is there, what was decided up to it is not.
        (stop,) = (event for event in Segments(stage.tape).events() if isinstance(event, Stop))
        two = stage.engine(market, FEW)
        assert 0 < two.from_seq < stop.seq
        assert two.desks.books["paper:test"].config.max_scalps_per_day == 20
        two.run()
        assert two.desks.books["paper:test"].config.max_scalps_per_day == 1
        assert stage.same_again()

    def test_killed_between_the_change_and_its_first_checkpoint(
        self, stage: Stage, market: Path, first_day: Path
    ) -> None:
        stage.run(first_day)
        assert killed_at(self.place(stage, market, FEW), "before a checkpoint", 1)
        *_, run = (event for event in Segments(stage.tape).events() if isinstance(event, RunStarted))
        behind = [event for event in Segments(stage.tape).events(run.seq + 1) if isinstance(event, Checkpoint)]
        assert [event for event in behind if event.at_seq >= run.seq] == []
        assert books(stage.run(market, FEW)).scalps_today == 1
        assert len([row for row in stage.rows(audit) if row["action"] == "settings"]) == 1
        assert stage.same_again()


class TestOtherRules:
    def test_after_a_clean_end_they_go_on(
        self, stage: Stage, market: Path, first_day: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one = books(stage.run(first_day))
        monkeypatch.setattr(process, "RULES_VERSION", 99)
        two = books(stage.run(market))
        assert two.open_equity_micros == one.cash_micros
        *_, last = (event for event in Segments(stage.tape).events() if isinstance(event, Checkpoint))
        assert states(last).books.keys() == {"paper:test"}
        run = recovery.in_force(stage.tape)
        assert run is not None
        assert run.rules_version == 99

    def test_with_something_to_catch_up_they_are_refused(
        self, stage: Stage, market: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert killed_at(Place(stage.state, stage.url, market), "before a checkpoint", 20)
        before = stage.bytes()
        monkeypatch.setattr(process, "RULES_VERSION", 99)
        with pytest.raises(OtherSettings, match="rules_version 2 is now 99.*decided by another version.*stop it in"):
            stage.engine(market)
        assert stage.bytes() == before

    def test_with_another_database_they_are_refused(
        self, stage: Stage, market: Path, first_day: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stage.run(first_day)
        (stage.folder / "records.db").unlink()
        monkeypatch.setattr(process, "RULES_VERSION", 99)
        with pytest.raises(OtherSettings, match="the database has paper:test up to event 0 of"):
            stage.engine(market)
