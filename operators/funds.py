"""The fund leg: which leveraged fund a ticket would buy, and whether that fund can be traded.

A bearish signal buys the inverse fund. Candidates come in order of preference; the first that is liquid is chosen.
"""

from collections.abc import Callable

from msgspec.structs import replace

from operators import catalog, prices, sessions
from operators.catalog import Fund
from operators.codes import Refusal
from operators.config import ScalpConfig
from operators.events import SECOND_NS, Quote
from operators.intents import Candidate, Leg, Ticket, Verdict, not_evaluated
from operators.moments import View

PLAIN_LEVERAGE = 2.0
"""What comes first where 3x is not preferred: twice the index, or less."""
WIDEST_SPREAD_FRACTION = 0.0025
"""No fund wider than 0.25 % is bought, one tick or not. Source: product rule "Liquidity"."""


class FundCandidate(Candidate, frozen=True, kw_only=True):
    """A leveraged fund; `leverage` is signed."""

    leverage: float


def map_to_funds(config: ScalpConfig) -> Callable[[Ticket], Ticket]:
    """The rule that lists a ticket's funds: direct, sector, then index; an unknown ticker has none."""

    def choose(ticket: Ticket) -> Ticket:
        ticker, day = ticket.setup.ticker, sessions.new_york(ticket.setup.at_ns).date()
        family = catalog.family(ticker, config.etf_sector_mapping_enabled)
        listed = () if family is None else catalog.funds(family, ticket.setup.direction > 0, day)
        if not listed:
            reason = f"no leveraged fund listed on {day} follows {ticker}"
            return ticket.judged(fund=Verdict(Refusal.UNMAPPED, False, reason=reason))
        allowed = [fund for fund in listed if config.allow_etn or fund.kind == "etf"]
        if not allowed:
            reason = f"{listed[0].ticker} is an exchange-traded note and allow_etn is false"
            return ticket.judged(fund=Verdict(Refusal.PERMISSION, False, reason=reason))
        candidates = tuple(FundCandidate(f.ticker, f.group, leverage=f.leverage) for f in _preferred(allowed, config))
        leg = ticket.fund.judged(Verdict(Refusal.UNMAPPED, True))
        return replace(ticket, fund=replace(leg, candidates=candidates))

    return choose


def _preferred(funds: list[Fund], config: ScalpConfig) -> list[Fund]:
    """Strongest leverage first, or 2x and weaker first where 3x is not preferred."""
    return funds if config.etf_prefer_3x else sorted(funds, key=lambda fund: abs(fund.leverage) > PLAIN_LEVERAGE)


def check_liquidity(config: ScalpConfig) -> Callable[[Ticket], Ticket]:
    """The rule that tries a ticket's funds in order and chooses the first with enough volume and a narrow spread.

    If none passes, the leg carries the verdicts of the first.
    """

    def choose(ticket: Ticket) -> Ticket:
        leg, view = ticket.fund, ticket.setup.view
        if not leg.candidates:
            return ticket
        tried: list[Candidate] = []
        for fund in leg.candidates:
            tried.append(replace(fund, verdicts=(_volume(fund, view, config), _spread(fund, view, config))))
            if tried[-1].passed:
                break
        chosen = tried[-1] if tried[-1].passed else None
        leg = Leg(leg.name, leg.verdicts + (chosen or tried[0]).verdicts, tuple(tried), chosen)
        return replace(ticket, fund=leg)

    return choose


def _volume(fund: Candidate, view: View, config: ScalpConfig) -> Verdict:
    dollars, least = view.dollar_volume.get(fund.symbol), config.etf_min_daily_volume
    if dollars is None:
        return not_evaluated(Refusal.ADV_UNKNOWN, f"fewer than 3 completed sessions of {fund.symbol} are known")
    return Verdict(Refusal.FUND_VOLUME, dollars >= least, dollars, least, "USD a day")


def _spread(fund: Candidate, view: View, config: ScalpConfig) -> Verdict:
    quote = view.quotes.get(fund.symbol)
    if quote is None:
        return not_evaluated(Refusal.FUND_SPREAD, f"no quote of {fund.symbol}")
    if not prices.usable(quote):
        return not_evaluated(Refusal.FUND_SPREAD, f"{fund.symbol} bid {quote.bid}, ask {quote.ask}")
    if not view.quotes_age_ns <= view.quotes_max_age_ns:
        age, most = view.quotes_age_ns / SECOND_NS, view.quotes_max_age_ns / SECOND_NS
        return not_evaluated(Refusal.FUND_SPREAD, f"the quotes are {age:.0f} s old, limit {most:.0f} s")
    measured, limit = prices.spread_fraction(quote), _spread_limit(quote, config)
    return Verdict(Refusal.FUND_SPREAD, measured <= limit, measured, limit, "fraction of mid")


def _spread_limit(quote: Quote, config: ScalpConfig) -> float:
    middle = (prices.micros(quote.bid) + prices.micros(quote.ask)) / 2
    return min(max(config.etf_max_spread_pct / 100, prices.FUND_TICK / middle), WIDEST_SPREAD_FRACTION)
