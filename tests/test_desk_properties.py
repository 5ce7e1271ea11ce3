"""What holds of the desk whatever happens: random quotes (good and hostile), bars, signals and commands."""

from math import inf, isfinite, nan
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from operators import prices
from operators.events import MINUTE_NS, SECOND_NS, Quote
from operators.records import FillRecord, SignalRecord
from tests.builders import MILLISECOND_NS, Stage, ny

SYMBOLS = ("TQQQ", "SQQQ", "SPXL", "SPXS")
HOSTILE = (nan, inf, -inf, -1.0, 0.0, 1e-9, 0.004, 0.01, 48.0, 49.0, 49.99, 50.0, 50.001, 51.0, 1e9, 1e18, 1e308)
STEPS = (1, MILLISECOND_NS, 200 * MILLISECOND_NS, SECOND_NS, 2 * SECOND_NS, 16 * SECOND_NS, 31 * SECOND_NS)
SIZES = (nan, inf, -5.0, 0.0, 0.5, 1.0, 50.0, 133.0, 1e6)
START_MICROS = 100_000 * prices.DOLLAR
RULES = {
    "min_conviction_to_scalp": 0,
    "cooldown_minutes": 0,
    "max_scalps_per_day": 8,
    "etf_max_concurrent_scalps": 2,
    "no_average_up": False,
}


class Step(NamedTuple):
    """Something that happens `after_ns` later than what came before."""

    kind: str
    after_ns: int
    values: tuple[Any, ...]


def happens(kind: str, *values: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    """A step of one kind with values drawn from these."""
    return st.builds(Step, st.just(kind), st.sampled_from(STEPS), st.tuples(*values))


hostile_quotes = happens(
    "quote",
    st.sampled_from(SYMBOLS),
    st.sampled_from(HOSTILE),
    st.sampled_from(HOSTILE),
    st.sampled_from(SIZES),
    st.sampled_from(SIZES),
    st.sampled_from((0, SECOND_NS, 5 * SECOND_NS)),
)
good_quotes = happens(
    "good",
    st.sampled_from(SYMBOLS),
    st.one_of(st.integers(4995, 5005), st.integers(4700, 5300)),
    st.integers(1, 2),
    st.integers(0, 400),
)
signals = happens(
    "signal",
    st.sampled_from(("QQQ", "SPY", "TSLA", "AAPL")),
    st.sampled_from((1, -1)),
    st.floats(0, 100),
)
chances = happens(
    "chance",
    st.sampled_from(("QQQ", "SPY", "TSLA", "AAPL")),
    st.sampled_from((1, -1)),
    st.sampled_from((60.0, 90.0)),
    st.sampled_from((0, 50, 100, 1000)),
)
"""All four funds quoted 49.99 to 50.00 with so many shares, and a signal."""
bars = happens("bar", st.sampled_from(("QQQ", "SPY")), st.sampled_from((-1, 0, 0, 1)), st.integers(0, 3))
commands = happens(
    "command",
    st.sampled_from(("pause", "resume", "flatten", "kill", "rearm", "mode")),
    st.sampled_from(("", "both", "leveraged_etf", "options", "a reason")),
)
CLOUDS = ((400.0, 401.0), (499.0, 500.5), (499.0, 501.0), None)


def play(stage: Stage, step: Step) -> None:
    """Makes the step happen, after the present moment."""
    at_ns = max(stage.book.now_ns, ny("10:00")) + step.after_ns
    match step.kind, step.values:
        case "quote", (symbol, bid, ask, bid_size, ask_size, late_ns):
            sizes = {"bid_size": bid_size, "ask_size": ask_size}
            stage.quote(at_ns, bid, ask, symbol, **sizes, event_ns=at_ns - late_ns)
        case "good", (symbol, cents, ticks, size):
            bid, ask = cents / 100, (cents + ticks) / 100
            stage.quote(at_ns, bid, ask, symbol, bid_size=float(size), ask_size=float(size))
        case "signal", (ticker, direction, conviction):
            stage.signal(at_ns, ticker, direction, conviction, bar_close_ns=at_ns)
        case "chance", (ticker, direction, conviction, size):
            for number, symbol in enumerate(SYMBOLS):
                stage.quote(at_ns + number, symbol=symbol, ask_size=float(size), bid_size=float(size))
            at_ns += MILLISECOND_NS
            stage.signal(at_ns, ticker, direction, conviction, bar_close_ns=at_ns)
        case "bar", (ticker, flip, cloud):
            # Stamped a minute ahead, so that it counts as opened after a fill of this very minute.
            stage.bar(at_ns, flip, CLOUDS[cloud], ticker=ticker, event_ns=at_ns + MINUTE_NS)
        case "command", (action, argument):
            stage.command(at_ns, action, argument)


def believed(known: Quote, side: str) -> bool:
    """Whether a fill of this side may rest on the quote."""
    price, size = (known.ask, known.ask_size) if side == "buy" else (known.bid, known.bid_size)
    return 0 < price <= prices.HIGHEST and isfinite(size) and size >= 1 and not known.bid >= known.ask


def check_fill(stage: Stage, fill: FillRecord, before: dict[str, Quote]) -> None:
    """A fill is at the opposite side of the newest quote or the one before it, within the order's limit."""
    (order,) = [order for order in stage.orders if order.client_order_id == fill.client_order_id]
    quotes = [found for found in (before.get(fill.symbol), stage.quotes.get(fill.symbol)) if found is not None]
    shown = [found.ask if fill.side == "buy" else found.bid for found in quotes if believed(found, fill.side)]
    assert fill.price in [prices.decimal(prices.micros(price)) for price in shown]
    if order.limit_price is not None:
        assert fill.price <= order.limit_price if fill.side == "buy" else fill.price >= order.limit_price
    assert fill.quantity >= 1


def check_entry(stage: Stage, signal: SignalRecord) -> None:
    """A signal that entered had a quote of its fund that an entry may rest on."""
    if signal.decision == "entered":
        order = next(order for order in stage.orders if order.signal_id == signal.signal_id)
        found = stage.quotes[order.symbol]
        assert prices.usable(found)
        assert (found.ask - found.bid) / ((found.ask + found.bid) / 2) <= 0.0025 + 1e-12
        assert stage.book.now_ns - stage.quotes_ns <= stage.age_limit_ns
        assert stage.book.trading == "ACTIVE"
        assert (order.quantity, order.side) >= (1, "buy")


def check_book(stage: Stage) -> None:
    """Slots, orders, shares and money are in order."""
    book = stage.book
    assert len(book.scalps) <= stage.config.etf_max_concurrent_scalps
    assert book.scalps_today <= stage.config.max_scalps_per_day
    for scalp in book.scalps.values():
        mine = [order for order in book.orders.values() if order.signal_id == scalp.signal_id]
        assert sum(order.side == "buy" for order in mine) <= 2
        assert sum(order.side == "sell" and order.open for order in mine) <= 1
        assert 0 <= scalp.sold <= scalp.bought
        assert scalp.working == sum(order.remaining for order in mine if order.side == "buy" and order.open)
        assert all(order.quantity <= scalp.held + order.filled for order in mine if order.side == "sell" and order.open)
        if scalp.exit_due is not None:
            assert scalp.second == 0
            assert all(order.cancel_asked for order in mine if order.side == "buy" and order.open)
    signs = {"buy": -1, "sell": 1}
    flows = (signs[fill.side] * fill.quantity * prices.micros_of(fill.price) for fill in stage.fills)
    assert book.cash_micros == START_MICROS + sum(flows)
    assert book.cash_micros >= 0


def check_end(stage: Stage) -> None:
    """After a close with quotes: nothing is held, every order ended, and the P&L of the scalps is that of the cash."""
    states = {order.state for order in stage.orders}
    assert states <= {"filled", "cancelled", "expired"}
    assert stage.book.scalps == {}
    closed = list(stage.scalps.values())
    assert all(record.status == "closed" for record in closed)
    total = sum(prices.micros_of(record.pnl) for record in closed if record.pnl is not None)
    assert stage.book.cash_micros == START_MICROS + total


def to_the_close(stage: Stage) -> None:
    """Good quotes of every symbol every five seconds from before the session's end to after its close."""
    stage.reach(max(stage.book.now_ns, ny("15:54")))
    for number in range(75):
        at_ns = ny("15:54:30") + 5 * number * SECOND_NS
        for offset, symbol in enumerate(SYMBOLS):
            stage.quote(at_ns + offset, 49.99, 50.0, symbol)
    stage.reach("16:00:01")


def run(steps: list[Step], **rules: Any) -> Stage:
    """Plays the steps and checks after each."""
    stage = Stage(scalp_tickers=("QQQ", "SPY", "TSLA", "AAPL"), **(RULES | rules))
    for step in steps:
        before, known = dict(stage.quotes), len(stage.records)
        play(stage, step)
        for record in stage.records[known:]:
            match record:
                case FillRecord():
                    check_fill(stage, record, before)
                case SignalRecord():
                    check_entry(stage, record)
        check_book(stage)
    return stage


usual = settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def many(*kinds: st.SearchStrategy[Step]) -> st.SearchStrategy[list[Step]]:
    """Thirty to eighty steps of these kinds; fewer would seldom buy anything."""
    return st.lists(st.one_of(*kinds), min_size=30, max_size=80)


@usual
@given(many(hostile_quotes, hostile_quotes, chances, signals, bars))
def test_hostile_quotes_in_any_order_never_raise_pass_a_gate_or_fill_wrongly(steps: list[Step]) -> None:
    run(steps)


@usual
@given(many(good_quotes, good_quotes, hostile_quotes, chances, bars, commands))
def test_slots_orders_shares_and_cash_hold_after_every_event(steps: list[Step]) -> None:
    run(steps)


@usual
@given(many(good_quotes, good_quotes, chances, bars, commands))
def test_nothing_is_open_after_a_close_with_quotes_and_the_cash_is_the_sum_of_all_scalps(steps: list[Step]) -> None:
    stage = run(steps)
    to_the_close(stage)
    check_end(stage)


@usual
@given(many(good_quotes, hostile_quotes, chances, bars), st.sampled_from(("limit", "market")))
def test_every_order_ends_even_where_quotes_were_hostile(steps: list[Step], kind: str) -> None:
    stage = run(steps, entry_order_type=kind)
    to_the_close(stage)
    check_end(stage)


@usual
@given(many(good_quotes, hostile_quotes, chances, bars, commands))
def test_the_same_events_give_the_same_records(steps: list[Step]) -> None:
    assert run(steps).records == run(steps).records


def test_the_steps_are_such_that_scalps_are_bought_and_left() -> None:
    closed: list[int] = []
    second_halves: list[int] = []

    @settings(usual)
    @given(many(good_quotes, good_quotes, chances, bars))
    def play_some(steps: list[Step]) -> None:
        stage = run(steps)
        closed.append(sum(scalp.status == "closed" for scalp in stage.scalps.values()))
        second_halves.append(stage.count("second"))

    play_some()
    assert sum(closed) > len(closed)
    assert sum(second_halves) > 0
