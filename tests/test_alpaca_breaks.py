"""What breaks between Alpaca's market and the feed, and what the feed does and says about it."""

import pytest

from flows.backoff import Backoff
from flows.feeds.alpaca.faults import WrongKeys
from operators.events import Bar, Chain, Quote
from tests.alpaca_live import live
from tests.alpaca_market import OPENING, ny
from tests.fakes.alpaca.process import Alpaca

pytest_plugins = ("tests.alpaca_fixtures",)

Told = pytest.CaptureFixture[str]


class TestStreams:
    def test_a_drop_in_mid_frame_is_told_and_the_stream_made_again(self, fake: Alpaca, capsys: Told) -> None:
        with live(fake, capsys) as feed:
            feed.connected("stock")
            fake.faults({"kind": "drop_mid_frame", "stream": "stock"})
            feed.until(ny("10:00:02.5"))
            feed.wait(lambda: feed.told("W121", stream="shares"), "warning")
            feed.connected("stock")
            feed.until(ny("10:00:03.5"))
            feed.wait(lambda: len(feed.of(Quote, event_ns=ny("10:00:03"))) == 2, "quotes")
        assert [line["detail"].partition(":")[0] for line in feed.told("W121")] == ["ConnectionClosedError"]

    def test_the_bars_that_closed_during_a_break_come_late_and_once(self, fake: Alpaca, capsys: Told) -> None:
        with live(fake, capsys) as feed:
            feed.connected("stock")
            fake.faults({"kind": "connection_limit", "stream": "stock", "for_seconds": 90.0})
            fake.drop("stock")
            feed.wait(lambda: feed.told("W122", stream="shares"), "warning")
            feed.until(ny("10:01:30"))
            fake.wait(90.0)
            feed.wait(lambda: feed.of(Bar, history=False), "bar")
            feed.wait(lambda: feed.told("I011", stream="shares", bars=1), "word of it")
        (bar,) = feed.of(Bar, history=False)
        # 30 s after its close: more than the 5 s that an entry may wait.
        assert (bar.event_ns, feed.clock.now_ns - bar.event_ns) == (ny("10:01"), 30_000_000_000)

    def test_bars_of_a_break_that_cannot_be_had_are_told_and_asked_for_until_they_are_there(
        self, fake: Alpaca, capsys: Told, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("flows.feeds.alpaca.shares.USUAL", Backoff(0.01, 0.01))
        with live(fake, capsys) as feed:
            feed.connected("stock")
            feed.wait(lambda: feed.told("I011"), "first connection")
            fake.faults({"kind": "503", "path": "/v2/stocks/bars", "count": 0})
            fake.drop("stock")
            feed.wait(lambda: len(feed.told("W123", detail="bars of SPY, TQQQ: HTTP 503")) > 3, "warnings")
            feed.connected("stock")
            feed.until(ny("10:01:01"))
            feed.wait(lambda: feed.of(Quote, event_ns=ny("10:00:19")), "quotes all the same")
            assert feed.of(Bar, history=False) == []
            fake.call("DELETE", "faults")
            feed.wait(lambda: feed.of(Bar, history=False), "bar")
        assert [bar.event_ns for bar in feed.of(Bar, history=False)] == [ny("10:01")]

    def test_an_engine_that_goes_on_hears_quotes_before_the_history_is_there(
        self, fake: Alpaca, capsys: Told, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("flows.feeds.alpaca.shares.USUAL", Backoff(0.01, 0.01))
        fake.faults({"kind": "503", "path": "/v2/stocks/bars", "count": 0})
        with live(fake, capsys, passed=7) as feed:
            feed.connected("stock")
            feed.until(ny("10:00:02.5"))
            feed.wait(lambda: len(feed.of(Quote)) == 2, "quotes")
            fake.call("DELETE", "faults")
            feed.wait(lambda: len(feed.of(Bar, history=True)) == 3, "history")

    def test_a_mute_socket_is_left_and_made_again(self, fake: Alpaca, capsys: Told) -> None:
        fake.faults({"kind": "mute", "stream": "stock", "count": 0})
        with live(fake, capsys, silent_seconds=0.3) as feed:
            feed.connected("stock")
            feed.wait(lambda: len(feed.told("W121", stream="shares")) >= 1, "warning")
            feed.connected("stock")
        assert feed.told("W121")[0]["detail"].startswith("Silent: nothing came for ")

    def test_subscriptions_that_are_refused_are_told(self, fake: Alpaca, capsys: Told) -> None:
        fake.reset(option_symbols=1)
        fake.until(OPENING)
        with live(fake, capsys, options_of=("SPY",), option_symbols=3) as feed:
            feed.wait(lambda: feed.told("W121", stream="options"), "warning")
        assert feed.told("W121")[0]["detail"] == "ConnectionError: symbol limit exceeded (405)"

    def test_a_closed_market_may_be_silent(self, fake: Alpaca, capsys: Told) -> None:
        with live(fake, capsys, silent_seconds=0.1, until_ns=ny("16:00")) as feed:
            feed.connected("stock")
            assert feed.feed._open() is False
            feed.until(ny("16:05"))
            feed.wait(lambda: feed.of(Bar, ticker="TQQQ"), "bar after the close")
        assert feed.told("W121") == []

    @pytest.mark.parametrize("stream", ["stock", "option"])
    def test_refused_keys_end_the_feed(self, fake: Alpaca, capsys: Told, stream: str) -> None:
        fake.faults({"kind": "refuse_auth", "stream": stream})
        with live(fake, capsys, options_of=("SPY",)) as feed:
            feed.wait(lambda: not feed.thread.is_alive(), "end")
        assert isinstance(feed.fault, WrongKeys)
        assert str(feed.fault).startswith("Alpaca refuses the keys at its stream of ")
        assert "some-" not in str(feed.fault)

    def test_an_end_leaves_no_connection(self, fake: Alpaca, capsys: Told) -> None:
        with live(fake, capsys, options_of=("SPY",)) as feed:
            feed.connected("stock")
            feed.connected("option")
        assert feed.fault is None
        assert fake.state()["connections"] == {"stock": 0, "option": 0, "trade_updates": 0}


class TestQuestions:
    def test_a_chain_that_is_not_answered_is_told_and_asked_again(self, fake: Alpaca, capsys: Told) -> None:
        fake.faults({"kind": "429", "path": "/v1beta1/options/snapshots/SPY"})
        with live(fake, capsys, options_of=("SPY",)) as feed:
            feed.wait(lambda: feed.of(Chain), "chain")
        (line,) = feed.told("W121", stream="chain SPY")
        assert line["detail"] == "Unanswered: chain of SPY: HTTP 429 (too many requests.)"

    def test_symbols_that_are_no_contracts_are_told(self, fake: Alpaca, capsys: Told) -> None:
        fake.faults({"kind": "strange_roots", "count": 0})
        with live(fake, capsys, options_of=("SPY",)) as feed:
            feed.wait(lambda: len(feed.of(Chain)) >= 3, "chains")
        (line,) = feed.told("W124")
        assert line["detail"] == "3 symbols of SPY's chain are no contracts of its table"

    def test_a_history_that_is_not_answered_is_asked_for_again(self, fake: Alpaca, capsys: Told) -> None:
        fake.faults({"kind": "502", "path": "/v2/stocks/bars"})
        with live(fake, capsys) as feed:
            feed.wait(lambda: len(feed.of(Bar)) == 3, "history")
        assert [line["stream"] for line in feed.told("W121")] == ["history"]

    def test_refused_keys_end_the_feed_before_anything_came(self, fake: Alpaca, capsys: Told) -> None:
        fake.faults({"kind": "unauthorized"})
        with live(fake, capsys) as feed:
            feed.wait(lambda: not feed.thread.is_alive(), "end")
        assert (isinstance(feed.fault, WrongKeys), feed.put) == (True, [])

    def test_an_engine_may_stop_while_nobody_answers(self, fake: Alpaca, capsys: Told) -> None:
        fake.faults({"kind": "503", "count": 0})
        with live(fake, capsys) as feed:
            feed.wait(lambda: feed.told("W121", stream="history"), "warning")
        assert (feed.fault, feed.put) == (None, [])
