"""How much an entry may be: what the sizer gives, cut to what caps, premium, gross leverage and cash leave."""

from operators import paper, prices
from operators.book import BookState
from operators.codes import Refusal
from operators.config import EngineSettings, ScalpConfig
from operators.funds import FundCandidate
from operators.intents import AnyScalp, ETFScalpPosition, Ticket, Verdict
from operators.orders import LegName
from operators.pretrade import pretrade
from operators.selection import StrikeSelection
from operators.sizing import ETFScalpSizer, ScalpSizer


class Budget:
    """Sizes the entries of one book; money in micro-dollars, sizes in whole units of both halves together."""

    def __init__(self, book: BookState, config: ScalpConfig, settings: EngineSettings) -> None:
        self.book, self.config, self.settings = book, config, settings
        self.settled_only = settings.account_profile == "cash"

    @property
    def _power(self) -> int:
        return self.book.buying_power_micros(self.settled_only)

    def contracts(self, ticket: Ticket, contract: StrikeSelection, limit: int) -> tuple[int, list[Verdict]]:
        """Contracts of an option scalp at the limit, and the verdicts on them."""
        book, equity, fees = self.book, self.book.equity_micros(), self._both_sides("option", 1)
        sizer, price = ScalpSizer(self.config), limit * contract.multiplier
        conviction, halved = ticket.conviction.total, ticket.option.halved
        wanted = sizer.calculate(limit, contract.multiplier, fees, conviction, equity, halved)
        power, one_order = self._power, min(self.config.max_order_contracts, self._one_order(price))
        payable = min(wanted, max(0, power) // (price + fees))
        room = max(0, int(self.config.max_total_premium_fraction * equity) - book.premium_micros()) // price
        verdicts = [
            Verdict(Refusal.TOO_SMALL, wanted >= 1, wanted, 1.0, "contracts"),
            _affordable(payable >= min(1, wanted), power, price + fees),
            Verdict(Refusal.PREMIUM_CAP, room >= 1, room, 1.0, "contracts"),
            Verdict(Refusal.EXPOSURE_CAP, one_order >= 1, one_order, 1.0, "contracts in one order"),
        ]
        allowed = min(payable, room, 2 * one_order)
        return allowed, verdicts + pretrade(book, contract.symbol, first_half(allowed), limit)

    def shares(self, ticket: Ticket, fund: FundCandidate, limit: int | None, price: int) -> tuple[int, list[Verdict]]:
        """Shares of a fund scalp at `price` (the limit, the ask of a market order), and the verdicts on them."""
        book, equity, conviction, power = self.book, self.book.equity_micros(), ticket.conviction.total, self._power
        sizer = ETFScalpSizer(self.config)
        affordable = sizer.budget(fund.leverage, conviction, equity) // price
        shares = sizer.calculate(price, fund.leverage, conviction, equity, power)
        verdicts = [
            Verdict(Refusal.TOO_SMALL, affordable >= 1, affordable, 1.0, "shares"),
            _affordable(shares >= min(1, affordable), power, price),
        ]
        allowed = min(shares, self._room(fund.leverage, price))
        verdicts.append(Verdict(Refusal.EXPOSURE_CAP, 2 * allowed >= shares, allowed, shares / 2, "shares"))
        return allowed, verdicts + pretrade(book, fund.symbol, first_half(allowed), limit)

    def _both_sides(self, leg: LegName, units: int) -> int:
        """The fees of buying and of selling so many units."""
        return 2 * units * paper.unit_fee_micros(leg, self.settings)

    def _one_order(self, price: int) -> int:
        """Units in one order that its cap on notional leaves."""
        return max(0, int(self.config.max_order_notional_fraction * self.book.equity_micros())) // price

    def _room(self, leverage: float, price: int) -> int:
        """Shares that gross leverage and the caps of one order (half of the position) leave, never under 0."""
        free = self.config.max_gross_leverage * self.book.equity_micros() - self.book.exposure_micros()
        gross = int(free / (abs(leverage) * price))
        return max(0, min(gross, 2 * min(self.config.max_order_shares, self._one_order(price))))

    def second_fits(self, scalp: AnyScalp, price: int) -> bool:
        """Whether the planned second half, at this price a share, is still within budget, cash and caps."""
        cost, planned = (scalp.second * scalp.multiplier * each for each in (price, scalp.limit_micros))
        fees = self._both_sides(scalp.leg, scalp.second)
        checks = pretrade(self.book, scalp.symbol, scalp.second, price)
        return (
            cost + fees <= self._power + planned
            and scalp.second <= self._one_order(price * scalp.multiplier)
            and self._within_budget(scalp, cost, cost - planned)
            and all(verdict.passed for verdict in checks)
        )

    def _within_budget(self, scalp: AnyScalp, cost: int, dearer: int) -> bool:
        """Whether the scalp's own budget and the account's cap bear `cost` more, `dearer` than what was planned."""
        equity = self.book.equity_micros()
        if isinstance(scalp, ETFScalpPosition):
            budget = ETFScalpSizer(self.config).budget(scalp.leverage, scalp.conviction, equity)
            exposure = self.book.exposure_micros() + round(abs(scalp.leverage) * dearer)
            return scalp.cost_micros + cost <= budget and exposure <= self.config.max_gross_leverage * equity
        sizer, fees = ScalpSizer(self.config), self._both_sides(scalp.leg, scalp.bought + scalp.second)
        premium = self.book.premium_micros() + dearer
        return (
            sizer.risk(scalp.cost_micros + cost, fees) <= sizer.budget(equity)
            and premium <= self.config.max_total_premium_fraction * equity
        )


def first_half(units: int) -> int:
    """Units of the first order: half, rounded up."""
    return -(-units // 2)


def _affordable(enough: bool, power: int, price: int) -> Verdict:
    """Whether cash pays for one unit at least."""
    return Verdict(Refusal.BUYING_POWER, enough, power / prices.DOLLAR, price / prices.DOLLAR, "USD")
