"""What a simulated market shall hold, and whether that can be made."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final, cast

import msgspec

from flows.market.listing import LEAST_STRIKES, expiries, expiry_count, strike_counts
from flows.market.perturb import KINDS, Kind
from flows.market.world import TICKERS
from operators import sessions
from operators.config import ScalpConfig
from operators.sessions import Session

FIRST: Final = date(2026, 3, 2)
HISTORY, IV_HISTORY = 4, 60
"""Sessions of bars, and of at-the-money IV, before the first one that is traded."""
QUOTES_PER_SECOND: Final = (0.02, 10.0)
CHAIN_SECONDS: Final = (1, 300)
MOST_CONTRACTS: Final = 2_000
MOST_SESSIONS: Final = 250
"""Leveraged funds lose with every storm: after years of them they would cost less than a cent."""
DAY: Final = timedelta(days=1)
USUAL: Final[tuple[str, ...]] = ScalpConfig.model_fields["scalp_tickers"].default


class BadMarket(ValueError):
    """A market that cannot be made; the message says what was asked for and what can be."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What shall be made; `chain_seconds` between two snapshots, `contracts` an underlying. Raises BadMarket."""

    seed: int
    sessions: int = 1
    tickers: tuple[str, ...] = USUAL
    quotes_per_second: float = 0.2
    chain_seconds: int = 15
    contracts: int = 60
    start: date = FIRST
    perturb: frozenset[Kind] = frozenset()

    def __post_init__(self) -> None:
        _within("seed", self.seed, 0, 2**63 - 1)
        _within("sessions", self.sessions, 1, MOST_SESSIONS)
        _named("ticker", self.tickers, tuple(TICKERS))
        _named("perturbation", sorted(self.perturb), KINDS)
        _within("quotes a second", self.quotes_per_second, *QUOTES_PER_SECOND)
        _within("seconds between chains", self.chain_seconds, *CHAIN_SECONDS)
        if not self.tickers:
            raise BadMarket("no ticker was named: name at least one")
        if len(set(self.tickers)) < len(self.tickers):
            raise BadMarket(f"tickers are {','.join(self.tickers)}: name each once")
        _within("contracts an underlying", self.contracts, least_contracts(self.tickers), MOST_CONTRACTS)


def _within(what: str, given: float, least: float, most: float) -> None:
    # Asked this way round NaN is refused too.
    if not least <= given <= most:
        raise BadMarket(f"{what}: {given} was given, expected {least} to {most}")


def _named(what: str, given: Sequence[str], known: Sequence[str]) -> None:
    for name in given:
        if name not in known:
            raise BadMarket(f"{what} {name!r} is not known: choose of {', '.join(known)}")


def planned(tickers: str | None, perturb: str, start: date, **given: float) -> Plan:
    """The plan of a command line: names with commas between, the usual tickers where none are. Raises BadMarket."""
    names = USUAL if tickers is None else tuple(name.strip() for name in tickers.split(","))
    kinds = frozenset(name.strip() for name in perturb.split(",") if name.strip())
    _named("perturbation", sorted(kinds), KINDS)
    numbers: dict[str, Any] = given
    return Plan(tickers=names, perturb=cast(frozenset[Kind], kinds), start=start, **numbers)


def least_contracts(tickers: Sequence[str]) -> int:
    """The fewest contracts with which every expiry of these tickers has three strikes, calls and puts."""
    numbers = {expiry_count(ticker) for ticker in tickers}
    return next(n for n in range(2, MOST_CONTRACTS) if all(min(strike_counts(n, k)) >= LEAST_STRIKES for k in numbers))


def days_of(plan: Plan) -> list[Session]:
    """The sessions of IV history and of the plan, in order; raises BadMarket where the calendar does not reach."""
    try:
        found = [sessions.next_session(plan.start - DAY)]
        for _ in range(plan.sessions - 1):
            found.append(sessions.next_session(found[-1].day))
        for _ in range(IV_HISTORY):
            found.insert(0, sessions.previous_session(found[0].day))
        for ticker in plan.tickers:
            expiries(ticker, found[-1].day)
    except sessions.OutsideTable as outside:
        raise BadMarket(f"{plan.sessions} sessions from {plan.start} with their history: {outside}") from outside
    return found
