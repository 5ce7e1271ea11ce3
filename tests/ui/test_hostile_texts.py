"""Texts from outside are shown as they are: no script of theirs runs, wherever the page shows them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine

from flows.records.database import ensure, open_database, writing
from flows.records.ledger import Attempt, Ledger
from flows.records.tables import heartbeat
from operators.charted import BarRecord
from operators.records import CandidateRecord, Record
from tests.rows import NOON, closed, etf_scalp, fill, order, run, signal, verdict
from tests.ui.conftest import Programs
from tests.view_rows import chain_now, mark_now, position_now

pytestmark = pytest.mark.ui
ATTACK = "window.attacked=1"
PAYLOADS = (
    f"<script>{ATTACK}</script>",
    f'<img src="x" onerror="{ATTACK}">',
    f'"><svg onload="{ATTACK}">',
    f"</td></table><iframe srcdoc='<script>parent.{ATTACK}</script>'></iframe>",
    f"[link](javascript:{ATTACK})",
    f"${{{ATTACK}}}{{{{constructor.constructor('{ATTACK}')()}}}}",
)


def texts(payload: str, *names: str) -> dict[str, Any]:
    return dict.fromkeys(names, payload)


def records(book_id: str, payload: str) -> list[Record]:
    """A signal with all that may follow from it, a position, a chain and a bar: the payload in every free text."""
    at: dict[str, Any] = {"book_id": book_id}
    candidate: dict[str, Any] = {"signal_id": "s1", "leg": "option", "position": 1, "chosen": False, "measured": 1.0}
    bar: dict[str, Any] = {"closed_at": NOON, "open": 1.0, "high": 2.0, "low": 1.0, "close": 2.0, "volume": 1.0}
    bar |= dict.fromkeys(("ema5", "ema12", "ema34", "ema50"), 1.5)
    position = texts(payload, "ticker", "symbol", "direction", "exit_due", "nearest", "second_half")
    return [
        run(**at, **texts(payload, "loop", "mode"), marks=json.dumps([payload])),
        signal(**at, **texts(payload, "ticker", "direction", "source", "macro", "decision", "leg", "code")),
        verdict(**at, **texts(payload, "symbol", "code", "unit", "reason")),
        CandidateRecord(**at, **candidate, limit_value=1.0, **texts(payload, "symbol", "lost_by")),
        order(**at, **texts(payload, "action", "symbol", "side", "state", "reason")),
        fill(**at, **texts(payload, "symbol", "side")),
        etf_scalp(**at, **(closed() | texts(payload, "ticker", "original_ticker", "direction", "exit_reason"))),
        mark_now(**at, **texts(payload, "mode", "trading", "trading_reason")),
        position_now(**at, **position),
        chain_now(payload, **at),
        BarRecord(**at, **bar, **texts(payload, "ticker", "macro"), tape_seq=5),
    ]


def put(engine: Engine, payload: str, place: int) -> None:
    """A book of its own for the payload, whose heart has beaten last."""
    book_id = f"replay:{place}"
    Attempt(engine).begin(book_id, 1, payload)
    Ledger(engine).write(records(book_id, payload))
    beat = {"book_id": book_id, "beat_at": datetime.now(UTC) + timedelta(seconds=place), "tape_at": NOON, "speed": 60.0}
    with writing(engine) as connection:
        connection.execute(heartbeat.insert().values(**beat, **texts(payload, "state", "message"), events=1))


def assert_unharmed(page: Page, payload: str) -> None:
    """It is there to be read, and nothing of it became part of the page."""
    expect(page.get_by_text(payload).filter(visible=True).first).to_be_visible()
    assert page.evaluate("window.attacked") is None
    assert page.locator("iframe, img[src=x], svg[onload], a[href^=javascript]").count() == 0


def test_no_script_of_a_text_runs(page: Page, programs: Programs) -> None:
    engine = open_database(programs.database, create=True)
    ensure(engine)
    server = programs.page()
    for place, payload in enumerate(PAYLOADS):
        put(engine, payload, place)
        page.goto(server.url)
        expect(page.locator("#state")).to_have_text(payload.upper())
        assert_unharmed(page, payload)
        page.get_by_role("table", name="Open scalps").get_by_role("row").last.click()
        expect(page.get_by_role("dialog")).to_be_visible()
        assert_unharmed(page, payload)
        page.keyboard.press("Escape")
        page.get_by_role("tab", name="Scalp History").click()
        page.get_by_role("table", name="Ended scalps").get_by_role("row").last.click()
        expect(page.get_by_role("dialog").get_by_role("heading", level=3).first).to_be_visible()
        assert_unharmed(page, payload)
    engine.dispose()
