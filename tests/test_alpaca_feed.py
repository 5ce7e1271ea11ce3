"""Alpaca's market as a live feed, by the unmodified clients at the fake: what it brings, and in which order."""

import datetime as dt
import threading
import time
from collections.abc import Sequence
from math import isnan
from pathlib import Path
from typing import Any

import pytest

from flows.brokers.alpaca.keys import ANY
from flows.engine.taping import Recording
from flows.feeds.alpaca.asking import Access, Asking
from flows.feeds.alpaca.feed import AlpacaFeed, Wanted
from flows.feeds.feed import Put
from flows.tape.segments import open_tape
from operators.contracts import counts_of, parse_occ, prices_of
from operators.events import Bar, Chain, Contracts, Quote
from tests.alpaca_live import MOMENT_SECONDS, WAIT_SECONDS, Clock, Live, live
from tests.alpaca_market import CALL, FRIDAY, PUT, ny
from tests.fakes.alpaca.process import Alpaca

pytest_plugins = ("tests.alpaca_fixtures",)

Told = pytest.CaptureFixture[str]
AT_680 = (CALL, PUT, "SPY260303C00680000")
"""The three contracts nearest the money."""
FRIDAYS = [ny(f"15:{minute}", FRIDAY) for minute in (57, 58, 59)]


def options(feed: Live) -> list[Quote]:
    return [quote for quote in feed.of(Quote) if parse_occ(quote.symbol) is not None]


class TestShares:
    def test_history_comes_first_then_what_is_streamed(self, fake: Alpaca, capsys: Told) -> None:
        with live(fake, capsys) as feed:
            feed.connected("stock")
            feed.until(ny("10:00:02.5"))
            feed.wait(lambda: len(feed.of(Quote)) == 2, "quotes")
        assert [(bar.event_ns, bar.history) for bar in feed.of(Bar)] == [(at_ns, True) for at_ns in FRIDAYS]
        assert feed.put[:3] == feed.of(Bar)
        quote = feed.of(Quote, symbol="TQQQ")[0]
        assert (quote.at_ns, quote.event_ns, quote.bid, quote.ask) == (0, ny("10:00:02"), 50.0, 50.02)

    def test_a_bar_comes_when_it_closes_and_is_no_history(self, fake: Alpaca, capsys: Told) -> None:
        with live(fake, capsys) as feed:
            feed.connected("stock")
            feed.until(ny("10:01:01"))
            feed.wait(lambda: feed.of(Bar, history=False), "bar")
        (bar,) = feed.of(Bar, history=False)
        assert (bar.ticker, bar.event_ns, bar.close, bar.volume) == ("SPY", ny("10:01"), 680.5, 1000.0)

    @pytest.mark.parametrize(("passed", "history"), [(0, True), (7, False)])
    def test_bars_of_today_are_history_until_an_engine_has_begun(
        self, fake: Alpaca, capsys: Told, passed: int, history: bool
    ) -> None:
        fake.until(ny("10:01:01"))
        with live(fake, capsys, passed=passed, until_ns=ny("10:30")) as feed:
            feed.wait(lambda: len(feed.of(Bar)) == 4, "bars")
        assert [bar.history for bar in feed.of(Bar)] == [True, True, True, history]

    @pytest.mark.parametrize(("known", "brought"), [(0, 3), (1, 2), (2, 1)])
    def test_an_engine_that_has_begun_gets_the_bars_since_those_that_it_knows(
        self, fake: Alpaca, capsys: Told, known: int, brought: int
    ) -> None:
        fake.until(ny("10:01:01"))
        closes = {"SPY": FRIDAYS[known], "QQQ": FRIDAYS[0]}
        with live(fake, capsys, passed=7, until_ns=ny("10:30"), closes=closes) as feed:
            feed.wait(lambda: feed.told("I011", stream="shares", bars=brought), "stream of shares")
            feed.wait(lambda: len(feed.of(Bar)) >= brought, "bars")
        expected = [*((at_ns, True) for at_ns in FRIDAYS[known + 1 :]), (ny("10:01"), False)]
        assert [(bar.event_ns, bar.history) for bar in feed.of(Bar)] == expected

    def test_an_engine_that_knows_all_bars_gets_none_and_its_chains_all_the_same(
        self, fake: Alpaca, capsys: Told
    ) -> None:
        closes = {"SPY": FRIDAYS[-1]}
        with live(fake, capsys, passed=7, until_ns=ny("09:31"), closes=closes, options_of=("SPY",)) as feed:
            feed.wait(lambda: feed.told("I011", stream="shares", bars=0), "stream of shares")
            feed.wait(lambda: feed.of(Chain), "chain")
        assert (feed.of(Bar), feed.feed._shares.spots["SPY"]) == ([], 678.59)

    def test_an_engine_that_was_away_for_long_gets_the_days_of_a_history(
        self, fake: Alpaca, capsys: Told, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked, ask = list[tuple[list[str], int]](), Asking.bars

        def bars(asking: Asking, symbols: Sequence[str], start_ns: int, end_ns: int) -> Any:
            asked.append((list(symbols), start_ns))
            return ask(asking, symbols, start_ns, end_ns)

        monkeypatch.setattr(Asking, "bars", bars)
        for away in (28, 3):
            closes = {"SPY": ny("15:59", FRIDAY - dt.timedelta(days=away))}
            with live(fake, capsys, passed=7, closes=closes) as feed:
                feed.wait(lambda: feed.told("I011", stream="shares", bars=3), "bars")
        first_ns, tuesday_ns = ny("09:30", FRIDAY - dt.timedelta(days=4)), ny("15:57", FRIDAY - dt.timedelta(days=3))
        assert asked == [(["TQQQ"], first_ns), (["SPY"], first_ns), (["TQQQ"], first_ns), (["SPY"], tuesday_ns)]

    def test_a_side_that_cannot_be_is_missing_and_a_crossed_quote_stays_crossed(
        self, fake: Alpaca, capsys: Told
    ) -> None:
        with live(fake, capsys) as feed:
            feed.connected("stock")
            fake.faults({"kind": "nan", "stream": "stock", "symbol": "SPY"})
            fake.faults({"kind": "crossed", "stream": "stock", "symbol": "TQQQ"})
            feed.until(ny("10:00:02.5"))
            feed.wait(lambda: len(feed.of(Quote)) == 2, "quotes")
        spy, fund = (feed.of(Quote, symbol=symbol)[0] for symbol in ("SPY", "TQQQ"))
        assert (isnan(spy.bid), spy.ask, fund.bid, fund.ask) == (True, 680.02, 50.02, 50.0)

    def test_while_the_tape_is_behind_the_newest_quote_of_a_symbol_waits(
        self, fake: Alpaca, capsys: Told, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("flows.feeds.alpaca.streams.WAITING", 3)
        with live(fake, capsys) as feed:
            feed.connected("stock")
            feed.gate.clear()
            feed.until(ny("10:01:01"))
            feed.wait(lambda: feed.feed._shares.spots["SPY"] == 680.5, "bar behind the quotes")
            feed.gate.set()
            feed.wait(lambda: len(feed.of(Quote, event_ns=ny("10:00:19"))) == 2, "newest quotes")
        assert len(feed.of(Quote)) < 12


class TestOptions:
    def test_a_session_has_one_table_and_then_snapshots(self, fake: Alpaca, capsys: Told) -> None:
        with live(fake, capsys, options_of=("SPY",)) as feed:
            feed.wait(lambda: len(feed.of(Chain)) >= 2, "chains")
        (table,) = feed.of(Contracts)
        call, made = table.symbols.index(CALL), feed.of(Chain)[0]
        assert (len(table.symbols), made.event_ns) == (60, ny("10:00"))
        assert (prices_of(made.bid, 60)[call], counts_of(made.volume, 60)[call]) == (1.0, 10.0)
        assert counts_of(made.open_interest, 60)[call] == 510.0
        assert feed.put.index(table) < feed.put.index(made)
        (said,) = feed.told("I012")
        assert (said["contracts"], said["left_out"], said["old_open_interest"]) == (60, {}, 0)

    def test_a_price_that_has_gone_far_gets_a_wider_table_and_no_contract_leaves_it(
        self, fake: Alpaca, capsys: Told, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # 0.2 % of 678.59 is 1.36: strikes of 678 and 679. At 680.01 the band reaches to 681.37.
        monkeypatch.setattr("flows.feeds.alpaca.chains.BAND", 0.002)
        with live(fake, capsys, options_of=("SPY",)) as feed:
            feed.connected("stock")
            feed.wait(lambda: feed.of(Chain), "chain")
            feed.until(ny("10:00:02.5"))
            feed.wait(lambda: len(feed.of(Contracts)) == 2, "second table")
        assert [sorted(set(table.strikes)) for table in feed.of(Contracts)] == [
            [678.0, 679.0],
            [678.0, 679.0, 680.0, 681.0],
        ]

    def test_open_interest_that_comes_after_the_open_is_asked_for_until_it_is_there(
        self, fake: Alpaca, capsys: Told
    ) -> None:
        fake.faults({"kind": "no_open_interest", "count": 3})
        with live(fake, capsys, options_of=("SPY",)) as feed:
            # At the listing, once with the volumes, and a minute later.
            feed.wait(lambda: fake.state()["requests"].get("GET /v2/options/contracts") == 2, "two questions")
            feed.clock.now_ns = ny("10:01:02")
            feed.wait(lambda: fake.state()["requests"]["GET /v2/options/contracts"] == 3, "third question")
            feed.clock.now_ns = ny("10:02:03")
            feed.wait(lambda: feed.told("I012", without_open_interest=0), "open interest")
            feed.wait(lambda: counts_of(feed.of(Chain)[-1].open_interest, 60)[0] == 500.0, "a chain with it")
        assert len(feed.of(Contracts)) == 1
        assert [line["without_open_interest"] for line in feed.told("I012")] == [60, 0]

    def test_a_listing_without_a_contract_is_asked_for_again_after_a_minute(self, fake: Alpaca, capsys: Told) -> None:
        with live(fake, capsys, options_of=("TQQQ",)) as feed:
            feed.connected("stock")
            feed.until(ny("10:00:02.5"))
            feed.wait(lambda: feed.told("I012", contracts=0), "empty listing")
            feed.clock.now_ns = ny("10:01:03")
            feed.wait(lambda: len(feed.told("I012", contracts=0)) == 2, "second question")
        assert (feed.of(Contracts), feed.of(Chain)) == ([], [])

    def test_volumes_come_with_the_chain(self, fake: Alpaca, capsys: Told) -> None:
        with live(fake, capsys, options_of=("SPY",)) as feed:
            feed.wait(lambda: len(feed.of(Chain)) >= 3, "chains")
        assert "GET /v1beta1/options/bars" not in fake.state()["requests"]

    def test_volumes_that_the_chain_does_not_carry_are_asked_for_once_a_minute(
        self, fake: Alpaca, capsys: Told
    ) -> None:
        fake.faults({"kind": "no_daily_bars", "count": 0})
        with live(fake, capsys, options_of=("SPY",)) as feed:
            feed.wait(lambda: len(feed.of(Chain)) >= 3, "chains")
            assert fake.state()["requests"]["GET /v1beta1/options/bars"] == 1
            call = feed.of(Contracts)[0].symbols.index(CALL)
            assert {counts_of(chain.volume, 60)[call] for chain in feed.of(Chain)} == {10.0}
            feed.clock.now_ns = ny("10:01:02")
            feed.wait(lambda: fake.state()["requests"]["GET /v1beta1/options/bars"] == 2, "second question")

    def test_quotes_near_the_money_are_streamed_within_the_budget(self, fake: Alpaca, capsys: Told) -> None:
        with live(fake, capsys, options_of=("SPY",), option_symbols=3) as feed:
            feed.connected("stock")
            feed.until(ny("10:00:02.5"))
            feed.subscribed(AT_680)
            feed.until(ny("10:00:05.5"))
            feed.wait(lambda: len(options(feed)) == 3, "quotes")
        assert {quote.symbol for quote in options(feed)} == set(AT_680)
        assert {(quote.bid, quote.ask) for quote in options(feed) if quote.symbol == CALL} == {(1.0, 1.05)}

    def test_what_is_held_far_from_the_money_is_listed_and_streamed(
        self, fake: Alpaca, capsys: Told, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("flows.feeds.alpaca.chains.BAND", 0.002)
        far = CALL.replace("680000", "685000")
        held = ("TQQQ", far, far.replace("SPY", "QQQ"), far.replace("260302", "260227"))
        with live(fake, capsys, options_of=("SPY",), option_symbols=3, held=held) as feed:
            feed.connected("stock")
            feed.until(ny("10:00:02.5"))
            feed.subscribed({*AT_680[:2], far})
        assert far in feed.of(Contracts)[-1].symbols

    def test_what_is_held_later_beyond_the_table_gets_a_wider_one_once(
        self, fake: Alpaca, capsys: Told, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("flows.feeds.alpaca.chains.BAND", 0.002)
        held = list[str]()
        with live(fake, capsys, options_of=("SPY",), held=held) as feed:
            feed.wait(lambda: feed.of(Chain), "chain")
            held.append(CALL.replace("680000", "685000"))
            feed.wait(lambda: len(feed.of(Contracts)) == 2, "second table")
            chains = len(feed.of(Chain))
            feed.wait(lambda: len(feed.of(Chain)) >= chains + 3, "chains")
        assert [max(table.strikes) for table in feed.of(Contracts)] == [679.0, 685.0]

    def test_the_window_follows_the_price(self, fake: Alpaca, capsys: Told) -> None:
        with live(fake, capsys, options_of=("SPY",), option_symbols=3) as feed:
            feed.connected("stock")
            feed.until(ny("10:00:02.5"))
            feed.subscribed(AT_680)
            feed.until(ny("15:14:59"))
            feed.subscribed(symbol.replace("680000", "681000") for symbol in AT_680)

    def test_quotes_of_options_do_not_hide_that_shares_are_silent(self, fake: Alpaca, capsys: Told) -> None:
        with live(fake, capsys, options_of=("SPY",), option_symbols=3) as feed:
            feed.connected("stock")
            feed.until(ny("10:00:02.5"))
            feed.subscribed(AT_680)
            fake.faults({"kind": "mute", "stream": "stock", "count": 0})
            feed.until(ny("10:00:05.5"))
            feed.wait(lambda: feed.of(Quote, symbol=CALL, event_ns=ny("10:00:05")), "quote of the call")
            # A minute is what this feed takes for silence.
            feed.clock.now_ns = ny("10:01:03")
            feed.until(ny("15:14:59"))
            feed.wait(lambda: feed.of(Chain, event_ns=ny("15:14:58")), "chain")
        assert max(quote.event_ns for quote in feed.of(Quote)) == ny("10:00:05")


def test_options_need_the_quotes_of_their_underlying() -> None:
    with pytest.raises(ValueError, match="options of SPY need its quotes"):
        AlpacaFeed(Access(ANY), Wanted(("QQQ",), ("SPY",)))


def test_it_is_marked_for_what_it_is_not() -> None:
    feeds = {
        marks: AlpacaFeed(Access(ANY, *kinds), Wanted(("SPY",))).marks
        for marks, kinds in (("free", ("iex", "indicative")), ("paid", ("sip", "opra")))
    }
    assert feeds == {"free": ("IEX", "INDICATIVE"), "paid": ()}


def test_a_bar_that_is_later_than_its_close_by_five_seconds_is_late() -> None:
    feed = AlpacaFeed(Access(ANY), Wanted(("SPY",), chain_seconds=5.0))
    assert feed.cadences == {"bar": 0.0, "quote": 0.0, "chain": 5.0}


class Ending(AlpacaFeed):
    """A feed that a test ends; others end with their process."""

    def __init__(self, *words: Any) -> None:
        super().__init__(*words)
        self.ended = threading.Event()

    def run(self, put: Put, _: threading.Event, passed: int) -> None:
        super().run(put, self.ended, passed)


def test_an_engines_tape_takes_what_the_feed_brings(fake: Alpaca, capsys: Told, tmp_path: Path) -> None:
    clock = Clock()
    wanted = Wanted(("SPY", "TQQQ"), ("SPY",), chain_seconds=0.05)
    access = Access(ANY, address=fake.urls["TradingClient"])
    feed = Ending(access, wanted, clock)
    recording = Recording(tmp_path / "state", lambda _: feed)
    thread = threading.Thread(target=_play_and_end, args=(fake, clock, feed, tmp_path / "state" / "tape"))
    thread.start()
    recorded = recording.run()
    thread.join()
    tape = open_tape(recorded.tape)
    events = list(tape.events())
    assert tape.header.marks == ("IEX", "INDICATIVE")
    assert [event.at_ns for event in events] == sorted({event.at_ns for event in events})
    assert [type(event) for event in events[:3]] == [Bar] * 3
    assert {type(event) for event in events} == {Bar, Quote, Contracts, Chain}
    assert [bar.event_ns for bar in _live_bars(recorded.tape)] == [ny("10:01")]


def _play_and_end(fake: Alpaca, clock: Clock, feed: Ending, tape: Path) -> None:
    """Plays a minute, and ends the recording once its bar is on the tape."""
    try:
        assert fake.until_connected("option", 1, WAIT_SECONDS)
        assert fake.until_connected("stock", 1, WAIT_SECONDS)
        clock.now_ns = ny("10:01")
        fake.until(ny("10:01:00.5"))
        ends = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < ends and not _live_bars(tape):
            time.sleep(MOMENT_SECONDS)
    finally:
        feed.ended.set()


def _live_bars(tape: Path) -> list[Bar]:
    return [event for event in open_tape(tape).events() if isinstance(event, Bar) and not event.history]
