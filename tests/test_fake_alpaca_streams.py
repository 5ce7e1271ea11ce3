"""The fake Alpaca's streams of market data as the real clients hear them, and what goes wrong with them."""

import logging
from datetime import UTC, datetime

import pytest
from alpaca.data.models import Bar, Quote

from tests.alpaca_clients import Heard, connected, option_stream, stock_stream
from tests.alpaca_market import CALL, PUT, ny
from tests.fakes.alpaca.process import Alpaca

pytest_plugins = ("tests.alpaca_fixtures",)


def quotes(fake: Alpaca, heard: Heard, *symbols: str, **words: object) -> None:
    """Subscribes to quotes of shares, and waits until the fake knows."""
    stream = stock_stream(fake, **words)
    stream.subscribe_quotes(heard.handler, *symbols)
    heard.run(stream)
    connected(fake, "stock")


def option_quotes(fake: Alpaca, heard: Heard, *symbols: str, **words: object) -> None:
    stream = option_stream(fake, **words)
    stream.subscribe_quotes(heard.handler, *symbols)
    heard.run(stream)
    connected(fake, "option")


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


class TestMessages:
    def test_quotes_of_shares_are_typed_with_the_tapes_time(self, fake: Alpaca) -> None:
        with Heard() as heard:
            quotes(fake, heard, "TQQQ")
            fake.until(ny("10:00:02.5"))
            (quote,) = heard.until(1)
        assert isinstance(quote, Quote)
        assert (quote.symbol, quote.bid_price, quote.ask_price, quote.ask_size) == ("TQQQ", 50.0, 50.02, 100.0)
        assert quote.timestamp == datetime(2026, 3, 2, 15, 0, 2, tzinfo=UTC)

    def test_a_bar_is_named_by_its_begin(self, fake: Alpaca) -> None:
        with Heard() as heard:
            stream = stock_stream(fake)
            stream.subscribe_bars(heard.handler, "SPY")
            heard.run(stream)
            connected(fake, "stock")
            fake.until(ny("10:01:01"))
            (bar,) = heard.until(1)
        assert isinstance(bar, Bar)
        assert (bar.close, bar.volume, bar.timestamp) == (680.5, 1000.0, datetime(2026, 3, 2, 15, 0, tzinfo=UTC))

    def test_a_star_stands_for_all_shares(self, fake: Alpaca) -> None:
        with Heard() as heard:
            quotes(fake, heard, "*")
            fake.until(ny("10:00:02.5"))
            assert [quote.symbol for quote in heard.until(2)] == ["SPY", "TQQQ"]

    def test_a_snapshot_of_a_chain_is_a_quote_of_each_contract_asked_for(self, fake: Alpaca) -> None:
        with Heard() as heard:
            option_quotes(fake, heard, CALL, PUT)
            sent = fake.until(ny("10:00:05.5"))["sent"]
            found = {quote.symbol: (quote.bid_price, quote.ask_price, quote.bid_size) for quote in heard.until(2)}
        assert (sent["option"], found) == (2, {CALL: (1.0, 1.05, 10.0), PUT: (0.4, 0.5, 10.0)})

    def test_a_contract_that_nobody_quotes_says_nothing(self, fake: Alpaca) -> None:
        with Heard() as heard:
            option_quotes(fake, heard, "SPY260302C00675000", CALL)
            fake.until(ny("10:00:05.5"))
            assert [quote.symbol for quote in heard.until(1)] == [CALL]

    def test_history_is_not_streamed(self, fake: Alpaca) -> None:
        fake.reset()
        with Heard() as heard:
            stream = stock_stream(fake)
            stream.subscribe_bars(heard.handler, "SPY")
            heard.run(stream)
            connected(fake, "stock")
            assert fake.until(ny("10:00:59"))["sent"]["stock"] == 0

    def test_subscriptions_change_while_a_stream_runs(self, fake: Alpaca) -> None:
        with Heard() as heard:
            stream = option_stream(fake)
            stream.subscribe_quotes(heard.handler, CALL)
            heard.run(stream)
            connected(fake, "option")
            stream.subscribe_quotes(heard.handler, PUT)
            stream.unsubscribe_quotes(CALL)
            heard.wait(lambda: fake.state()["subscriptions"]["option"] == [PUT], "change of subscriptions")
            fake.until(ny("10:00:05.5"))
            assert [quote.symbol for quote in heard.until(1)] == [PUT]


class TestLockStep:
    def test_nothing_comes_until_the_next_event_is_asked_for(self, fake: Alpaca) -> None:
        with Heard() as heard:
            quotes(fake, heard, "SPY", "TQQQ")
            told = [fake.next() for _ in range(2)]
            found = [quote.symbol for quote in heard.until(2)]
        assert [(one["event"], one["symbol"], one["sent"]["stock"]) for one in told] == [
            ("Quote", "SPY", 1),
            ("Quote", "TQQQ", 1),
        ]
        assert found == ["SPY", "TQQQ"]

    def test_the_tape_ends(self, fake: Alpaca) -> None:
        told = fake.next(1_000)
        assert told["ended"]
        assert (fake.next()["released"], fake.state()["ended"]) == (0, True)

    def test_at_a_speed_the_tape_plays_by_itself(self, alpaca_tape: object) -> None:
        # The afternoon's gaps pass as a minute each; the whole takes some 0.02 s.
        with Alpaca.on(alpaca_tape, "--speed", "20000") as fake, Heard() as heard:  # type: ignore[arg-type]  # a path
            heard.wait(lambda: bool(fake.state()["ended"]), "end of the tape")
            assert fake.state()["played"] == 56


class TestConnections:
    def test_a_drop_in_mid_frame_is_followed_by_a_new_connection(
        self, fake: Alpaca, caplog: pytest.LogCaptureFixture
    ) -> None:
        with Heard() as heard:
            fake.faults({"kind": "drop_mid_frame", "stream": "stock"})
            quotes(fake, heard, "TQQQ")
            fake.until(ny("10:00:02.5"))
            heard.wait(lambda: bool(warnings(caplog)), "warning")
            connected(fake, "stock")
            fake.until(ny("10:00:03.5"))
            (quote,) = heard.until(1)
        assert quote.timestamp.second == 3
        assert "websocket error, restarting connection" in warnings(caplog)[0]

    def test_connections_can_be_dropped_at_once(self, fake: Alpaca, caplog: pytest.LogCaptureFixture) -> None:
        with Heard() as heard:
            option_quotes(fake, heard, CALL)
            assert fake.drop("option", mid_frame=True) == 1
            heard.wait(lambda: bool(warnings(caplog)), "warning")
            connected(fake, "option")

    def test_bad_keys_are_refused_again_and_again(self, fake: Alpaca, caplog: pytest.LogCaptureFixture) -> None:
        fake.faults({"kind": "refuse_auth", "stream": "stock", "count": 2})
        with Heard() as heard:
            quotes(fake, heard, "TQQQ")
        assert [text for text in warnings(caplog) if "auth failed" in text] == [
            "error during websocket communication: auth failed"
        ] * 2

    def test_a_second_connection_is_one_too_many(self, fake: Alpaca, caplog: pytest.LogCaptureFixture) -> None:
        with Heard() as heard:
            quotes(fake, heard, "TQQQ")
            stream = stock_stream(fake)
            stream.subscribe_quotes(heard.handler, "SPY")
            heard.run(stream)
            heard.wait(lambda: any("connection limit exceeded" in text for text in warnings(caplog)), "refusal")

    def test_the_limit_lasts_as_long_as_the_script_says(self, fake: Alpaca, caplog: pytest.LogCaptureFixture) -> None:
        fake.faults({"kind": "connection_limit", "stream": "option", "for_seconds": 90.0})
        with Heard() as heard:
            stream = option_stream(fake)
            stream.subscribe_quotes(heard.handler, CALL)
            heard.run(stream)
            heard.wait(lambda: len(warnings(caplog)) >= 2, "second refusal")
            fake.wait(90.0)
            connected(fake, "option")

    def test_a_mute_socket_is_noticed_by_a_client_that_watches(
        self, fake: Alpaca, caplog: pytest.LogCaptureFixture
    ) -> None:
        fake.faults({"kind": "mute", "stream": "stock", "count": 0})
        with Heard() as heard:
            quotes(fake, heard, "TQQQ", data_timeout=0.2)
            fake.until(ny("10:00:03.5"))
            heard.wait(lambda: any("no data received" in text for text in warnings(caplog)), "complaint")
            assert heard.messages == []

    def test_more_symbols_than_the_budget_are_refused(self, fake: Alpaca, caplog: pytest.LogCaptureFixture) -> None:
        fake.reset(option_symbols=1)
        with Heard() as heard:
            stream = option_stream(fake)
            stream.subscribe_quotes(heard.handler, CALL, PUT)
            heard.run(stream)
            heard.wait(lambda: any("symbol limit exceeded" in text for text in warnings(caplog)), "refusal")
            assert fake.state()["subscriptions"]["option"] == []


class TestFaultsOfMessages:
    @pytest.mark.parametrize(
        ("kind", "seconds"),
        [("lose", [3, 4]), ("duplicate", [2, 2, 3, 4]), ("delay", [3, 2, 4]), ("mute", [3, 4])],
    )
    def test_messages_are_lost_doubled_or_late(self, fake: Alpaca, kind: str, seconds: list[int]) -> None:
        fake.faults({"kind": kind, "stream": "stock", "event": "q", "symbol": "TQQQ"})
        with Heard() as heard:
            quotes(fake, heard, "TQQQ")
            fake.until(ny("10:00:04.5"))
            assert [quote.timestamp.second for quote in heard.until(len(seconds))] == seconds

    def test_a_crossed_quote(self, fake: Alpaca) -> None:
        fake.faults({"kind": "crossed", "stream": "stock"})
        with Heard() as heard:
            quotes(fake, heard, "TQQQ")
            fake.until(ny("10:00:02.5"))
            (quote,) = heard.until(1)
        assert (quote.bid_price, quote.ask_price) == (50.02, 50.0)

    def test_nan_and_noise_in_prices(self, fake: Alpaca) -> None:
        fake.faults({"kind": "nan", "stream": "option"}, {"kind": "float_noise", "stream": "option"})
        with Heard() as heard:
            option_quotes(fake, heard, CALL, raw_data=True)
            fake.until(ny("10:00:05.5"))
            (quote,) = heard.until(1)
        assert quote["bp"] != quote["bp"]
        assert quote["ap"] != 1.05
        assert quote["ap"] == pytest.approx(1.05)
