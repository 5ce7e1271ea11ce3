"""Each control on the page of a running engine: what is clicked is asked, answered by the engine, and told."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlalchemy as sa
from playwright.sync_api import Locator, Page, expect

from flows.records.database import ensure, open_database, reading
from flows.records.tables import audit, commands
from tests.ui import running
from tests.ui.conftest import PHONE
from tests.ui.running import PageServer, Process

pytestmark = pytest.mark.ui
SPEED = 30.0
ANSWERED_MS = 3_000


class Steered(NamedTuple):
    """An engine at work on its folder, its page and its database."""

    folder: Path
    tape: Path
    engine: Process
    page: PageServer
    database: sa.Engine


@pytest.fixture(scope="module")
def steered(tape: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Steered]:
    folder = tmp_path_factory.mktemp("steered")
    database = open_database(f"sqlite:///{folder / 'records.db'}", create=True)
    ensure(database)
    engine = running.run(folder, tape, str(database.url), SPEED)
    page = PageServer(folder, str(database.url), folder / "state")
    try:
        yield Steered(folder, tape, engine, page.ready(), database)
    finally:
        engine.end()
        page.end()
        database.dispose()
    assert engine.faults() + page.faults() == []


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("group", name="Controls").get_by_role("button", name=name, exact=True)


def told(page: Page, what: str | re.Pattern[str]) -> None:
    expect(page.locator("#asked")).to_contain_text(what, timeout=ANSWERED_MS)


def open_page(page: Page, steered: Steered) -> None:
    page.goto(steered.page.url)
    expect(page.locator("#state")).to_have_text("RUNNING", timeout=30_000)


def audited(steered: Steered) -> list[tuple[str, str, str | None]]:
    """Who asked for what, and why it was refused, in order."""
    with reading(steered.database) as connection:
        rows = sa.select(audit.c.actor, audit.c.action, audit.c.refused).order_by(audit.c.tape_seq)
        return [(row.actor, row.action, row.refused) for row in connection.execute(rows)]


def asked(steered: Steered) -> list[str]:
    """What was asked by anybody, in order."""
    with reading(steered.database) as connection:
        return [row.action for row in connection.execute(sa.select(commands).order_by(commands.c.id))]


def test_every_control_is_asked_answered_and_told(page: Page, steered: Steered) -> None:
    open_page(page, steered)
    before = len(audited(steered))
    button(page, "Pause").click()
    told(page, "Pause: done, ACTIVE to REDUCING")
    expect(page.locator("#facts")).to_contain_text("REDUCING: paused by operator on the page")
    button(page, "Resume").click()
    told(page, "Resume: done, REDUCING to ACTIVE")
    page.get_by_role("radio", name="Lev. ETF").click()
    told(page, "Mode Lev. ETF: done, both to leveraged_etf")
    expect(page.get_by_role("radio", name="Lev. ETF")).to_have_attribute("aria-checked", "true")
    button(page, "Flatten").click()
    page.locator("#flatten-dialog").get_by_role("button", name="Flatten").click()
    told(page, "Flatten: done")
    button(page, "Kill").click()
    dialog = page.locator("#kill-dialog")
    expect(dialog.get_by_role("button", name="Kill")).to_be_disabled()
    expect(dialog.get_by_role("textbox")).to_be_focused()
    dialog.get_by_role("textbox").fill("kill")
    expect(dialog.get_by_role("button", name="Kill")).to_be_disabled()
    dialog.get_by_role("textbox").fill("KILL")
    dialog.get_by_role("textbox").press("Enter")
    told(page, "Kill: done, ACTIVE to HALTED")
    button(page, "Re-arm").click()
    page.locator("#rearm-dialog").get_by_role("textbox").fill("looked into it")
    page.locator("#rearm-dialog").get_by_role("button", name="Re-arm").click()
    told(page, "Re-arm: done, HALTED to ACTIVE")
    page.get_by_role("radio", name="Both").click()
    told(page, "Mode Both: done, leveraged_etf to both")
    actions = ["pause", "resume", "mode", "flatten", "kill", "rearm", "mode"]
    assert audited(steered)[before:] == [("operator on the page", action, None) for action in actions]


def test_a_dialog_that_is_cancelled_asks_nothing(page: Page, steered: Steered) -> None:
    open_page(page, steered)
    before = len(asked(steered))
    for name, dialog in (("Flatten", "#flatten-dialog"), ("Kill", "#kill-dialog")):
        button(page, name).click()
        page.locator(dialog).get_by_role("button", name="Cancel").click()
        expect(page.locator(dialog)).not_to_be_visible()
    page.get_by_role("radio", name="Options").click()
    told(page, "Mode Options: done")
    page.get_by_role("radio", name="Both").click()
    told(page, "Mode Both: done")
    assert asked(steered)[before:] == ["mode", "mode"]


def test_flatten_lists_what_is_held_and_sells_it(page: Page, steered: Steered) -> None:
    open_page(page, steered)
    rows = page.get_by_role("table", name="Open scalps").locator("tbody tr")
    expect(rows.first).to_be_visible(timeout=90_000)
    button(page, "Flatten").click()
    dialog = page.locator("#flatten-dialog")
    name = re.sub(r"\s.*", "", rows.first.get_by_role("cell").first.inner_text(), flags=re.S)
    expect(dialog.get_by_role("listitem").first).to_contain_text(name)
    dialog.get_by_role("button", name="Flatten all").click()
    told(page, "Flatten: done")
    expect(rows).to_have_count(0, timeout=20_000)


@pytest.mark.visitor("viewer")
def test_a_viewer_sees_no_control_and_is_refused_a_message_made_by_hand(page: Page, steered: Steered) -> None:
    open_page(page, steered)
    before = len(asked(steered))
    expect(page.locator("#who")).to_contain_text("viewer")
    expect(page.get_by_role("group", name="Controls")).not_to_be_visible()
    by_hand(page, nonce="by-hand-1")
    told(page, "Pause: refused, viewer may look and not steer")
    assert len(asked(steered)) == before


def test_a_message_that_comes_again_or_late_does_nothing(page: Page, steered: Steered) -> None:
    open_page(page, steered)
    before = len(asked(steered))
    for _ in range(3):
        by_hand(page, nonce="by-hand-2")
    told(page, "Pause: done")
    by_hand(page, nonce="by-hand-3", late_ms=6_000)
    told(page, re.compile(r"Pause: refused, the page was [67] s behind, limit 5 s: look again"))
    by_hand(page, nonce="by-hand-4", book="paper:other")
    told(page, "this was meant for paper:other")
    assert asked(steered)[before:] == ["pause"]
    button(page, "Resume").click()
    told(page, "Resume: done")


@pytest.mark.size(PHONE)
def test_on_a_phone_kill_is_in_reach_without_scrolling(page: Page, steered: Steered) -> None:
    open_page(page, steered)
    box = button(page, "Kill").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= PHONE["height"]
    assert box["x"] + box["width"] <= PHONE["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_an_engine_that_does_not_answer_turns_amber_then_red(page: Page, steered: Steered) -> None:
    """The last of these tests: it ends the engine; the one that is started again answers what still waits."""
    open_page(page, steered)
    steered.engine.end()
    expect(page.locator("#state")).to_have_text("ENDED", timeout=5_000)
    button(page, "Pause").click()
    one = page.locator("#asked .ask")
    expect(one).to_have_text("Pause: requested", timeout=ANSWERED_MS)
    expect(one).to_have_class("ask late", timeout=ANSWERED_MS)
    expect(one).to_have_class("ask unanswered", timeout=5_000)
    expect(one).to_contain_text("no answer yet: see that the engine runs")
    again = running.run(steered.folder, steered.tape, str(steered.database.url), SPEED)
    try:
        expect(one).to_have_text("Pause: done, ACTIVE to REDUCING", timeout=20_000)
    finally:
        again.end()


def by_hand(page: Page, nonce: str, late_ms: int = 0, book: str = "paper:main") -> None:
    """Sends the head of the page a pause as its own control would."""
    page.evaluate(
        """([nonce, late, book]) => {
          const {ModelEvent} = Bokeh.require('core/bokeh_events')
          const models = [...Bokeh.documents[0]._all_models.values()]
          const head = models.find(one => one.data?.attributes?.steer !== undefined)
          const data = {nonce, pulse: head.data.attributes.pulse - late, book, action: 'pause', argument: ''}
          class DataEvent extends ModelEvent { get event_values() { return {model: this.origin, data} } }
          DataEvent.prototype.event_name = 'data_event'
          head.trigger_event(new DataEvent())
        }""",
        [nonce, late_ms, book],
    )
