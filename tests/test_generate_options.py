"""Option chains of a simulated market: what is listed, at which IV, at which quotes."""

from datetime import date

import numpy as np
import pytest

from flows.market.listing import expiries, listing, strike_counts, weekly
from flows.market.paths import Levels
from flows.market.snapshots import Snapshots
from flows.market.surface import RATE, Surface, iv_of_session, variance_after
from flows.market.world import TICKERS
from operators import sessions
from operators.chains import atm_iv, price
from operators.contracts import FloatArray, counts_of, parse_occ, prices_of, ticks
from operators.events import SECOND_NS, Chain
from operators.greeks import chain_greeks
from operators.moments import ChainView
from operators.pricing import value
from tests.simulated import paths

MONDAY, FRIDAY = date(2026, 3, 2), date(2026, 3, 6)
NOON = 150
"""Minutes after the open."""
CONTRACTS = 60


def snapshots(ticker: str = "SPY", day: date = MONDAY, every: int = 60, seed: int = 7, **more: bool) -> Snapshots:
    made = paths(day, seed)
    found = listing(seed, ticker, made.session, float(made.mids[ticker][0]), CONTRACTS)
    return Snapshots(seed, made, found, every, **more)


def noon(ticker: str = "SPY", day: date = MONDAY) -> tuple[Snapshots, Chain]:
    """The snapshot at the end of the minute before noon."""
    made = snapshots(ticker, day)
    (chain,) = made.chains(NOON - 1)
    return made, chain


def columns(chain: Chain) -> tuple[FloatArray, FloatArray]:
    return prices_of(chain.bid, CONTRACTS), prices_of(chain.ask, CONTRACTS)


def test_index_funds_list_today_the_next_session_and_a_week() -> None:
    # Monday: Tuesday, Friday. Thursday: Friday is the next session, so the week after. Friday: Monday, and its Friday.
    assert expiries("SPY", MONDAY) == (MONDAY, date(2026, 3, 3), FRIDAY)
    assert expiries("QQQ", date(2026, 3, 5)) == (date(2026, 3, 5), FRIDAY, date(2026, 3, 13))
    assert expiries("SPY", FRIDAY) == (FRIDAY, date(2026, 3, 9), date(2026, 3, 13))


def test_shares_list_the_next_two_weeks_alone() -> None:
    assert expiries("NVDA", MONDAY) == (FRIDAY, date(2026, 3, 13))
    assert expiries("NVDA", FRIDAY) == (FRIDAY, date(2026, 3, 13))


def test_a_week_whose_friday_is_no_session_ends_on_thursday() -> None:
    # Good Friday is 3 April 2026.
    assert weekly(date(2026, 3, 30)) == date(2026, 4, 2)
    assert weekly(date(2026, 4, 3)) == date(2026, 4, 10)


def test_the_contracts_are_as_many_as_asked_for_with_names_that_say_what_they_are() -> None:
    for ticker in ("SPY", "NVDA"):
        table = snapshots(ticker).listing.table
        assert len(table.symbols) == CONTRACTS
        rows = zip(table.symbols, table.expiries, table.rights, table.strikes, strict=True)
        assert all(parse_occ(symbol) == (ticker, *rest) for symbol, *rest in rows)


def test_the_nearest_expiries_have_most_strikes() -> None:
    # 30 pairs: two fifths, two fifths and a fifth; of 31 the first takes what is left over.
    assert strike_counts(60, 3) == (12, 12, 6)
    assert strike_counts(62, 3) == (13, 12, 6)
    assert strike_counts(60, 2) == (15, 15)


def test_strikes_lie_on_both_sides_of_the_price_at_the_open() -> None:
    made = snapshots()
    spot, table = float(made.paths.mids["SPY"][0]), made.listing.table
    for expiry in set(table.expiries):
        strikes = [strike for strike, day in zip(table.strikes, table.expiries, strict=True) if day == expiry]
        assert min(strikes) < spot < max(strikes)


def test_variance_runs_through_sessions_and_nights() -> None:
    # A night 0.3 and a session 0.7; Friday to Monday has two days more, each a quarter of a night: 0.3 x 1.5 + 0.7.
    assert variance_after(MONDAY, MONDAY) == 0.0
    assert variance_after(MONDAY, date(2026, 3, 3)) == pytest.approx(1.0)
    assert variance_after(FRIDAY, date(2026, 3, 9)) == pytest.approx(1.15)


def test_the_surface_is_worth_what_black_says() -> None:
    made, _ = noon()
    surface, listed, seconds = made.surface, made.listing, [NOON * 60]
    found, iv = surface.values(listed.rights, listed.strikes, seconds)[0], surface.iv(listed.strikes, seconds)[0]
    forward, years = surface.forwards(seconds)[0], surface.years(seconds)[0]
    for row in range(CONTRACTS):
        discount = np.exp(-RATE * years[row])
        right, strike = int(listed.rights[row]), float(listed.strikes[row])
        expected = value(right, strike, float(forward[row]), float(years[row]), float(discount), float(iv[row]))
        assert found[row] == pytest.approx(expected, abs=1e-9)


def test_low_strikes_have_a_higher_iv_than_high_ones_and_calm_nights_a_lower_one() -> None:
    made, _ = noon()
    iv = made.surface.iv(np.full(CONTRACTS, 600.0), [NOON * 60])[0] / made.surface.at_the_money([NOON * 60])[0]
    assert (iv > 1.0).all()
    levels = made.paths.levels
    friday, monday = sessions.session(FRIDAY), sessions.session(MONDAY)
    assert friday is not None
    assert monday is not None
    assert iv_of_session("SPY", friday, levels, 1.0) < iv_of_session("SPY", monday, levels, 1.0)


def test_iv_rises_when_the_market_falls() -> None:
    made = paths()
    market = np.log(made.mids["SPY"] / made.mids["SPY"][0])
    lowest, highest = int(np.argmin(market)), int(np.argmax(market))
    assert made.leaning[lowest] > made.leaning[highest]


def test_the_iv_that_the_engine_solves_is_that_of_the_surface() -> None:
    for ticker in ("SPY", "TSLA"):
        made, chain = noon(ticker)
        surface, listed, seconds = made.surface, made.listing, [NOON * 60]
        bid, ask = columns(chain)
        years, forward = surface.years(seconds)[0], surface.forwards(seconds)[0]
        greeks = chain_greeks(
            listed.rights, listed.strikes, (bid + ask) / 2.0, forward, years, np.exp(-RATE * years)
        )  # fmt: skip
        known = np.flatnonzero(~np.isnan(greeks.iv) & (np.abs(greeks.delta) > 0.2) & (np.abs(greeks.delta) < 0.8))
        assert known.size > 10
        # Each side is rounded by less than a tick, so the middle is off by less than one, and an IV by that over vega.
        tick = np.where(ask >= 3.0, ticks(ticker)(3_000_000), ticks(ticker)(0)) / 1e6
        most = 1.05 * tick / (100.0 * greeks.vega_per_point)
        error = np.abs(greeks.iv - surface.iv(listed.strikes, seconds)[0])
        assert (error[known] <= most[known]).all()


def test_the_iv_history_is_what_the_engine_measures_15_minutes_before_the_close() -> None:
    made = snapshots()
    (chain,) = made.chains(390 - 15 - 1)
    spot = float(made.paths.mids["SPY"][(390 - 15) * 60])
    view = ChainView(made.listing.table, chain, 0, spot, (), ())
    measured = atm_iv(price(view, chain.event_ns, RATE))
    stated = iv_of_session("SPY", made.paths.session, made.paths.levels, float(made.paths.leaning[(390 - 15) * 60]))
    # The strike nearest the forward is half a step away at most, and quotes are in cents: 3 % of the IV is plenty.
    assert measured == pytest.approx(stated, rel=0.03)


def test_calls_fall_and_puts_rise_with_the_strike_within_a_tick() -> None:
    for ticker in ("SPY", "META"):
        made, chain = noon(ticker)
        _, ask = columns(chain)
        table = made.listing.table
        for expiry in set(table.expiries):
            for right in (1, -1):
                rows = [i for i in range(CONTRACTS) if (table.expiries[i], table.rights[i]) == (expiry, right)]
                steps = np.diff(ask[rows]) * right
                assert (steps <= ticks(ticker)(3_000_000) / 1e6).all()


def test_calls_and_puts_of_a_strike_agree_with_the_forward_within_their_spreads() -> None:
    made, chain = noon()
    bid, ask = columns(chain)
    years, forward = made.surface.years([NOON * 60])[0], made.surface.forwards([NOON * 60])[0]
    calls, puts = np.arange(0, CONTRACTS, 2), np.arange(1, CONTRACTS, 2)
    worth = np.exp(-RATE * years[calls]) * (forward[calls] - made.listing.strikes[calls])
    sound = ~np.isnan(bid[calls]) & ~np.isnan(bid[puts])
    assert sound.sum() > 20
    assert (bid[calls] - ask[puts] <= worth)[sound].all()
    assert (worth <= ask[calls] - bid[puts])[sound].all()


def test_quotes_stand_on_the_steps_of_their_class_with_the_bid_under_the_ask() -> None:
    for ticker in ("SPY", "AAPL"):
        _, chain = noon(ticker)
        bid, ask = columns(chain)
        for side in (bid[~np.isnan(bid)], ask):
            micros = np.round(side * 1e6).astype(np.int64)
            step = np.array([ticks(ticker)(int(amount)) for amount in micros])
            assert (micros % step == 0).all()
        assert (bid[~np.isnan(bid)] < ask[~np.isnan(bid)]).all()
        assert (ask > 0.0).all()


def test_what_is_worth_nothing_has_an_ask_and_no_bid() -> None:
    made = snapshots()
    surface = Surface(made.paths, "SPY", (MONDAY,))
    far = np.array([TICKERS["SPY"].price * 1.3])
    # Five minutes before the close a call 30 % away is worth nothing: one cent to sell it at is asked.
    bid, ask = surface.quotes(np.array([1.0]), far, [385 * 60], 1.0)
    assert np.isnan(bid[0, 0])
    assert ask[0, 0] == 0.01


def test_open_interest_is_constant_and_volume_only_grows() -> None:
    made = snapshots(every=20)
    chains = [chain for minute in range(made.paths.minutes) for chain in made.chains(minute)]
    assert len({chain.open_interest for chain in chains}) == 1
    volumes = np.array([counts_of(chain.volume, CONTRACTS) for chain in chains])
    assert (np.diff(volumes, axis=0) >= 0.0).all()
    assert (volumes[-1] > volumes[0]).any()


def test_some_contracts_have_no_open_interest() -> None:
    unknown = [np.isnan(snapshots(seed=seed).listing.interest).sum() for seed in range(10)]
    # 600 contracts of which one in fifty has none: 12 expected, 0 with a chance of 5 in a million.
    assert 0 < sum(unknown) < 40


def test_some_contracts_of_index_funds_pass_the_usual_limits_and_fewer_of_shares() -> None:
    def passing(ticker: str) -> int:
        _, chain = noon(ticker)
        bid, ask = columns(chain)
        volume, interest = counts_of(chain.volume, CONTRACTS), counts_of(chain.open_interest, CONTRACTS)
        narrow = (ask - bid) / ((ask + bid) / 2.0) <= 0.10
        return int((narrow & (volume > 500) & (interest > 1_000)).sum())

    assert passing("SPY") > passing("NVDA") > passing("META")
    assert passing("SPY") >= 10


def test_snapshots_never_come_at_the_close() -> None:
    made = snapshots(every=7)
    seconds = [second for minute in range(390) for second in made.seconds(minute)]
    # 390 x 60 is 23,400: 3,342 x 7 is 23,394.
    assert seconds == list(range(7, 23_400, 7))
    last = list(made.chains(389))[-1]
    assert made.paths.session.close_ns - last.event_ns == 6 * SECOND_NS


def test_volatility_differs_by_ticker_and_by_level() -> None:
    calm, wild = (Levels(0.0, {"SPY": own, "TSLA": own}) for own in (0.0, 0.3))
    session = paths().session
    assert iv_of_session("TSLA", session, calm, 1.0) > 1.5 * iv_of_session("SPY", session, calm, 1.0)
    assert iv_of_session("SPY", session, wild, 1.0) == pytest.approx(
        np.exp(0.3) * iv_of_session("SPY", session, calm, 1.0)
    )  # fmt: skip
