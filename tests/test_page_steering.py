"""What a visitor asks of an engine: who may, meant for what, heard once; requested, then done or refused."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from sqlalchemy import Engine

from dashboard.steering import STATE
from flows.records.database import migrate, reading, writing
from flows.records.ledger import Ledger
from flows.records.now_parts import Run
from flows.records.steering import refuse
from flows.records.tables import commands
from operators.audit import AuditRecord
from tests.page_rows import held, money, opened, put_now, snapshot
from tests.rows import NOON
from tests.visitors import VIEWER, Told, Visitor, visiting

pytest_plugins = ("tests.databases",)
BOOK = "paper:main"
ENGINE = Run(BOOK, "paper", "both", "[]")


@pytest.fixture
def database(sqlite_url: str) -> Iterator[Engine]:
    with opened(sqlite_url, create=True) as engine:
        migrate(engine)
        yield engine


class Page:
    """A visitor of an engine's page, and what the browser would send and show."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor, self.sent = visitor, 0

    def send(self, action: str, argument: str = "", **changes: Any) -> None:
        self.sent += 1
        pulse = self.visitor.session.steering.pulse
        message = {"nonce": f"nonce-{self.sent:04}", "pulse": pulse, "book": BOOK, "action": action}
        message |= {"argument": argument} | changes
        self.visitor.do(lambda: self.visitor.session.frame._handle_msg(message))

    @property
    def steer(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.json.decode(self.visitor.session.frame.steer)
        return found

    @property
    def asked(self) -> list[tuple[str, str, str]]:
        return [(one["label"], one["state"], one["text"]) for one in self.steer["asked"]]


@pytest.fixture
def page(database: Engine) -> Iterator[Page]:
    with visiting(Told(database, snapshot=snapshot(run=ENGINE))) as visitor:
        visitor.turn()
        yield Page(visitor)


def rows(database: Engine) -> list[tuple[str, str, str, str]]:
    with reading(database) as connection:
        names = (commands.c.book_id, commands.c.actor, commands.c.action, commands.c.argument)
        return [tuple(row) for row in connection.execute(sa.select(*names).order_by(commands.c.id))]  # type: ignore[misc]  # a row of unknown length


def answered(database: Engine, number: int, refused: str | None = None, after: str = "REDUCING") -> None:
    """The audit of a command as an engine's desk writes it."""
    states = (json.dumps({"trading": trading, "mode": "both"}) for trading in ("ACTIVE", after))
    row: dict[str, Any] = dict(
        zip(("before", "after"), states, strict=True), book_id=BOOK, tape_seq=number, command_id=number
    )
    row |= {"at": NOON, "actor": "a", "action": "pause", "argument": "", "refused": refused}
    Ledger(database).write([AuditRecord(**row)])


@pytest.mark.parametrize(
    ("action", "argument", "label"),
    [
        ("pause", "", "Pause"),
        ("resume", "", "Resume"),
        ("flatten", "", "Flatten"),
        ("kill", "", "Kill"),
        ("rearm", "looked into it", "Re-arm"),
        ("mode", "leveraged_etf", "Mode Lev. ETF"),
    ],
)
def test_a_wish_is_sent_then_requested_as_a_row(
    page: Page, database: Engine, action: str, argument: str, label: str
) -> None:
    page.send(action, argument)
    assert page.asked == [(label, "sending", "")]
    page.visitor.later()
    assert page.asked == [(label, "requested", "")]
    assert rows(database) == [(BOOK, "operator on the page", action, argument)]


def test_what_the_engine_did_is_told(page: Page, database: Engine) -> None:
    page.send("pause")
    page.visitor.later()
    page.visitor.tell()
    page.visitor.later()
    assert page.asked == [("Pause", "requested", "")]
    answered(database, 1)
    page.visitor.tell()
    page.visitor.later()
    assert page.asked == [("Pause", "done", "ACTIVE to REDUCING")]


def test_what_the_engine_or_its_poller_refuses_is_told_with_the_reason(page: Page, database: Engine) -> None:
    page.send("pause")
    page.visitor.later()
    answered(database, 1, "trading is HALTED", "ACTIVE")
    page.visitor.tell()
    page.visitor.later()
    page.send("resume")
    page.visitor.later()
    refuse(database, 2, "it is 61 s old, limit 60 s: ask again")
    page.visitor.tell()
    page.visitor.later()
    assert page.asked == [
        ("Pause", "refused", "trading is HALTED"),
        ("Resume", "refused", "it is 61 s old, limit 60 s: ask again"),
    ]


def test_a_viewer_may_look_and_not_steer(page: Page, database: Engine) -> None:
    page.visitor.who = VIEWER
    page.send("kill")
    assert page.asked == [("Kill", "refused", "viewer may look and not steer")]
    assert rows(database) == []


def test_who_logged_out_in_another_tab_steers_no_more(page: Page, database: Engine) -> None:
    page.visitor.who = None
    page.send("kill")
    assert page.asked == [("Kill", "refused", "the login has ended: log in again")]
    assert rows(database) == []


def test_the_same_message_does_nothing_twice(page: Page, database: Engine) -> None:
    for _ in range(3):
        page.send("flatten", nonce="the-same-one")
    page.visitor.later()
    assert len(rows(database)) == len(page.asked) == 1


@pytest.mark.parametrize(("late_ms", "heard"), [(4_000, True), (6_000, False), (-1_000_000, False)])
def test_a_message_of_a_page_that_was_cut_off_is_too_late(
    page: Page, database: Engine, late_ms: int, heard: bool
) -> None:
    page.send("flatten", pulse=page.visitor.session.steering.pulse - late_ms)
    page.visitor.later() if heard else None
    assert bool(rows(database)) is heard
    assert heard or "limit 5 s: look again" in page.asked[0][2]


def test_a_message_for_another_run_than_the_one_shown_is_refused(page: Page, database: Engine) -> None:
    page.send("kill", book="paper:other")
    assert page.asked == [("Kill", "refused", f"the page shows {BOOK} now, this was meant for paper:other")]
    assert rows(database) == []


def test_a_replay_cannot_be_steered(database: Engine) -> None:
    with visiting(Told(database, snapshot=snapshot(run=replace(ENGINE, book_id="replay:a")))) as visitor:
        visitor.turn()
        page = Page(visitor)
        assert page.steer["steers"] is False
        page.send("kill", book="replay:a")
        assert page.asked[0][1] == "refused"
    assert rows(database) == []


@pytest.mark.parametrize(
    "message",
    [
        None,
        "kill",
        [],
        {},
        {"nonce": "n" * 8, "pulse": 0, "book": BOOK, "action": "reduce", "argument": ""},
        {"nonce": "n" * 8, "pulse": "0", "book": BOOK, "action": "kill", "argument": ""},
        {"nonce": "n", "pulse": 0, "book": BOOK, "action": "kill", "argument": ""},
        {"nonce": "n" * 8, "pulse": 0, "book": BOOK, "action": "mode", "argument": "x" * 501},
        {"nonce": "n" * 8, "pulse": 0, "book": BOOK, "action": "kill", "argument": "", "actor": "root"},
    ],
)
def test_what_is_no_message_of_the_page_does_nothing_and_breaks_nothing(
    page: Page, database: Engine, message: object
) -> None:
    page.visitor.do(lambda: page.visitor.session.frame._handle_msg(message))
    assert (page.asked, rows(database), page.visitor.session.frame.error) == ([], [], "")


def test_without_a_database_only_a_kill_has_another_way(database: Engine, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "state" / "tape").mkdir(parents=True)
    monkeypatch.setenv(STATE, str(tmp_path / "state"))
    with visiting(Told(None, snapshot=snapshot(run=ENGINE))) as visitor:
        visitor.turn()
        page = Page(visitor)
        page.send("pause")
        page.send("kill")
        assert page.asked == [
            ("Pause", "failed", "not asked: the database cannot be reached"),
            ("Kill", "requested", "by a file, as no database answers"),
        ]
        assert (tmp_path / "state" / "kill").is_file()
        (tmp_path / "state" / "kill").unlink()  # as the engine does when its tape has the command
        visitor.tell()
        assert page.asked[1] == ("Kill", "done", "on the engine's tape")


@pytest.mark.parametrize("folder", ["", "nowhere"])
def test_a_kill_that_cannot_be_asked_says_what_to_do(tmp_path: Path, monkeypatch: Any, folder: str) -> None:
    monkeypatch.setenv(STATE, str(tmp_path / folder) if folder else "")
    with visiting(Told(None, snapshot=snapshot(run=ENGINE))) as visitor:
        visitor.turn()
        page = Page(visitor)
        page.send("kill")
        [(_, state, text)] = page.asked
        assert state == "failed"
        assert ("is no folder of an engine" if folder else "`scalp kill --state FOLDER` needs none") in text


def test_a_database_that_goes_away_meanwhile_is_told(page: Page, database: Engine) -> None:
    with writing(database) as connection:
        connection.execute(sa.text("DROP TABLE commands"))
    page.send("pause")
    page.visitor.later()
    assert page.asked == [("Pause", "failed", "not asked: the database cannot be reached")]


def test_the_controls_know_mode_trading_and_what_would_be_sold(database: Engine) -> None:
    now = snapshot(run=ENGINE, money=money(mode="options", trading="HALTED"), positions=(held(put_now()),))
    with visiting(Told(database, snapshot=now)) as visitor:
        visitor.turn()
        steer = Page(visitor).steer
    assert (steer["mode"], steer["trading"], steer["who"], steer["steers"]) == ("options", "HALTED", "operator", True)
    assert [(one["text"], one["pnl"]["text"]) for one in steer["positions"]] == [("2 SPY 5 Jan 600 P", "▲ +30.00")]


def test_a_viewers_page_is_told_of_no_controls(database: Engine) -> None:
    store = Told(database, snapshot=snapshot(run=ENGINE, positions=(held(put_now()),)))
    steer = Page(Visitor(store, VIEWER)).steer
    assert (steer["steers"], steer["who"], "positions" in steer) == (False, "viewer", False)


def test_answers_are_forgotten_after_a_while_and_old_wishes_make_room(page: Page) -> None:
    for _ in range(6):
        page.send("kill", book="paper:other")
    assert len(page.asked) == 4
    steering = page.visitor.session.steering
    later = steering._clock() + 9
    steering._clock = lambda: later
    page.visitor.tell()
    assert page.asked == []
