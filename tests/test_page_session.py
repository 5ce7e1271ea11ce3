"""One visitor's page: it follows the store in its own turns, shows its own faults, and leaves nothing behind."""

import pytest

from dashboard.store import Moment
from flows.records.database import migrate
from flows.records.now_parts import Run, Trouble
from tests.page_rows import candles, held, money, opened, put_now, snapshot, write
from tests.rows import NOON, etf_scalp, signal
from tests.visitors import Told, Visitor, shown, visiting

pytest_plugins = ("tests.databases",)


def test_a_visitor_sees_what_is_known_before_the_first_change() -> None:
    visitor = Visitor(Told(snapshot=snapshot(positions=(held(put_now()),))))
    assert [kind["text"] for kind in visitor.head["kinds"]][-1] == "PAPER"
    assert [row["id"] for row in shown(visitor.session.live.positions)] == ["s2"]


def test_who_leaves_is_no_longer_told() -> None:
    store = Told()
    with visiting(store), visiting(store):
        assert len(store.moments.observers) == 2
    assert store.moments.observers == []


def test_a_burst_is_one_turn_that_shows_the_last_of_it() -> None:
    store = Told()
    with visiting(store) as visitor:
        for equity in (1, 2, 3):
            store.tell(snapshot=snapshot(money=money(equity=equity)))
        assert visitor.waiting == 1
        visitor.turn()
        assert {tile["key"]: tile["text"] for tile in visitor.head["tiles"]}["equity"] == "3.00"


def test_a_page_that_is_gone_is_not_woken() -> None:
    store = Told()
    with visiting(store) as visitor:
        visitor.turn()
        visitor.session.work.leave()
        store.tell(snapshot=snapshot())
        assert visitor.waiting == 0


def test_a_fault_of_the_page_is_shown_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    store = Told()
    with visiting(store) as visitor:
        visitor.turn()
        store.tell(snapshot=snapshot(run=Run("replay:a", "paper", "both", "no JSON")))
        visitor.turn()
        assert "The page failed (JSONDecodeError)" in visitor.session.frame.error
        assert "the page failed" in caplog.text
        store.tell(snapshot=snapshot())
        visitor.turn()
        assert visitor.head["badge"]["text"].startswith("STALE")  # it goes on, and says that it failed


def test_a_page_that_cannot_be_filled_is_still_there_to_say_so() -> None:
    visitor = Visitor(Told(snapshot=snapshot(run=Run("replay:a", "paper", "both", "no JSON"))))
    assert "The page failed" in visitor.session.frame.error


def test_old_numbers_stay_when_the_database_goes_and_go_when_it_holds_no_run() -> None:
    store = Told(snapshot=snapshot(positions=(held(put_now()),)))
    with visiting(store) as visitor:
        store.tell(snapshot=snapshot(positions=(held(put_now()),)), trouble=Trouble("unreachable", "away"))
        visitor.turn()
        assert (visitor.head["old"], len(shown(visitor.session.live.positions))) == (True, 1)
        store.tell(trouble=Trouble("no_run", "none"))
        visitor.turn()
        assert (visitor.head["old"], shown(visitor.session.live.positions)) == (False, [])
        assert not visitor.session.live.body.visible


@pytest.mark.parametrize(("asked", "shown_tab"), [("history", "history"), ("live", "live"), ("<b>", "live")])
def test_a_tab_that_does_not_exist_is_the_first_one(asked: str, shown_tab: str) -> None:
    visitor = Visitor(Told())
    visitor.do(lambda: visitor.session.frame.param.update(active=asked))
    assert visitor.session.frame.active == shown_tab
    seen = visitor.session.live.view.visible, visitor.session.history.view.visible
    assert seen == (shown_tab == "live", shown_tab == "history")


def test_a_story_is_read_beside_the_page_and_told(sqlite_url: str) -> None:
    with opened(sqlite_url, create=True) as engine:
        migrate(engine)
        write(engine, signal(), etf_scalp())
        with visiting(Told(engine, snapshot=snapshot())) as visitor:
            visitor.turn()
            story = visitor.session.story
            visitor.do(lambda: visitor.session.open_story("replay:a", "s1"))
            assert (story.shown, story.say) == (True, "Reading the story.")
            visitor.later()
            assert (story.title, story.say) == ("QQQ long, Mon 5 Jan 2026 12:00:00 New York", "")
            assert [part["title"] for part in story.parts] == ["Outcome", "Signal", "Scalp, open"]


def test_a_story_that_is_not_there_says_so(sqlite_url: str) -> None:
    with opened(sqlite_url, create=True) as engine:
        migrate(engine)
        with visiting(Told(engine)) as visitor:
            visitor.turn()
            visitor.do(lambda: visitor.session.open_story("replay:a", "s7"))
            visitor.later()
            assert visitor.session.story.say == "book replay:a has no signal s7"


def test_without_a_database_a_story_says_so_at_once() -> None:
    visitor = Visitor(Told())
    visitor.do(lambda: visitor.session.open_story("replay:a", "s1"))
    assert visitor.session.story.say == "The database cannot be reached."


def test_only_a_row_that_is_shown_can_be_opened() -> None:
    visitor = Visitor(Told(snapshot=snapshot(positions=(held(put_now()),))))
    rows = visitor.session.live.positions
    for asked in ({"open": "s3"}, "s2", {"open": ["s2"]}, None):
        visitor.do(lambda asked=asked: rows._handle_msg(asked))
        assert not visitor.session.story.shown
    visitor.do(lambda: rows._handle_msg({"open": "s2"}))
    assert visitor.session.story.shown


def test_a_ticker_that_was_picked_stays_and_the_newest_position_is_followed_before() -> None:
    both = {"QQQ": candles(1), "SPY": candles(1, ticker="SPY")}
    store = Told(snapshot=snapshot(candles=both, positions=(held(put_now()),)))
    with visiting(store) as visitor:
        tickers = visitor.session.live.tickers
        assert (tickers.tickers, tickers.active) == (["QQQ", "SPY"], "SPY")
        visitor.do(lambda: tickers.param.update(picked="QQQ"))
        assert tickers.active == "QQQ"
        store.tell(snapshot=snapshot(candles=both, positions=(held(put_now(entered_at=NOON)),)))
        visitor.turn()
        assert tickers.active == "QQQ"


def test_the_same_moment_is_sent_once() -> None:
    same = snapshot(positions=(held(put_now()),))
    store = Told(snapshot=same)
    with visiting(store) as visitor:
        sent = []
        visitor.session.live.positions.param.watch(sent.append, "rows")
        for _ in range(3):
            store.moments.on_next(Moment(store.moments.value.at, same))
            visitor.turn()
        assert sent == []
