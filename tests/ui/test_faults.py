"""What the page says when something is gone: an engine, a database, tables, a run. Old numbers never look live."""

import re
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from flows.records.database import ensure, open_database
from tests.servers import Postgres
from tests.ui.conftest import Programs
from tests.ui.running import Process

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


def state(page: Page, text: str | re.Pattern[str], within_ms: int) -> None:
    expect(page.locator("#state")).to_have_text(text, timeout=within_ms)


def running_page(page: Page, tape: Path, programs: Programs) -> Process:
    """An engine at work, and a page that shows it."""
    engine = programs.engine(tape, SPEED)
    page.goto(programs.page().url)
    state(page, "RUNNING", 30_000)
    expect(page.locator("html")).not_to_have_class(GREY)
    return engine


def test_an_engine_that_dies_is_stale_and_its_numbers_grey(page: Page, tape: Path, programs: Programs) -> None:
    engine = running_page(page, tape, programs)
    engine.end(signal.SIGKILL)
    state(page, re.compile(r"^STALE \d+ s$"), STALE_MS + STALE_WITHIN_MS)
    expect(page.locator("html")).to_have_class(GREY)
    expect(page.locator("#note")).to_contain_text("of Mon 2 Mar 2026")


def test_an_engine_that_is_stopped_says_so_and_is_not_stale(page: Page, tape: Path, programs: Programs) -> None:
    engine = running_page(page, tape, programs)
    engine.end(signal.SIGTERM)
    state(page, "STOPPED", 2_000)
    expect(page.locator("#note")).to_contain_text("what it decided until then is recorded")


def test_a_database_that_stops_is_seen_and_comes_back(
    page: Page, tape: Path, programs: Programs, postgres: Postgres
) -> None:
    programs.database = postgres.url
    engine = running_page(page, tape, programs)
    postgres.stop()
    state(page, "DATABASE UNREACHABLE", GONE_WITHIN_MS)
    expect(page.locator("html")).to_have_class(GREY)
    postgres.start()
    state(page, "RUNNING", BACK_WITHIN_MS)
    expect(page.locator("html")).not_to_have_class(GREY)
    assert engine.alive, "the engine outlasts its database"
    engine.end()


def test_a_page_that_lost_its_server_says_so(bereft_page: Page, tape: Path, programs: Programs) -> None:
    running_page(bereft_page, tape, programs)
    programs.started[-1].end(signal.SIGKILL)
    state(bereft_page, "PAGE CUT OFF", 8_000)
    expect(bereft_page.locator("html")).to_have_class(GREY)


def test_a_database_without_a_run_waits_for_one(page: Page, tape: Path, programs: Programs) -> None:
    made = open_database(programs.database, create=True)
    ensure(made)
    made.dispose()
    page.goto(programs.page().url)
    state(page, "NO RUN YET", 5_000)
    expect(page.locator("#note")).to_contain_text("scalp run")
    programs.engine(tape, SPEED)
    state(page, "RUNNING", 15_000)


def test_a_missing_database_is_named_and_found_once_it_is_there(page: Page, tape: Path, programs: Programs) -> None:
    page.goto(programs.page().url)
    state(page, "DATABASE UNREACHABLE", 5_000)
    expect(page.locator("#note")).to_contain_text("there is no such file")
    programs.engine(tape, SPEED)
    state(page, "RUNNING", 15_000)
