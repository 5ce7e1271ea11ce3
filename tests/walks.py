"""Made sessions with many trades: random walks of QQQ, SPY and their funds, quotes and QQQ's options every minute."""

from collections.abc import Iterator, Sequence
from datetime import date
from random import Random
from typing import Literal

import msgspec

from operators.config import ScalpConfig
from operators.events import MINUTE_NS, AnyEvent, Bar, Command, Direction, OutsideSignal, Quote
from operators.records import Record
from operators.sessions import next_session
from tests.market_builders import WEEK, ny
from tests.option_builders import snapshot, table
from tests.play import Line, started

Action = Literal["flatten", "pause", "resume", "mode"]
SIDES: tuple[Direction, ...] = ("long", "short")
BUSY = ScalpConfig(
    require_macro_alignment=False,
    min_conviction_to_scalp=0,
    volume_ratio_min=1.02,
    cloud_warmup_multiple=1,
    cooldown_minutes=1,
    etf_stop_loss_pct=0.012,
    etf_profit_target_pct=0.012,
    max_spread_pct=0.3,
    max_gamma=1.0,
    max_concurrent_scalps=2,
)
"""Settings under which these sessions give some dozen trades."""
DAYS = (*WEEK, date(2025, 4, 7))
"""Three sessions of history, a whole one, and the morning after it."""
MINUTES = (20, 20, 20, 390, 60)
FAMILIES = {"QQQ": {"QQQ": 1.0, "TQQQ": 3.0, "SQQQ": -3.0}, "SPY": {"SPY": 1.0, "SPXL": 3.0, "SPXS": -3.0}}
HISTORY = 3
OPTION_STRIKES = tuple(float(strike) for strike in range(90, 111))
ACTIONS: tuple[tuple[Action, str], ...] = (
    ("flatten", ""),
    ("pause", ""),
    ("resume", ""),
    ("resume", ""),
    ("mode", "both"),
    ("mode", "leveraged_etf"),
)


def walk(seed: int) -> list[AnyEvent]:
    """The events of these days: what happens in a minute is known at its end, one nanosecond after the other."""
    random, events = Random(seed), list[AnyEvent]()
    prices = {symbol: 100.0 for family in FAMILIES.values() for symbol in family}
    for number, (day, minutes) in enumerate(zip(DAYS, MINUTES, strict=True)):
        for minute in range(1, minutes + 1):
            close_ns = ny("09:30", day) + minute * MINUTE_NS
            history = number < HISTORY
            happens = list(_minute(random, prices, history))
            options = [] if history else _chain(day, minute, close_ns, prices["QQQ"])
            for place, event in enumerate([*options, *happens]):
                seq, at_ns = len(events) + 1, close_ns + place
                events.append(msgspec.structs.replace(event, seq=seq, at_ns=at_ns, event_ns=close_ns))
    return events


def _chain(day: date, minute: int, close_ns: int, spot: float) -> Iterator[AnyEvent]:
    """The table of QQQ's options at a session's beginning, and their quotes."""
    contracts = table(expiries=(day, next_session(day).day), strikes=OPTION_STRIKES)
    if minute == 1:
        yield contracts
    yield snapshot(contracts, close_ns, spot=spot, spread=2 + minute % 3 * 4)


def _minute(random: Random, prices: dict[str, float], history: bool) -> Iterator[AnyEvent]:
    bars = []
    for family in FAMILIES.values():
        move = random.gauss(0.0, 0.0012)
        for symbol, leverage in family.items():
            before = prices[symbol]
            close = prices[symbol] = round(before * (1.0 + leverage * move), 2)
            high, low = max(before, close) + 0.01 * random.randrange(5), min(before, close) - 0.01 * random.randrange(5)
            volume = float(random.randrange(20_000, 60_000))
            bars.append(Bar(0, 0, 0, symbol, before, high, low, close, volume, history))
            if leverage != 1.0 and not history:
                sizes = random.choice((40.0, 900.0)), random.choice((60.0, 900.0))
                yield Quote(0, 0, 0, symbol, close - 0.01, close, *sizes)
    yield from bars
    if not history:
        yield from _seldom(random)


def _seldom(random: Random) -> Iterator[AnyEvent]:
    """Another engine's signal or a person's command."""
    if random.random() < 0.03:
        ticker, direction = random.choice(("QQQ", "SPY")), random.choice(SIDES)
        yield OutsideSignal(0, 0, 0, ticker, direction, random.choice((40.0, 60.0, 80.0)))
    if random.random() < 0.01:
        action, argument = random.choice(ACTIONS)
        yield Command(0, 0, 0, action, "operator", argument)


def line(events: Sequence[AnyEvent], config: ScalpConfig = BUSY) -> Line:
    """A line that a run over these events begins with."""
    made = Line(config)
    made.on(started(events[0].at_ns, mode="both"))
    return made


def trades(records: Sequence[Record]) -> int:
    """How many scalps were closed."""
    return sum(getattr(record, "status", None) == "closed" for record in records)
