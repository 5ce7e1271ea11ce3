"""A split begins its ticker anew: the averages of prices from before it would flip at the first bar after it."""

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from operators.events import MINUTE_NS, SECOND_NS, AnyEvent, AtmIv, Bar, Split
from operators.market import Market
from operators.moments import Moment, Setup
from operators.ticker import TickerState
from tests.builders import Stage
from tests.builders import ny as at
from tests.market_builders import ANY_MACRO, DAY, WEEK, bar, falling, flat, market, ny, seen
from tests.option_builders import held

WEDNESDAY = WEEK[1]
MORNING = ny("09:00", WEDNESDAY)


def split(at_ns: int = MORNING, ticker: str = "QQQ", ex_date: date = WEDNESDAY, **changes: Any) -> Split:
    """Ten shares for one, told before the open of its day."""
    return replace(Split(1, at_ns, at_ns, ticker, ex_date, 1.0, 10.0), **changes)


def warm(price: float, at_ns: int, day: date = DAY, last: int = 60) -> list[Bar]:
    """History of a day that is told at an instant: flat, but for a wave that gives the averages something to do."""
    return [
        replace(one, at_ns=at_ns + place, history=True)
        for place, one in enumerate(bar(n, price * (1 + n % 5 / 100), day=day) for n in range(1, last + 1))
    ]


def playing(*events: AnyEvent) -> Market:
    made = market(ANY_MACRO)
    for event in events:
        made.on(event)
    return made


def encoded(state: TickerState) -> bytes:
    return msgspec.msgpack.encode(state)


class TestMarket:
    def test_bars_as_of_after_it_make_the_state_of_a_market_that_never_heard_others(self) -> None:
        after = warm(10.0, MORNING + SECOND_NS)
        heard = playing(*warm(100.0, ny("09:00")), *flat(1, 390), split(), *after)
        fresh = playing(split(), *after)
        assert encoded(heard.state.tickers["QQQ"]) == encoded(fresh.state.tickers["QQQ"])
        assert heard.state.tickers["QQQ"].fast.edges() == playing(*after).state.tickers["QQQ"].fast.edges()

    def test_without_it_such_bars_are_older_than_what_is_known(self) -> None:
        made = playing(*flat(1, 390))
        before = encoded(made.state.tickers["QQQ"])
        for event in warm(10.0, MORNING):
            made.on(event)
        assert encoded(made.state.tickers["QQQ"]) == before

    @pytest.mark.parametrize(("told", "flips"), [(False, [-1]), (True, [])])
    def test_the_first_bars_after_it_are_no_flip(self, told: bool, flips: list[int]) -> None:
        # 39 at 100 and one at 101 make the fast cloud bullish; a tenth of it would be a fall of nine tenths.
        made = playing(*flat(1, 39), bar(40, 101.0))
        if told:
            made.on(split())
            for event in [*warm(9.0, MORNING, last=39), replace(bar(40, 10.1), at_ns=MORNING + 1, history=True)]:
                made.on(event)
        after = [bar(n, 10.2, day=WEDNESDAY, volume=9000.0) for n in range(1, 10)]
        items = [item for event in after for item in made.on(event)]
        assert [item.flip for item in items if isinstance(item, Moment) and item.flip] == flips

    def test_told_again_it_changes_nothing_and_goes_no_further(self) -> None:
        made = playing(*flat(1, 60), split(), *warm(10.0, MORNING))
        before = encoded(made.state.tickers["QQQ"])
        assert made.on(split(MORNING + MINUTE_NS, new_shares=2.0)) == []
        for event in warm(20.0, MORNING + MINUTE_NS):
            made.on(event)
        assert encoded(made.state.tickers["QQQ"]) == before

    def test_it_goes_on_to_the_desk_when_it_is_new(self) -> None:
        assert playing(*flat(1, 60)).on(split()) == [split()]

    def test_one_of_another_day_begins_the_ticker_anew_once_more(self) -> None:
        made = playing(split(), *warm(10.0, MORNING))
        thursday = MORNING + 24 * 60 * MINUTE_NS
        made.on(split(thursday, ex_date=WEEK[2]))
        assert (made.state.tickers["QQQ"].fast.edges(), made.state.tickers["QQQ"].splits) == (
            None,
            ["2025-04-02", "2025-04-03"],
        )

    def test_before_its_day_it_is_not_heard(self) -> None:
        made = playing(*flat(1, 60))
        before = encoded(made.state.tickers["QQQ"])
        assert made.on(split(ny("20:00"))) == []
        assert encoded(made.state.tickers["QQQ"]) == before
        assert made.on(split()) == [split()]

    def test_other_tickers_go_on(self) -> None:
        made = playing(*flat(1, 60), *flat(1, 60, ticker="SPY"))
        before = encoded(made.state.tickers["SPY"])
        made.on(split())
        assert encoded(made.state.tickers["SPY"]) == before

    def test_the_iv_of_past_sessions_stays(self) -> None:
        made = playing(AtmIv(1, ny("09:00"), ny("15:45"), "QQQ", 0.25), split())
        assert made.state.listings.known["QQQ"].atm_ivs == {"2025-04-01": 0.25}

    def test_until_bars_come_nothing_is_ready(self) -> None:
        view = seen(playing(*flat(1, 390), split()), MORNING + SECOND_NS)
        assert (view.bar, view.ema12, view.atr, view.macro_ready) == (None, None, None, False)

    def test_history_behind_it_makes_no_signal(self) -> None:
        made = playing(*flat(1, 60), split())
        told = [*warm(10.0, MORNING), replace(falling(), at_ns=MORNING + SECOND_NS, history=True)]
        assert [item for event in told for item in made.on(event) if isinstance(item, Setup | Moment)] == []


class TestHeld:
    def test_a_fund_that_is_held_over_it_ends_entries_until_a_person_says_so(self) -> None:
        stage = Stage()
        stage.hold("15:30")
        tomorrow = stage.day + timedelta(days=1)
        stage._on(split(at("09:00", tomorrow), "TQQQ", tomorrow))
        reason = "TQQQ was split 10 for 1 on 2025-08-19 and 133 TQQQ is held"
        assert (stage.book.trading, stage.book.trading_reason) == ("REDUCING", reason)
        assert [(row.actor, row.action, row.argument) for row in stage.audit] == [("engine", "reduce", reason)]
        stage.reach(at("09:30", tomorrow))
        assert stage.book.trading == "REDUCING"

    def test_an_option_on_what_was_split_is_held_over_it_too(self) -> None:
        stage = held("15:00")
        tomorrow = stage.day + timedelta(days=1)
        stage._on(split(at("09:00", tomorrow), "QQQ", tomorrow))
        assert (
            stage.book.trading_reason == f"QQQ was split 10 for 1 on {tomorrow} and 6 {stage.position.symbol} is held"
        )

    @pytest.mark.parametrize("ticker", ["QQQ", "SQQQ"])
    def test_a_split_of_anything_else_is_nothing_to_a_fund(self, ticker: str) -> None:
        stage = Stage()
        stage.hold("15:30")
        tomorrow = stage.day + timedelta(days=1)
        stage._on(split(at("09:00", tomorrow), ticker, tomorrow))
        assert (stage.book.trading, stage.audit) == ("ACTIVE", [])

    def test_what_was_bought_after_it_is_of_the_new_shares(self) -> None:
        stage = Stage()
        stage.hold("10:00")
        stage._on(split(at("10:01"), "TQQQ", stage.day))
        assert (stage.book.trading, stage.audit) == ("ACTIVE", [])
