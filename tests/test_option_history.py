"""What is remembered of options besides their chains: the at-the-money IV of each session, and dividends."""

from datetime import date
from math import inf, nan

import pytest

from operators.chains import atm_iv, price
from operators.events import Dividend
from operators.listings import Listings
from operators.moments import ChainView
from operators.sessions import next_session
from tests.builders import DAY, ny
from tests.listing_builders import NEXT, USUAL, iv_of, listed, seen, told
from tests.option_builders import SPOT, TOMORROW, snapshot, table

HALF_DAY, AFTER_HALF_DAY = date(2024, 12, 24), date(2024, 12, 26)


class TestAtmIv:
    def measured(self, made: Listings) -> dict[str, float]:
        """The IVs that are remembered, by day."""
        return made.of("QQQ").atm_ivs

    @pytest.mark.parametrize(
        ("clock", "counts"), [("15:44:59.999", False), ("15:45", True), ("15:59", True), ("16:00", True)]
    )
    def test_a_sessions_iv_is_measured_in_its_last_15_minutes(self, clock: str, counts: bool) -> None:
        made = listed()
        told(made, clock)
        assert list(self.measured(made)) == (["2025-08-18"] if counts else [])

    def test_a_snapshot_after_the_close_is_not_measured(self) -> None:
        made = listed()
        told(made, "16:00:00.001")
        assert self.measured(made) == {}

    def test_the_first_snapshot_of_the_last_15_minutes_counts(self) -> None:
        made = listed()
        first = told(made, "15:46")
        told(made, "15:50", spot=571.5)
        known = ChainView(USUAL, first, 0, SPOT)
        assert self.measured(made) == {"2025-08-18": atm_iv(price(known, first.at_ns, 0.0))}

    def test_the_iv_is_that_of_the_nearest_expiry_of_1_to_5_dte_at_the_money(self) -> None:
        # Every contract is made at an IV of 0.20, but rounded to another cent: each has an IV of its own.
        made, chain = listed(), snapshot(USUAL, ny("15:45"))
        usual = price(ChainView(USUAL, chain, 0, SPOT), chain.at_ns, 0.0)
        (row,) = (i for i in range(len(usual.row)) if (usual.strike[i], usual.dte[i], usual.right[i]) == (571.0, 1, 1))
        assert made.snapshot(chain, SPOT, 0.0)
        assert self.measured(made)["2025-08-18"] == usual.greeks.iv[row]
        assert list(usual.greeks.iv).count(usual.greeks.iv[row]) == 2  # the put at 571 shares it

    def test_on_an_early_close_the_last_15_minutes_end_then(self) -> None:
        made = listed(table(expiries=(AFTER_HALF_DAY,), strikes=(570.0, 571.0, 572.0)))
        told(made, "12:44", HALF_DAY)
        assert self.measured(made) == {}
        told(made, "12:45", HALF_DAY)
        assert list(self.measured(made)) == ["2024-12-24"]

    def test_a_snapshot_without_an_iv_leaves_it_to_the_next(self) -> None:
        made = listed()
        told(made, "15:45", changes={symbol: {"bid": nan} for symbol in USUAL.symbols})
        assert self.measured(made) == {}
        told(made, "15:46")
        assert list(self.measured(made)) == ["2025-08-18"]

    def test_without_an_expiry_of_1_to_5_dte_there_is_no_iv(self) -> None:
        made = listed(table(expiries=(DAY, date(2025, 8, 26)), strikes=(570.0, 571.0, 572.0)))
        told(made, "15:45")
        assert self.measured(made) == {}

    def test_what_history_told_of_a_session_is_not_measured_again(self) -> None:
        made = listed()
        made.history(iv_of(DAY, 0.33))
        told(made, "15:45")
        assert self.measured(made) == {"2025-08-18": 0.33}

    @pytest.mark.parametrize("iv", [nan, inf, 0.0, -0.2])
    def test_an_impossible_iv_is_not_remembered(self, iv: float) -> None:
        made = listed()
        made.history(iv_of(DAY, iv))
        assert self.measured(made) == {}

    def test_only_days_before_today_are_seen_oldest_first(self) -> None:
        made = listed()
        for day, iv in ((DAY, 0.3), (date(2025, 8, 14), 0.1), (date(2025, 8, 15), 0.2), (TOMORROW, 0.4)):
            made.history(iv_of(day, iv))
        told(made, "10:00")
        assert seen(made, "10:00").atm_ivs == (0.1, 0.2)
        assert seen(made, "10:00", TOMORROW).atm_ivs == (0.1, 0.2, 0.3)

    def test_of_today_and_252_sessions_before_it_all_252_are_seen(self) -> None:
        made, day = listed(), date(2024, 1, 2)
        for number in range(300):
            made.history(iv_of(day, 0.1 + number / 1_000))
            last, day = day, next_session(day).day
        told(made, "10:00", last)
        # Sessions 0 to 298 came before that of 299; of these the newest 252 are 47 to 298.
        expected = tuple(0.1 + number / 1_000 for number in range(47, 299))
        assert seen(made, "10:00", last).atm_ivs == expected
        assert seen(made, "10:00", day).atm_ivs[-1] == 0.1 + 299 / 1_000
        assert len(seen(made, "10:00", day).atm_ivs) == 252


class TestDividends:
    def declared(self, made: Listings, ex_date: date, day: date = DAY) -> None:
        """A dividend that is told on a day."""
        made.history(Dividend(1, ny("08:00", day), ny("08:00", day), "QQQ", ex_date, 0.6))

    def test_dividends_to_come_are_seen_in_order_and_once(self) -> None:
        made = listed()
        for ex_date in (NEXT, TOMORROW, NEXT):
            self.declared(made, ex_date)
        told(made, "10:00")
        assert seen(made, "10:00").ex_dates == (TOMORROW, NEXT)

    def test_from_its_ex_date_on_a_dividend_is_not_seen(self) -> None:
        made = listed()
        self.declared(made, TOMORROW)
        told(made, "10:00")
        assert [seen(made, "10:00", day).ex_dates for day in (DAY, TOMORROW)] == [(TOMORROW,), ()]

    def test_dividends_past_are_forgotten(self) -> None:
        made = listed()
        self.declared(made, TOMORROW)
        self.declared(made, NEXT, TOMORROW)
        assert made.of("QQQ").ex_dates == [NEXT]
        self.declared(made, DAY, DAY)
        assert made.of("QQQ").ex_dates == [NEXT]
