"""Small simulated markets for tests: SPY and NVDA on the half day after Thanksgiving 2026, unless asked for more."""

from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from flows.market.generate import generate
from flows.market.paths import Paths, Walk, levels
from flows.market.plan import Plan
from flows.market.world import TICKERS, FundLine
from flows.tape.reader import Tape
from operators import sessions
from operators.events import AnyEvent, Event

HALF_DAY = date(2026, 11, 27)
MINUTES = 210
FUNDS = ["SOXL", "SOXS", "SPXL", "SPXS"]
SYMBOLS = sorted(["NVDA", "SPY", *FUNDS])
SMALL: dict[str, Any] = {
    "seed": 7,
    "tickers": ("SPY", "NVDA"),
    "start": HALF_DAY,
    "quotes_per_second": 0.1,
    "chain_seconds": 60,
}
SMALL_WORDS = ("--seed", 7, "--tickers", "SPY,NVDA", "--start", HALF_DAY, "--quotes-per-second", 0.1)
Kind = TypeVar("Kind", bound=Event)


def plan(**changes: Any) -> Plan:
    """The small market with other wishes."""
    return Plan(**(SMALL | changes))


def events(folder: Path, **changes: Any) -> list[AnyEvent]:
    """The events of a small market, read back from its tape."""
    generate(plan(**changes), folder / "made.tape", overwrite=True)
    return list(Tape(folder / "made.tape").events())


def of(kind: type[Kind], found: list[AnyEvent]) -> list[Kind]:
    """Those of one kind."""
    return [event for event in found if isinstance(event, kind)]


def paths(day: date = date(2026, 3, 2), seed: int = 7, funds: tuple[FundLine, ...] = ()) -> Paths:
    """The prices of one session, the first of its walk."""
    session = sessions.session(day)
    assert session is not None
    return Walk(seed, funds).session(session, next(levels(seed, tuple(TICKERS))))
