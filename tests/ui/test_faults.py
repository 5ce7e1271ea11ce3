"""What the page says when something is gone: an engine, a database, tables, a run. Old numbers never look live."""

import re
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from flows.records.database import ensure, open_database
from tests.ui import running
from tests.ui.running import PageServer, Postgres, Process

pytestmark = pytest.mark.ui
SPEED = 120
STALE_MS, STALE_WITHIN_MS = 3_000, 4_000
GONE_WITHIN_MS, BACK_WITHIN_MS = 2_000, 3_000
GREY = re.compile(r"\bold\b")


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    with tempfile.TemporaryDirectory() as folder:
        server = Postgres(Path(folder))
        server.start()
        yield server
        if server.started:
            server.stop()


def ended(*processes: Process) -> None:
    """Ends them; the log of none may speak of a fault."""
    for process in processes:
        process.end()
    assert [fault for process in processes for fault in process.faults()] == []


def state(page: Page, text: str | re.Pattern[str], within_ms: int) -> None:
    expect(page.locator("#state")).to_have_text(text, timeout=within_ms)


def test_an_engine_that_dies_is_stale_and_its_numbers_grey(page: Page, tape: Path, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'records.db'}"
    engine = running.replay(tmp_path, tape, database, SPEED)
    server = PageServer(tmp_path, database).ready()
    page.goto(server.url)
    state(page, "RUNNING", 30_000)
    expect(page.locator("html")).not_to_have_class(GREY)
    engine.end(signal.SIGKILL)
    state(page, re.compile(r"^STALE \d+ s$"), STALE_MS + STALE_WITHIN_MS)
    expect(page.locator("html")).to_have_class(GREY)
    expect(page.locator("#note")).to_contain_text("numbers of Mon 2 Mar 2026")
    ended(server)


def test_an_engine_that_is_stopped_says_so_and_is_not_stale(page: Page, tape: Path, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'records.db'}"
    engine = running.replay(tmp_path, tape, database, SPEED)
    server = PageServer(tmp_path, database).ready()
    page.goto(server.url)
    state(page, "RUNNING", 30_000)
    engine.end(signal.SIGTERM)
    state(page, "STOPPED", 2_000)
    expect(page.locator("#note")).to_contain_text("what it decided until then is recorded")
    ended(server)


def test_a_database_that_stops_is_seen_and_comes_back(
    page: Page, tape: Path, tmp_path: Path, postgres: Postgres
) -> None:
    engine = running.replay(tmp_path, tape, postgres.url, SPEED)
    server = PageServer(tmp_path, postgres.url).ready()
    page.goto(server.url)
    state(page, "RUNNING", 30_000)
    postgres.stop()
    state(page, "DATABASE UNREACHABLE", GONE_WITHIN_MS)
    expect(page.locator("html")).to_have_class(GREY)
    postgres.start()
    state(page, "RUNNING", BACK_WITHIN_MS)
    expect(page.locator("html")).not_to_have_class(GREY)
    assert engine.alive, "the engine outlasts its database"
    ended(engine, server)


def test_a_page_that_lost_its_server_says_so(bereft_page: Page, tape: Path, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'records.db'}"
    engine = running.replay(tmp_path, tape, database, SPEED)
    server = PageServer(tmp_path, database).ready()
    bereft_page.goto(server.url)
    state(bereft_page, "RUNNING", 30_000)
    server.end(signal.SIGKILL)
    state(bereft_page, "PAGE CUT OFF", 8_000)
    expect(bereft_page.locator("html")).to_have_class(GREY)
    ended(engine)


def test_a_database_without_a_run_waits_for_one(page: Page, tape: Path, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'records.db'}"
    made = open_database(database, create=True)
    ensure(made)
    made.dispose()
    server = PageServer(tmp_path, database).ready()
    page.goto(server.url)
    state(page, "NO RUN YET", 5_000)
    expect(page.locator("#note")).to_contain_text("scalp replay TAPE")
    engine = running.replay(tmp_path, tape, database, SPEED)
    state(page, "RUNNING", 15_000)
    ended(engine, server)


def test_a_missing_database_is_named_and_found_once_it_is_there(page: Page, tape: Path, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'records.db'}"
    server = PageServer(tmp_path, database).ready()
    page.goto(server.url)
    state(page, "DATABASE UNREACHABLE", 5_000)
    expect(page.locator("#note")).to_contain_text("there is no such file")
    engine = running.replay(tmp_path, tape, database, SPEED)
    state(page, "RUNNING", 15_000)
    ended(engine, server)
