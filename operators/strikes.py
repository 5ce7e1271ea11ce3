"""The option leg: which contract a ticket would buy. A contract is never invented: without a chain there is none."""

from collections.abc import Callable
from datetime import date
from math import inf, isfinite, isnan
from typing import NamedTuple

from msgspec.structs import replace

from operators import catalog, cutoffs, prices, sessions
from operators.chains import PricedChain
from operators.codes import Refusal
from operators.config import ScalpConfig
from operators.events import Quote
from operators.intents import Leg, Ticket, Verdict, not_evaluated
from operators.selection import StrikeSelection, selection
from operators.sessions import Session

__all__ = ["Selection", "StrikeSelection", "StrikeSelector", "choose"]

MOST_DTE, EXPIRIES_TRIED = 5, 2
DELTA_POINTS, SPREAD_POINTS, DEPTH_POINTS = 40.0, 30.0, 15.0
FULL_VOLUME, FULL_INTEREST = 5_000.0, 10_000.0
"""The score of a contract. Source: product rule "Strike"."""


def choose(config: ScalpConfig) -> Callable[[Ticket], Ticket]:
    """The rule that gives the option leg its contract, or the reasons why there is none."""
    selector = StrikeSelector(config)

    def strike(ticket: Ticket) -> Ticket:
        at_ns = ticket.setup.at_ns
        session = sessions.session_of(at_ns) if sessions.covers(at_ns) else None
        if session is None:
            return ticket
        if ticket.chain is None:
            return ticket.judged(option=cutoffs.too_late(cutoffs.most_minutes_left(at_ns, session, config), config))
        found = selector.select(ticket.chain, ticket.setup.direction, at_ns, session)
        leg = ticket.option
        return replace(ticket, option=Leg(leg.name, leg.verdicts + found.verdicts, found.ranked, found.chosen))

    return strike


class Selection(NamedTuple):
    """What was found: the verdicts of the leg, all contracts of the expiries tried in their ranking, the one chosen."""

    verdicts: tuple[Verdict, ...]
    ranked: tuple[StrikeSelection, ...]
    chosen: StrikeSelection | None


class StrikeSelector:
    """Chooses expiry and strike of a chain."""

    def __init__(self, config: ScalpConfig) -> None:
        self.config = config

    def select(self, chain: PricedChain, right: int, at_ns: int, session: Session) -> Selection:
        """The best contract of the first permitted expiry that has one; `right` +1 calls, -1 puts.

        If none passes, the verdicts are those of the first-ranked contract of the first permitted expiry; where it is
        too late for all of them, those of the first one listed: no gate is skipped because another failed.
        """
        wanted = self._expiries(chain, right)
        if not wanted:
            reason = f"{chain.table.underlying} lists no expiry that may be bought"
            return Selection((not_evaluated(Refusal.NO_CHAIN, reason),), (), None)
        left = [(expiry, cutoffs.minutes_left(dte, at_ns, session, self.config)) for dte, expiry in wanted]
        late = cutoffs.too_late(max(minutes for _, minutes in left), self.config)
        permitted = [expiry for expiry, minutes in left if minutes >= self.config.min_minutes_to_exit]
        ranked: list[StrikeSelection] = []
        for expiry in permitted or [left[0][0]]:
            found = sorted(self._judged(chain, right, expiry), key=self._rank)
            ranked += found
            if found[0].passed and permitted:
                return Selection((late, *found[0].verdicts), tuple(ranked), found[0])
        return Selection((late, *ranked[0].verdicts), tuple(ranked), None)

    def _expiries(self, chain: PricedChain, right: int) -> list[tuple[int, date]]:
        """DTE and date of the expiries to try, in order, of those that list a contract of this right."""
        rows = (chain.right == right) & (chain.dte >= 0) & (chain.dte <= MOST_DTE)
        listed = sorted({(int(chain.dte[i]), chain.table.expiries[chain.row[i]]) for i in rows.nonzero()[0]})
        today = [pair for pair in listed if pair[0] == 0]
        later = [pair for pair in listed if pair[0] > 0]
        if chain.table.underlying in catalog.DIRECT:
            return today + [pair for pair in later if pair[0] == 1]
        return (today if self.config.stock_zero_dte else []) + later[:EXPIRIES_TRIED]

    def _judged(self, chain: PricedChain, right: int, expiry: date) -> list[StrikeSelection]:
        """The contracts of an expiry with score and verdicts."""
        rows = (chain.right == right) & (chain.dte >= 0)
        found = (selection(chain, int(i)) for i in rows.nonzero()[0] if chain.table.expiries[chain.row[i]] == expiry)
        return [replace(one, score=self._score(one), verdicts=self.filters(one)) for one in found]

    def filters(self, contract: StrikeSelection) -> tuple[Verdict, ...]:
        """The four filters; none is skipped because another failed."""
        config = self.config
        return (
            delta_verdict(contract.delta, config),
            spread_verdict(contract.quote, config),
            _above(Refusal.OPEN_INTEREST, contract.open_interest, config.min_open_interest, "contracts"),
            _above(Refusal.VOLUME, contract.volume, config.min_volume, "contracts today"),
        )

    def _score(self, contract: StrikeSelection) -> float:
        """Points; NaN without delta or spread, unknown volume and open interest give none."""
        config = self.config
        centre = (config.target_delta_min + config.target_delta_max) / 2.0
        half = (config.target_delta_max - config.target_delta_min) / 2.0
        depth = (contract.volume / FULL_VOLUME, contract.open_interest / FULL_INTEREST)
        return (
            DELTA_POINTS * (1.0 - abs(abs(contract.delta) - centre) / half)
            + SPREAD_POINTS * (1.0 - contract.spread_pct / config.max_spread_pct)
            + sum(DEPTH_POINTS * min(share, 1.0) for share in depth if share > 0.0)
        )

    def _rank(self, contract: StrikeSelection) -> tuple[bool, float, bool, float, float, float, str]:
        """Sorts the best first: what passes, then nearest to the delta band, then the score; ties as the rule says."""
        delta, spread = abs(contract.delta), contract.spread_pct
        outside = max(self.config.target_delta_min - delta, delta - self.config.target_delta_max, 0.0)
        away = abs(contract.strike - contract.forward)
        return (
            not contract.passed,
            inf if isnan(delta) else outside,
            isnan(spread),
            inf if isnan(contract.score) else -contract.score,
            inf if isnan(spread) else spread,
            inf if isnan(away) else away,
            contract.symbol,
        )


def delta_verdict(delta: float, config: ScalpConfig) -> Verdict:
    """Absolute delta inside the target band, bounds included."""
    size, low, high = abs(delta), config.target_delta_min, config.target_delta_max
    if isnan(delta):
        return not_evaluated(Refusal.DELTA, "no implied volatility, so no delta")
    return Verdict(Refusal.DELTA, low <= size <= high, size, low if size < low else high, "absolute delta")


def spread_verdict(quote: Quote, config: ScalpConfig) -> Verdict:
    """(ask - bid) / mid of a usable quote."""
    if not prices.usable(quote):
        return not_evaluated(Refusal.SPREAD, f"bid {quote.bid}, ask {quote.ask}")
    measured, limit = prices.spread_fraction(quote), config.max_spread_pct
    return Verdict(Refusal.SPREAD, measured <= limit, measured, limit, "fraction of mid")


def _above(code: Refusal, measured: float, limit: int, unit: str) -> Verdict:
    if not isfinite(measured):
        return not_evaluated(code, "unknown")
    return Verdict(code, measured > limit, measured, float(limit), unit)
