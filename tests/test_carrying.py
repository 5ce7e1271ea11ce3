"""What of a book goes over to a run with changed settings: every field is decided here, a new one has to be."""

from typing import Any

import pytest
from msgspec.structs import fields, replace

from operators import sessions
from operators.book import QUOTES, BookState, Entry, Stream, Timer, Watch
from operators.carrying import carried, remembered
from operators.changes import changes
from operators.config import EngineSettings, ScalpConfig
from operators.events import RunStarted
from operators.intents import ETFScalpPosition
from operators.orders import Order
from operators.ticker import TickerState
from tests.builders import DAY, ny
from tests.market_builders import quote
from tests.play import started
from tests.tape_builders import bar
from tests.test_changes import run

NOW = ny("10:00")
SESSION = sessions.session(DAY)
assert SESSION is not None

ENDED = Order("sc-1", "s1", "first", 1, "TQQQ", "buy", 10, 50_000_000, NOW)
OVER = ETFScalpPosition(
    signal_id="s1",
    ticker="QQQ",
    symbol="TQQQ",
    group="nasdaq",
    direction=1,
    conviction=80.0,
    second=0,
    limit_micros=50_000_000,
    order_id="sc-1",
    leverage=3.0,
)
KEPT: dict[str, Any] = {
    "loop": "alpaca",
    "over": {"s1": OVER},
    "ended": {"sc-1": ENDED},
    "elsewhere_micros": 5_000_000,
    "book_id": "replay:test",
    "cash_micros": 99_000_000_000,
    "seq": 77,
    "now_ns": NOW,
    "trading": "HALTED",
    "trading_reason": "killed by me",
    "reduced_by": "person",
    "day": DAY.isoformat(),
    "open_ns": SESSION.open_ns,
    "exit_ns": sessions.exit_ns(SESSION),
    "close_ns": SESSION.close_ns,
    "open_equity_micros": 98_000_000_000,
    "realised_micros": -1_000_000,
    "unsettled_micros": 5_000_000,
    "scalps_today": 7,
    "stops_in_row": 2,
    "loss_stopped": True,
    "loss_warning": "near",
    "day_trades": [(DAY.isoformat(), 3)],
    "watches": {"A": Watch("QQQ", 4)},
    "watched": {"QQQ": ["A"]},
    "quotes": {"SPXL": quote(NOW)},
    "ask_taken": {"SPXL": 5},
    "bid_taken": {"SPXL": 6},
    "decided": {"QQQ|1": "s1"},
    "stopped": {"QQQ|1": NOW},
    "left": {"SPY": NOW},
    "entries": [Entry(NOW, "SPXL", 10, 50_000_000)],
    "last_command": 12,
    "sides": {"QQQ": "off", "SPY": "long"},
    "reasons": ["3 stops in a row"],
    "mode": "both",
}
"""What survives as it is: money, what the day has counted, steering, what was heard."""
EMPTY = {"scalps", "orders"}
"""What is empty, or the settings cannot change."""
ANEW = {
    *("streams", "chain_stream", "timers", "timers_made"),
    *("event_from_ns", "event_until_ns", "window_from_ns", "window_until_ns"),
}
"""What the settings make: how old a stream may be, and the plan of the day."""


def book() -> BookState:
    """A book in the middle of a session with every field that is kept at another value than a new book's."""
    made = replace(BookState.begun(started(NOW), EngineSettings()), **KEPT)
    made.timers = [Timer(NOW + 5, 1, "mark", ""), Timer(NOW + 6, 2, "silence", QUOTES), Timer(NOW + 7, 3, "open", "x")]
    made.timers_made = 3
    made.streams[QUOTES] = replace(made.streams[QUOTES], newest_ns=NOW - 9, watched=True)
    return made


def go_on(*values: str, old: BookState | None = None, config: ScalpConfig | None = None, **changed: Any) -> BookState:
    """The book under a run with these settings."""
    before, now = run(), replace(run(*values), **changed)
    engine = EngineSettings(quote_max_age_seconds=500.0)
    settings = ScalpConfig() if config is None else config, engine
    return carried(book() if old is None else old, changes(before, now), before, now, settings)


def test_every_field_of_a_book_is_decided() -> None:
    assert [field.name for field in fields(BookState) if field.name not in {*KEPT, *EMPTY, *ANEW}] == []
    assert KEPT.keys() & (ANEW | EMPTY) == set()


@pytest.mark.parametrize("name", sorted(KEPT))
def test_what_survives_does(name: str) -> None:
    new = BookState.begun(started(NOW, book_id="replay:new"), EngineSettings())
    found = go_on("max_scalps_per_day=3")
    assert getattr(found, name) == KEPT[name] != getattr(new, name)


@pytest.mark.parametrize("name", sorted(EMPTY))
def test_what_is_empty_stays_so(name: str) -> None:
    assert getattr(go_on("max_scalps_per_day=3"), name) == {}


def test_a_stream_has_its_new_age_and_what_it_said_last() -> None:
    # Minute data: 1.5 x 60 s would be less than the 500 s of the new setting.
    found = go_on("quote_max_age_seconds=500.0").streams[QUOTES]
    assert isinstance(found, Stream)
    assert (found.max_age_ns, found.newest_ns, found.watched) == (500 * 10**9, NOW - 9, False)


def test_timers_of_the_day_stay_and_the_next_session_is_looked_up_anew() -> None:
    timers = go_on("max_scalps_per_day=3").timers
    following = sessions.next_session(DAY)
    assert [(timer.kind, timer.subject) for timer in timers] == [("mark", ""), ("open", following.day.isoformat())]
    assert timers[1].due_ns == following.open_ns


def test_before_its_first_event_a_book_still_awaits_its_first_session() -> None:
    old = BookState.begun(started(NOW), EngineSettings())
    old.set_timer(SESSION.open_ns, "open", DAY.isoformat())
    assert go_on("max_scalps_per_day=3", old=old).timers == old.timers


def test_the_window_of_a_statement_follows_the_setting() -> None:
    day = "2025-09-17"  # the statement of 14:00
    old = replace(book(), day=day, timers=[])
    assert go_on("max_scalps_per_day=3", old=old).window_from_ns > 0
    without = ScalpConfig(no_scalp_around_fomc=False, fomc_flatten=False)
    found = go_on("no_scalp_around_fomc=false", old=old, config=without)
    assert (found.window_from_ns, found.event_from_ns) == (0, 0)


def test_a_mode_that_a_start_names_replaces_that_of_a_command() -> None:
    assert go_on(mode="options").mode == "options"


def test_other_equity_at_the_start_is_money_that_came_or_went_and_no_loss() -> None:
    # 100,000 at the start become 90,000: 10,000 went.
    found = go_on("start_equity_usd=90000", equity_micros=90_000_000_000)
    assert (found.cash_micros, found.open_equity_micros) == (89_000_000_000, 88_000_000_000)


def begun_ticker() -> TickerState:
    state = TickerState.new()
    state.fast.update(5.0)
    return replace(state, volumes=[3.0], first_seen=True, previous=bar(3), dollars=[1.0, 2.0], day="2025-08-18")


@pytest.mark.parametrize(
    ("values", "changed", "anew"),
    [
        ("max_scalps_per_day=3", {}, set()),
        ("cloud_source=close", {}, {"fast"}),
        ("entry_timeframe_minutes=5", {}, {"volumes"}),
        ("max_scalps_per_day=3", {"rules_version": 99}, {"fast", "volumes"}),
    ],
)
def test_averages_that_are_computed_otherwise_begin_anew(values: str, changed: dict[str, Any], anew: set[str]) -> None:
    old = begun_ticker()
    now: RunStarted = replace(run(values), **changed)
    found, new = remembered(old, changes(run(), now)), TickerState.new()
    for field in fields(TickerState):
        expected = new if field.name in anew else old
        assert getattr(found, field.name) == getattr(expected, field.name), field.name
