"""Whether the Greeks of a chosen contract suit a scalp: IV rank, theta, gamma, dividend; spread and delta once more."""

from collections.abc import Callable
from math import exp, isnan

import msgspec
from msgspec.structs import replace

from operators.chains import YEAR_NS, PricedChain, atm_iv
from operators.codes import Refusal
from operators.config import ScalpConfig
from operators.events import MINUTE_NS
from operators.intents import Ticket, Verdict, not_evaluated
from operators.pricing import value
from operators.selection import StrikeSelection
from operators.strikes import delta_verdict, spread_verdict

IV_SESSIONS_LEAST = 20
"""Sessions from which on an IV rank is known. Source: product rule "Gate"."""


class GreeksDecision(msgspec.Struct, frozen=True):
    """The gate's verdicts on a contract; `halved` is its adjustment: half the size."""

    verdicts: tuple[Verdict, ...]
    halved: bool = False

    @property
    def approved(self) -> bool:
        """Whether no verdict failed."""
        return all(verdict.passed for verdict in self.verdicts)

    @property
    def reason(self) -> Refusal | None:
        """The first code that failed."""
        return next((verdict.code for verdict in self.verdicts if not verdict.passed), None)


class GreeksGate:
    """Judges a contract that was chosen."""

    def __init__(self, config: ScalpConfig) -> None:
        self.config = config

    def validate(self, contract: StrikeSelection, chain: PricedChain) -> GreeksDecision:
        """Judges a contract of a chain. At 0DTE only spread and delta are asked: the others say nothing that day."""
        verdicts = [delta_verdict(contract.delta, self.config), spread_verdict(contract.quote, self.config)]
        if contract.dte == 0:
            return GreeksDecision(tuple(verdicts))
        rank = self._iv_rank(atm_iv(chain), chain.view.atm_ivs)
        verdicts += [rank, self._theta(contract, chain.rate), self._gamma(contract), *_dividend(contract, chain)]
        return GreeksDecision(tuple(verdicts), not rank.evaluated and self.config.iv_rank_unknown == "halve")

    def _iv_rank(self, iv_now: float, history: tuple[float, ...]) -> Verdict:
        """Where the IV stands among past sessions, from 0 to 1 and beyond; unknown is a state of its own."""
        unknown = _rank_unknown(iv_now, history)
        if unknown is not None:
            answer = self.config.iv_rank_unknown
            return Verdict(Refusal.IV_RANK, answer != "refuse", reason=f"{unknown}: {answer}", evaluated=False)
        if self.config.iv_rank_kind == "percentile":
            rank = sum(past < iv_now for past in history) / len(history)
        else:
            rank = (iv_now - min(history)) / (max(history) - min(history))
        return Verdict(Refusal.IV_RANK, rank <= self.config.max_iv_rank, rank, self.config.max_iv_rank, "fraction")

    def _theta(self, contract: StrikeSelection, rate: float) -> Verdict:
        """Share of the mid that time takes over the planned hold, or over a day."""
        limit = self.config.max_theta_burn_pct
        if self.config.theta_basis == "day":
            burn, unit = abs(contract.theta_per_day) / contract.mid, "fraction of mid a day"
        else:
            burn = self._held_burn(contract, rate) / contract.mid
            unit = f"fraction of mid in {self.config.planned_hold_minutes} minutes"
        if isnan(burn):
            return not_evaluated(Refusal.THETA, "no implied volatility or no usable quote")
        return Verdict(Refusal.THETA, burn <= limit, burn, limit, unit)

    def _held_burn(self, contract: StrikeSelection, rate: float) -> float:
        """What the model loses over the planned hold at the same forward and IV, in dollars a share."""
        right, strike, forward, iv = contract.right, contract.strike, contract.forward, contract.iv
        left = max(contract.years - self.config.planned_hold_minutes * MINUTE_NS / YEAR_NS, 0.0)
        now = value(right, strike, forward, contract.years, contract.discount, iv)
        return now - value(right, strike, forward, left, exp(-rate * left), iv)

    def _gamma(self, contract: StrikeSelection) -> Verdict:
        if isnan(contract.gamma):
            return not_evaluated(Refusal.GAMMA, "no implied volatility, so no gamma")
        limit = self.config.max_gamma
        return Verdict(Refusal.GAMMA, contract.gamma <= limit, contract.gamma, limit, "delta a share per USD")


def greeks_gate(config: ScalpConfig) -> Callable[[Ticket], Ticket]:
    """The rule that judges a ticket's contract; its verdicts of spread and delta replace the choice's."""
    judge = GreeksGate(config)

    def gate(ticket: Ticket) -> Ticket:
        leg, chain = ticket.option, ticket.chain
        if chain is None or not isinstance(leg.chosen, StrikeSelection):
            return ticket
        decision = judge.validate(leg.chosen, chain)
        asked = {verdict.code for verdict in decision.verdicts}
        verdicts = (*(verdict for verdict in leg.verdicts if verdict.code not in asked), *decision.verdicts)
        return replace(ticket, option=replace(leg, verdicts=verdicts, halved=decision.halved))

    return gate


def _rank_unknown(iv_now: float, history: tuple[float, ...]) -> str | None:
    """Why there is no rank; None if there is one."""
    if len(history) < IV_SESSIONS_LEAST:
        return f"{len(history)} sessions of at-the-money IV are known, {IV_SESSIONS_LEAST} are needed"
    if isnan(iv_now):
        return "there is no at-the-money IV now"
    return "all known sessions have the same IV" if min(history) == max(history) else None


def _dividend(contract: StrikeSelection, chain: PricedChain) -> list[Verdict]:
    """Whether a call's life spans an ex-dividend date; not listed for puts and where no dividend is to come."""
    coming = chain.view.ex_dates
    if contract.right < 0 or not coming:
        return []
    spanned = [day for day in coming if day <= contract.expiry]
    reason = f"{chain.table.underlying} trades without its dividend from {spanned[0]}" if spanned else None
    return [Verdict(Refusal.DIVIDEND, not spanned, reason=reason)]
