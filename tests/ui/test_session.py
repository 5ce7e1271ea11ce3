"""A running session on the page: positions come and go, each with its story; the history, its CSV; a phone."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlalchemy as sa
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import Engine

from flows.records.database import ensure, open_database, reading
from flows.records.tables import etf_scalps, options_scalps
from tests.ui import running
from tests.ui.conftest import PHONE, Programs

pytestmark = pytest.mark.ui
SPEED = 120
SIGN_AND_ARROW = re.compile(r"▲ \+[\d,]+\.\d\d|▼ \u2212[\d,]+\.\d\d|0\.00")
SOON_MS, LATER_MS = 5_000, 90_000


class Session(NamedTuple):
    """A session that runs, and its page."""

    url: str
    database: Engine


@pytest.fixture(scope="module")
def session(tape: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    folder = tmp_path_factory.mktemp("session")
    database = open_database(f"sqlite:///{folder / 'records.db'}", create=True)
    ensure(database)
    programs = Programs(folder, str(database.url))
    engine = programs.engine(tape, SPEED)
    try:
        yield Session(programs.page().url, database)
    finally:
        alive, faults = engine.alive, programs.end()
        database.dispose()
    assert alive, "the session was over before its tests"
    assert faults == []


def table(page: Page, name: str) -> Locator:
    return page.get_by_role("table", name=name).locator("tbody tr")


def ended(database: Engine) -> int:
    with reading(database) as connection:
        counts = [sa.select(sa.func.count()).where(kind.c.status == "closed") for kind in (options_scalps, etf_scalps)]
        return sum(connection.execute(count).scalar_one() for count in counts)


def test_a_position_opens_and_closes_and_its_story_is_told(page: Page, session: Session) -> None:
    page.goto(session.url)
    expect(page.locator("#state")).to_have_text("RUNNING", timeout=30_000)
    opened = table(page, "Open scalps").first
    expect(opened).to_be_visible(timeout=LATER_MS)
    signal_id = opened.get_attribute("data-id")
    expect(opened.locator("td[data-key=pnl]")).to_have_text(SIGN_AND_ARROW)
    slots = [page.locator(f"#kpi-{kind}").inner_text() for kind in ("options", "funds")]
    assert slots != ["0/3", "0/5"]
    expect(page.locator(f"tr[data-id='{signal_id}']").filter(has=page.locator("td[data-key=way]"))).to_have_count(
        0, timeout=LATER_MS
    )
    page.get_by_role("tab", name="Scalp History").click()
    gone = page.locator(f"tr[data-id*='{signal_id}']").filter(has=page.locator("td[data-key=reason]"))
    expect(gone).to_be_visible(timeout=SOON_MS)
    gone.get_by_role("button").click()
    story = page.get_by_role("dialog")
    for said in ("conviction", "limit", "buy", "sell"):
        expect(story.get_by_text(re.compile(said, re.I)).first).to_be_attached(timeout=SOON_MS)
    page.keyboard.press("Escape")
    expect(story).to_have_count(0)


def test_a_figure_of_the_frame_moves_while_one_looks(page: Page, session: Session) -> None:
    page.goto(session.url)
    time = page.locator(".fact", has_text="Time")
    expect(time).to_be_visible()
    first = time.inner_text()
    expect(time).not_to_have_text(first, timeout=SOON_MS)


def test_the_file_of_the_history_has_every_ended_scalp(page: Page, session: Session) -> None:
    running.until(lambda: ended(session.database) > 0, 90, "a scalp that ended")
    page.goto(f"{session.url}?tab=history")
    expect(table(page, "Ended scalps").first).to_be_visible(timeout=SOON_MS)
    before = ended(session.database)
    with page.expect_download() as coming:
        page.get_by_role("button", name="Export CSV").click()
    with Path(coming.value.path()).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert before <= len(rows) <= ended(session.database)
    assert all(row["signal_id"] and row["exit_reason"] and row["pnl"] for row in rows)


def test_a_filter_that_nothing_matches_says_so_and_is_reset(page: Page, session: Session) -> None:
    running.until(lambda: ended(session.database) > 0, 90, "a scalp that ended")
    page.goto(f"{session.url}?tab=history")
    expect(table(page, "Ended scalps").first).to_be_visible(timeout=SOON_MS)
    page.get_by_role("combobox", name="Exit reason").click()
    page.get_by_role("menuitem", name="FOMC").click()
    expect(page.get_by_text("No scalp of this book matches the filters")).to_be_visible(timeout=SOON_MS)
    page.get_by_role("button", name="Reset").click()
    expect(table(page, "Ended scalps").first).to_be_visible(timeout=SOON_MS)


def test_another_ticker_is_charted_when_it_is_picked(page: Page, session: Session) -> None:
    page.goto(session.url)
    page.get_by_role("radio", name="NVDA", exact=True).click()
    expect(page.get_by_text(re.compile(r"^NVDA \d+\.\d\d"))).to_be_visible(timeout=SOON_MS)


@pytest.mark.size(PHONE)
@pytest.mark.parametrize("tab", ["live", "history"])
def test_on_a_phone_nothing_is_cut_off_sideways(page: Page, session: Session, tab: str) -> None:
    page.goto(f"{session.url}?tab={tab}")
    expect(page.locator("#kpi-day")).to_be_visible()
    expect(page.get_by_role("tab", name="Live Scalps")).to_be_in_viewport()
    width = page.evaluate("document.scrollingElement.scrollWidth")
    assert width <= PHONE["width"]
