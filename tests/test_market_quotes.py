"""Quotes in a view, their age, and that a view is a snapshot."""

import msgspec
import pytest

from operators.config import EngineSettings, ScalpConfig
from operators.events import AnyEvent
from operators.market import Market
from tests.market_builders import bar, flat, market, ny, quote, seen
from tests.play import started


class TestQuotesInTheView:
    def test_the_newest_quote_of_a_fund_is_seen(self) -> None:
        made, newest = market(), quote(ny("10:00") + 1, bid=57.0, ask=57.01)
        for event in (quote(ny("10:00")), quote(ny("10:00"), "SQQQ"), newest):
            made.on(event)
        assert seen(made, ny("10:01")).quotes == {"TQQQ": newest, "SQQQ": quote(ny("10:00"), "SQQQ")}

    def test_quotes_of_other_symbols_are_not_kept(self) -> None:
        made = market()
        made.on(quote(ny("10:00"), "QQQ"))
        assert seen(made, ny("10:01")).quotes == {}

    def test_the_age_is_that_of_the_stream_whatever_the_symbol(self) -> None:
        made = market()
        made.on(quote(ny("10:00"), "TQQQ"))
        made.on(quote(ny("10:00:07"), "QQQ"))
        assert seen(made, ny("10:00:08")).quotes_age_ns == 1_000_000_000

    def test_a_quote_of_an_option_says_nothing_of_the_stream_of_shares(self) -> None:
        made = market()
        made.on(quote(ny("10:00"), "TQQQ"))
        made.on(quote(ny("10:00:07"), "QQQ250818C00570000"))
        assert seen(made, ny("10:00:08")).quotes_age_ns == 8_000_000_000

    def test_the_age_counts_from_when_a_quote_happened(self) -> None:
        made = market()
        made.on(quote(ny("10:00:07"), event_ns=ny("10:00:04")))
        assert seen(made, ny("10:00:08")).quotes_age_ns == 4_000_000_000

    def test_a_quote_that_happened_earlier_does_not_age_the_stream(self) -> None:
        made = market()
        made.on(quote(ny("10:00:06")))
        made.on(quote(ny("10:00:07"), "SQQQ", event_ns=ny("10:00:01")))
        assert seen(made, ny("10:00:08")).quotes_age_ns == 2_000_000_000

    @pytest.mark.parametrize(("cadence", "seconds"), [(0.0, 2), (1.0, 2), (60.0, 90)])
    def test_the_oldest_usable_age_is_the_setting_or_one_and_a_half_cadences(
        self, cadence: float, seconds: int
    ) -> None:
        made = market(cadences={"quote": cadence})
        assert seen(made, ny("10:00")).quotes_max_age_ns == seconds * 1_000_000_000

    def test_the_setting_of_the_oldest_age_bites(self) -> None:
        made = Market(ScalpConfig(), EngineSettings(quote_max_age_seconds=3.0))
        made.on(started(ny("09:30"), cadences={}))
        assert seen(made, ny("10:00")).quotes_max_age_ns == 3_000_000_000


class TestViewsAreSnapshots:
    def test_later_events_change_no_earlier_view(self) -> None:
        made = market()
        first: list[AnyEvent] = [*flat(1, 60, ticker="TQQQ"), *flat(1, 60), quote(ny("10:30"))]
        for event in first:
            made.on(event)
        earlier = seen(made, ny("10:30"))
        before = msgspec.msgpack.encode(earlier)
        later: list[AnyEvent] = [bar(n, 90.0 + n, ticker=ticker) for n in range(61, 200) for ticker in ("QQQ", "TQQQ")]
        later += [quote(ny("12:50"), bid=1.0), quote(ny("12:51"), "SQQQ"), quote(ny("16:00:05"))]
        for event in later:
            made.on(event)
        assert msgspec.msgpack.encode(earlier) == before
        assert msgspec.msgpack.encode(seen(made, ny("16:01"))) != before

    def test_a_ticker_without_bars_has_an_empty_view(self) -> None:
        found = seen(market(), ny("10:00"), "SPY")
        assert (found.bar, found.ema12, found.atr, found.agreement) == (None, None, None, (0, 0, 0, 0))

    def test_asking_for_an_unknown_ticker_remembers_nothing(self) -> None:
        made = market()
        seen(made, ny("10:00"), "SPY")
        assert made.state.tickers == {}
