"""Splits of Alpaca's shares and funds, by the unmodified clients at the fake: when they are told, and what follows."""

import datetime as dt
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from flows.backoff import Backoff
from flows.feeds.alpaca import splits
from operators import sessions
from operators.config import EngineSettings, ScalpConfig
from operators.events import AnyEvent, Bar, Split
from operators.market import Market
from tests.alpaca_live import Live, live
from tests.alpaca_market import DAY, FRIDAY, TOMORROW, ny
from tests.fakes.alpaca.process import Alpaca

pytest_plugins = ("tests.alpaca_fixtures",)

Told = pytest.CaptureFixture[str]
QUESTION = "GET /v1/corporate-actions"
MONDAY = {"symbol": "SPY", "ex_date": DAY.isoformat(), "new_rate": 10.0}
TUESDAY = {"symbol": "SPY", "ex_date": TOMORROW.isoformat(), "new_rate": 2.0}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.feeds.alpaca.shares.LOOK_SECONDS", 0.01)
    monkeypatch.setattr("flows.feeds.alpaca.splits.AGAIN", Backoff(0.02, 0.02))


def told(feed: Live) -> list[tuple[str, dt.date, float, float]]:
    return [(one.ticker, one.ex_date, one.old_shares, one.new_shares) for one in feed.of(Split)]


def closes(events: list[AnyEvent]) -> list[tuple[float, bool]]:
    """Closes of SPY's bars, and whether they are history."""
    return [(event.close, event.history) for event in events if isinstance(event, Bar) and event.ticker == "SPY"]


def asked(fake: Alpaca) -> int:
    return int(fake.state()["requests"].get(QUESTION, 0))


def connected(feed: Live) -> None:
    feed.wait(lambda: feed.told("I011", stream="shares"), "stream of shares")


class TestStart:
    def test_a_first_start_tells_them_before_the_history_as_of_after_them(self, fake: Alpaca, capsys: Told) -> None:
        fake.splits(MONDAY)
        with live(fake, capsys) as feed:
            connected(feed)
        assert told(feed) == [("SPY", DAY, 1.0, 10.0)]
        assert isinstance(feed.put[0], Split)
        assert closes(feed.put) == [(67.857, True), (67.858, True), (67.859, True)]
        assert (feed.of(Split)[0].event_ns, asked(fake)) == (sessions.at(DAY, dt.time()), 1)

    @pytest.mark.parametrize("known", [{}, {"SPY": ny("15:59", FRIDAY)}])
    def test_a_start_that_goes_on_tells_them_before_the_whole_history(
        self, fake: Alpaca, capsys: Told, known: dict[str, int]
    ) -> None:
        fake.splits(MONDAY)
        fake.until(ny("10:01:01"))
        with live(fake, capsys, passed=7, until_ns=ny("10:30"), closes=known) as feed:
            feed.wait(lambda: len(closes(feed.put)) == 4, "bars")
        shares = [event for event in feed.put if isinstance(event, Split | Bar)]
        assert isinstance(shares[0], Split)
        assert closes(shares) == [(67.857, True), (67.858, True), (67.859, True), (680.5, False)]

    def test_a_start_at_noon_warms_nothing_twice(self, fake: Alpaca, capsys: Told) -> None:
        fake.splits(MONDAY)
        fake.until(ny("10:01:01"))
        market, states = Market(ScalpConfig(), EngineSettings()), list[bytes]()
        for passed, clock in ((0, "10:30"), (4, "12:00")):
            with live(fake, capsys, passed=passed, until_ns=ny(clock)) as feed:
                feed.wait(lambda one=feed: len(closes(one.put)) == 4, "bars")
            assert len(told(feed)) == 1
            for place, event in enumerate(feed.put):
                market.on(replace(event, at_ns=ny(clock) + place))
            states.append(msgspec.msgpack.encode(market.state.tickers))
        assert states[0] == states[1]
        assert market.state.tickers["SPY"].fast.short.count == 4

    def test_those_of_a_month_are_told_in_order_and_older_and_coming_ones_are_not(
        self, fake: Alpaca, capsys: Told
    ) -> None:
        fund = {"symbol": "TQQQ", "ex_date": FRIDAY.isoformat(), "old_rate": 4.0}
        fake.splits(MONDAY | {"ex_date": "2026-01-29"}, TUESDAY, fund, MONDAY | {"ex_date": "2026-01-30"})
        with live(fake, capsys) as feed:
            connected(feed)
        assert told(feed) == [("SPY", dt.date(2026, 1, 30), 1.0, 10.0), ("TQQQ", FRIDAY, 4.0, 1.0)]

    def test_one_of_today_waits_for_a_quarter_past_nine(self, fake: Alpaca, capsys: Told) -> None:
        fake.splits(MONDAY)
        with live(fake, capsys, until_ns=ny("09:14:59")) as feed:
            connected(feed)
            assert told(feed) == []
            feed.clock.now_ns = ny("09:15")
            feed.wait(lambda: len(closes(feed.put)) == 6, "history anew")
        # The fake, at ten, tells bars as of after it all the time; Alpaca may not before the day itself.
        assert [type(event) for event in feed.put] == [Bar, Bar, Bar, Split, Bar, Bar, Bar]

    def test_without_any_nothing_is_told(self, fake: Alpaca, capsys: Told) -> None:
        with live(fake, capsys) as feed:
            connected(feed)
        assert (told(feed), asked(fake)) == ([], 1)


class TestMorning:
    def test_each_session_is_asked_for_once_and_a_split_brings_the_history_anew(
        self, fake: Alpaca, capsys: Told
    ) -> None:
        with live(fake, capsys) as feed:
            connected(feed)
            feed.until(ny("10:01:01"))
            feed.wait(lambda: feed.of(Bar, history=False), "bar of today")
            fake.splits(TUESDAY)
            feed.until(ny("09:15", TOMORROW))
            feed.wait(lambda: feed.of(Split), "split")
            feed.wait(lambda: closes(feed.put[feed.put.index(feed.of(Split)[0]) :])[-1:] == [(340.625, True)], "bars")
            feed.clock.now_ns = ny("09:40", TOMORROW)
            feed.subscribed(())
        behind = feed.put[feed.put.index(feed.of(Split)[0]) :]
        # 678.57 to 678.59 of Friday, 680.50 and 681.25 of Monday, each by two; TQQQ keeps its bars.
        assert closes(behind) == [(339.285, True), (339.29, True), (339.295, True), (340.25, True), (340.625, True)]
        assert feed.feed._shares.spots["SPY"] == 340.625
        assert (told(feed), asked(fake)) == ([("SPY", TOMORROW, 1.0, 2.0)], 2)

    def test_a_day_without_a_session_is_not_asked_for(self, fake: Alpaca, capsys: Told) -> None:
        with live(fake, capsys) as feed:
            connected(feed)
            feed.clock.now_ns = ny("12:00", dt.date(2026, 3, 7))
            feed.subscribed(())
            assert not feed.feed._shares._splits.due()

    def test_a_bar_that_comes_while_the_history_is_asked_for_comes_behind_it(
        self, fake: Alpaca, capsys: Told, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("flows.feeds.alpaca.shares.USUAL", Backoff(0.02, 0.02))
        fake.faults({"kind": "503", "path": "/v1/corporate-actions", "for_seconds": 90.0})
        with live(fake, capsys) as feed:
            connected(feed)
            fake.splits(MONDAY)
            fake.faults({"kind": "503", "path": "/v2/stocks/bars", "count": 0})
            fake.wait(90.0)
            feed.wait(lambda: feed.told("W123"), "question for bars")
            feed.connected("stock")
            feed.until(ny("10:01:01"))
            feed.wait(lambda: feed.feed._shares._held, "a bar that waits")
            assert told(feed) == []
            fake.call("DELETE", "faults")
            feed.wait(lambda: feed.of(Bar, event_ns=ny("10:01")), "bar")
        behind = feed.put[feed.put.index(feed.of(Split)[0]) :]
        assert closes(behind)[:3] == [(67.857, True), (67.858, True), (67.859, True)]
        assert [close for close, _ in closes(behind)][3:] == [680.5]


class TestUnanswered:
    def test_it_is_warned_of_and_asked_again_and_bars_and_quotes_go_on(self, fake: Alpaca, capsys: Told) -> None:
        fake.splits(MONDAY)
        fake.faults({"kind": "503", "path": "/v1/corporate-actions", "count": 0})
        with live(fake, capsys) as feed:
            feed.wait(lambda: len(feed.told("W121", stream="splits")) > 2, "warnings")
            connected(feed)
            feed.until(ny("10:01:01"))
            feed.wait(lambda: feed.of(Bar, history=False), "bar")
            assert told(feed) == []
            fake.call("DELETE", "faults")
            feed.wait(lambda: len(closes(feed.put)) == 8, "history anew")
        assert feed.told("W121")[0]["detail"] == "splits of SPY, TQQQ: HTTP 503"
        # The bar of ten is of the new shares already: it comes again as history, for clouds that began anew.
        assert closes(feed.put)[4:] == [(67.857, True), (67.858, True), (67.859, True), (680.5, True)]

    def test_keys_that_may_not_ask_for_them_end_no_feed(self, fake: Alpaca, capsys: Told) -> None:
        fake.faults({"kind": "unauthorized", "path": "/v1/corporate-actions", "count": 0})
        with live(fake, capsys) as feed:
            connected(feed)
            feed.wait(lambda: len(feed.told("W121", stream="splits")) > 2, "warnings")
        assert feed.fault is None

    @pytest.mark.parametrize(
        "more", [{"new_rate": 0.0}, {"old_rate": "none"}, {"ex_date": None}, {"new_rate": None}, {"old_rate": -1.0}]
    )
    def test_a_row_that_is_no_split_is_left_out_and_said(
        self, fake: Alpaca, capsys: Told, more: dict[str, Any]
    ) -> None:
        fake.splits(MONDAY | {"more": more}, {"symbol": "TQQQ", "ex_date": DAY.isoformat(), "old_rate": 2.0})
        with live(fake, capsys) as feed:
            connected(feed)
        assert told(feed) == [("TQQQ", DAY, 2.0, 1.0)]
        (line,) = feed.told("W124")
        assert line["detail"].startswith("a split of SPY refused (unreadable): ")


def test_a_unit_that_is_split_up_is_a_split_of_what_is_left(fake: Alpaca, capsys: Told) -> None:
    fake.splits(MONDAY | {"kind": "unit_splits", "new_rate": 2.0})
    with live(fake, capsys) as feed:
        connected(feed)
    assert told(feed) == [("SPY", DAY, 1.0, 2.0)]


def test_a_split_is_told_before_the_session_opens() -> None:
    assert splits.ASKED < sessions.OPEN
