"""What the market step makes of option chains: what cannot be is dropped, and what a signal sees of the rest."""

from datetime import date
from math import nan
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from operators.config import EngineSettings
from operators.events import SECOND_NS, AnyEvent, AtmIv, Bar, Dividend
from operators.market import Market, MarketState
from operators.moments import ChainView
from tests import market_builders
from tests.builders import DAY, bar, ny, quote
from tests.market_builders import ANY_MACRO
from tests.option_builders import TOMORROW, snapshot, table
from tests.play import EVENT_DRIVEN, started

USUAL = table(strikes=(570.0, 571.0, 572.0))


def market(*events: AnyEvent, cadences: dict[str, float] | None = None, **settings: Any) -> Market:
    """A market that has seen these events."""
    made = Market(ANY_MACRO, EngineSettings(**settings))
    made.on(started(ny("09:30"), cadences=EVENT_DRIVEN if cadences is None else cadences))
    for event in events:
        made.on(event)
    return made


def seen(made: Market, clock: str, ticker: str = "QQQ", day: date = DAY) -> dict[str, ChainView]:
    """The chains that a signal of a ticker sees."""
    return market_builders.seen(made, ny(clock, day), ticker).chains


class TestWhatCannotBe:
    def test_a_sound_table_and_a_snapshot_that_fits_pass(self) -> None:
        made, chain = market(), snapshot(USUAL, ny("10:00"))
        assert made.on(USUAL) == [USUAL]
        assert made.on(chain) == [chain]
        view = seen(made, "10:00:02")["QQQ"]
        assert (view.table, view.chain, view.age_ns) == (USUAL, chain, 2 * SECOND_NS)

    def test_an_unsound_table_is_dropped_and_so_are_its_snapshots(self) -> None:
        made = market(USUAL, snapshot(USUAL, ny("10:00")))
        bad = replace(USUAL, strikes=(nan, *USUAL.strikes[1:]))
        assert made.on(bad) == []
        assert made.on(snapshot(USUAL, ny("10:01"))) == []
        assert seen(made, "10:01") == {}

    def test_a_snapshot_before_any_table_is_dropped(self) -> None:
        made = market()
        assert made.on(snapshot(USUAL, ny("10:00"))) == []
        assert seen(made, "10:00") == {}

    def test_a_snapshot_of_another_length_is_dropped_and_the_one_before_ages(self) -> None:
        before = snapshot(USUAL, ny("10:00"))
        made = market(USUAL, before)
        assert made.on(snapshot(table(strikes=(571.0,)), ny("10:01"))) == []
        view = seen(made, "10:01")["QQQ"]
        assert (view.chain, view.age_ns) == (before, 60 * SECOND_NS)

    @pytest.mark.parametrize(
        "event",
        [
            AtmIv(1, ny("09:00"), ny("15:45", date(2025, 8, 15)), "QQQ", 0.2),
            Dividend(1, ny("09:00"), ny("09:00"), "QQQ", TOMORROW, 0.6),
        ],
        ids=["IV", "dividend"],
    )
    def test_history_becomes_nothing_and_is_seen_with_the_chain(self, event: AtmIv | Dividend) -> None:
        made = market()
        assert made.on(event) == []
        assert seen(made, "09:31") == {}
        made.on(USUAL)
        made.on(snapshot(USUAL, ny("10:00")))
        view = seen(made, "10:00")["QQQ"]
        assert (view.atm_ivs, view.ex_dates) == (((0.2,), ()) if isinstance(event, AtmIv) else ((), (TOMORROW,)))


class TestWhatIsSeen:
    def test_a_signal_of_a_fund_sees_its_own_chain_and_that_of_its_index(self) -> None:
        tables = [table(name, strikes=(570.0, 571.0, 572.0)) for name in ("QQQ", "SPY", "SPX")]
        made = market(*tables, *(snapshot(one, ny("10:00")) for one in tables))
        names = {ticker: set(seen(made, "10:00", ticker)) for ticker in ("QQQ", "SPY", "SPX", "NVDA")}
        assert names == {"QQQ": {"QQQ"}, "SPY": {"SPY", "SPX"}, "SPX": {"SPX"}, "NVDA": set()}

    def test_a_table_without_a_snapshot_is_not_seen(self) -> None:
        assert seen(market(USUAL), "10:00") == {}

    @pytest.mark.parametrize(("settings", "cadence", "limit"), [({}, 0.0, 5), ({}, 60.0, 90)])
    def test_the_age_limit_of_chains_is_the_setting_or_one_and_a_half_of_their_cadence(
        self, settings: dict[str, Any], cadence: float, limit: int
    ) -> None:
        made = market(cadences=EVENT_DRIVEN | {"chain": cadence}, **settings)
        assert market_builders.seen(made, ny("10:00")).chains_max_age_ns == limit * SECOND_NS

    def test_the_market_encodes_and_restores_equal_with_its_chains(self) -> None:
        told = AtmIv(1, ny("09:00"), ny("15:45", date(2025, 8, 15)), "QQQ", 0.2)
        made = market(told, USUAL, snapshot(USUAL, ny("15:45")), quote(ny("15:45"), "QQQ", bid=570.9, ask=571.1))
        state = msgspec.msgpack.decode(msgspec.msgpack.encode(made.state), type=MarketState)
        assert state == made.state
        again = Market(ANY_MACRO, EngineSettings(), state)
        assert seen(again, "15:45:01") == seen(made, "15:45:01")


class TestSpot:
    def spot(self, *events: AnyEvent, clock: str = "10:00:01", day: date = DAY) -> float | None:
        """The spot of QQQ that a signal sees after these events and the usual chain."""
        made = market(*events, USUAL, snapshot(USUAL, ny("10:00", day)))
        return seen(made, clock, day=day)["QQQ"].spot

    def close(self, clock: str, price: float = 571.5, day: date = DAY) -> Bar:
        """A bar that closed at a price."""
        return bar(ny(clock, day), open=price, high=price, low=price, close=price)

    def test_without_quote_or_bar_the_spot_is_unknown(self) -> None:
        assert self.spot() is None

    def test_a_fresh_quotes_middle_is_the_spot(self) -> None:
        # The table has to be known for a quote of its underlying to be kept.
        fresh = quote(ny("10:00"), "QQQ", bid=570.9, ask=571.1)
        assert self.spot(self.close("09:59"), USUAL, fresh) == pytest.approx(571.0)

    @pytest.mark.parametrize("changes", [{"bid": nan}, {"bid": 571.2}, {"event_ns": ny("09:59:58.9")}], ids=str)
    def test_without_a_usable_fresh_quote_the_newest_bars_close_is_the_spot(self, changes: dict[str, Any]) -> None:
        poor = quote(ny("10:00"), "QQQ", **({"bid": 570.9, "ask": 571.1} | changes))
        assert self.spot(self.close("09:59"), USUAL, poor) == 571.5

    def test_another_tickers_bar_is_not_the_spot(self) -> None:
        assert self.spot(bar(ny("09:59"), "SPY")) is None

    def test_a_bar_of_another_session_is_not_the_spot(self) -> None:
        # Tuesday at 10:00, and QQQ has had no bar since Monday's: what it closed at then is not its price now.
        # Fails: `Market._spot` takes the newest bar of any session, although it promises one of this session.
        assert self.spot(self.close("15:59"), day=TOMORROW) is None
