"""Builders of minute bars, quotes, views, setups and tickets; name what a test changes."""

from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from operators import signals
from operators.codes import Refusal
from operators.config import EngineSettings, ScalpConfig
from operators.events import MINUTE_NS, AnyEvent, Bar, Direction, OutsideSignal, Quote
from operators.intents import Conviction, Ticket, Verdict
from operators.market import Market
from operators.moments import Setup, View
from operators.orders import LegName
from operators.route import prechecks
from operators.strikes import choose
from tests.play import EVENT_DRIVEN, started

NEW_YORK = ZoneInfo("America/New_York")
DAY = date(2025, 4, 1)
"""A Tuesday; the sessions after it are 04-02, 04-03, 04-04 and 04-07."""
WEEK = (DAY, date(2025, 4, 2), date(2025, 4, 3), date(2025, 4, 4))
ANY_MACRO = ScalpConfig(require_macro_alignment=False)


def ny(clock: str, day: date = DAY) -> int:
    """UTC nanoseconds of a New York wall time such as 09:35 or 09:35:30, worked without the engine."""
    moment = datetime.combine(day, time.fromisoformat(clock), tzinfo=NEW_YORK)
    return int(moment.timestamp()) * 1_000_000_000


def bar(minute: int, price: float = 100.0, *, day: date = DAY, late_ns: int = 0, **changes: Any) -> Bar:
    """A flat bar of QQQ that closes `minute` minutes after 09:30 and is known `late_ns` after that."""
    close_ns = ny("09:30", day) + minute * MINUTE_NS
    row: dict[str, Any] = {"ticker": "QQQ", "open": price, "high": price, "low": price, "close": price}
    row |= {"volume": 1000.0, "history": False} | changes
    return Bar(minute, close_ns + late_ns, close_ns, **row)


def flat(first: int, last: int, price: float = 100.0, *, day: date = DAY, **changes: Any) -> list[Bar]:
    """Equal bars from one minute to another, both included."""
    return [bar(minute, price, day=day, **changes) for minute in range(first, last + 1)]


def before_a_flip(day: date = DAY, **changes: Any) -> list[Bar]:
    """Forty bars after which `falling(41)` flips the ready fast cloud to bearish: flat, then one a dollar higher."""
    return [*flat(1, 39, day=day, **changes), bar(40, 101.0, day=day, **changes)]


def falling(minute: int = 41, *, volume: float = 2000.0, **changes: Any) -> Bar:
    """A bar at 90: after 39 at 100 and one at 101 EMA 5 is at 96.89 and EMA 12 at 98.59."""
    return bar(minute, 90.0, volume=volume, **changes)


def quote(at_ns: int, symbol: str = "TQQQ", **changes: Any) -> Quote:
    """A quote of a fund, known when it happens."""
    row: dict[str, Any] = {"event_ns": at_ns, "bid": 56.43, "ask": 56.44, "bid_size": 1000.0, "ask_size": 1000.0}
    return Quote(seq=1, at_ns=at_ns, symbol=symbol, **(row | changes))


def outside(at_ns: int, ticker: str = "QQQ", direction: Direction = "long", conviction: float = 60.0) -> OutsideSignal:
    """Another engine's signal of a bar that closed just then."""
    return OutsideSignal(1, at_ns, at_ns, ticker, direction, conviction)


def market(config: ScalpConfig = ANY_MACRO, cadences: dict[str, float] | None = None) -> Market:
    """A market at the start of a run over event-driven data."""
    made = Market(config, EngineSettings())
    made.on(started(ny("09:30"), cadences=EVENT_DRIVEN if cadences is None else cadences))
    return made


def setups(made: Market, *events: AnyEvent) -> list[Setup]:
    """The setups that a market makes of these events."""
    return [item for event in events for item in made.on(event) if isinstance(item, Setup)]


def seen(made: Market, at_ns: int, ticker: str = "QQQ") -> View:
    """What a signal of a ticker would see at an instant."""
    (setup,) = setups(made, outside(at_ns, ticker))
    return setup.view


def view(**changes: Any) -> View:
    """A bullish market: a bar that closed at its high, EMA 12 half a true range below it, everything agreeing."""
    row: dict[str, Any] = {"bar": bar(60, open=99.0, high=101.0, low=99.0, close=101.0)}
    row |= {"ema12": 100.0, "ema12_before": 99.5, "atr": 2.0, "agreement": (1, 1, 1, 1)}
    row |= {"macro_ready": True, "macro_colour": 1, "bias": 1, "quotes": {}, "quotes_age_ns": 0}
    row |= {"quotes_max_age_ns": 2_000_000_000, "dollar_volume": {}}
    return View(**(row | changes))


def setup(at_ns: int, **changes: Any) -> Setup:
    """An own long setup of QQQ whose bar closed at `at_ns`."""
    row: dict[str, Any] = {"seq": 1, "at_ns": at_ns, "ticker": "QQQ", "bar_close_ns": at_ns, "direction": 1}
    row |= {"timeframe_minutes": 1, "source": "own", "volume_ratio": 2.0, "conviction": None}
    row |= {"max_age_ns": 5_000_000_000, "view": view()}
    return Setup(**(row | changes))


def ticket(at_ns: int, conviction: float = 60.0, **changes: Any) -> Ticket:
    """A ticket of such a setup with a given conviction."""
    made = signals.ticket(setup(at_ns, **changes))
    return Ticket(made.setup, made.signal_id, Conviction(conviction))


def judged(made: Ticket, **settings: Any) -> Ticket:
    """The ticket after the pre-checks and, without a chain, the choice of a contract, with these settings."""
    config = ScalpConfig(**settings)
    return choose(config)(prechecks(config)(made))


def verdict(made: Ticket, code: Refusal, leg: LegName = "fund") -> Verdict | None:
    """The verdict of a code on a leg, None if the code is not listed."""
    verdicts = (made.option if leg == "option" else made.fund).verdicts
    found = [one for one in verdicts if one.code is code]
    assert len(found) <= 1, f"{code} is listed twice"
    return found[0] if found else None


def passed(made: Ticket, code: Refusal, leg: LegName = "fund") -> bool | None:
    """Whether the gate of a code passed, None if it is not listed."""
    found = verdict(made, code, leg)
    return None if found is None else found.passed


def at(clock: str, day: date = DAY, extra_ns: int = 0, **settings: Any) -> Ticket:
    """A good ticket of an instant after the pre-checks."""
    return judged(ticket(ny(clock, day) + extra_ns), **settings)
