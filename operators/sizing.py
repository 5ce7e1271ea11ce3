"""How much: the size of a scalp from what it risks, and the levels of its stop and target."""

from fractions import Fraction

from operators import prices
from operators.config import ScalpConfig
from operators.signals import HIGH_CONVICTION


def exact(setting: float) -> Fraction:
    """A setting as it was written: 0.29 is 29/100 and not the nearest binary number."""
    return Fraction(repr(setting))


class ScalpSizer:
    """Position sizes of option scalps; money in micro-dollars."""

    def __init__(self, config: ScalpConfig) -> None:
        self.config = config

    def calculate(
        self, limit_micros: int, multiplier: int, fees_micros: int, conviction: float, equity_micros: int, halved: bool
    ) -> int:
        """Whole contracts at the entry limit; 0 where the risk budget does not pay for one: none is ever forced.

        A contract risks its premium times `max_loss_pct` and the fees of both its sides. High conviction takes all,
        medium half; the gate's adjustment halves again; neither goes under one. Raises ValueError if the limit is not
        over 0. Source: product rule "Size".
        """
        if limit_micros <= 0:
            raise ValueError(f"a contract cannot cost {prices.decimal(limit_micros)} USD a share")
        contracts = max(0, int(self.budget(equity_micros) / self.risk(limit_micros * multiplier, fees_micros)))
        if conviction < HIGH_CONVICTION:
            contracts = min(contracts, max(1, contracts // 2))
        return min(contracts, max(1, contracts // 2)) if halved else contracts

    def budget(self, equity_micros: int) -> Fraction:
        """What one scalp may risk, in micro-dollars; exact, so that a budget that divides evenly is used whole."""
        return equity_micros * exact(self.config.max_risk_per_scalp)

    def risk(self, cost_micros: int, fees_micros: int) -> Fraction:
        """What is lost if the stop is hit, in micro-dollars: that share of the premium, and the fees."""
        return cost_micros * exact(self.config.max_loss_pct) + fees_micros

    def stop(self, average_micros: float) -> int:
        """Stop level of the premium, in micro-dollars."""
        return round(average_micros * (1.0 - self.config.max_loss_pct))

    def target(self, average_micros: float) -> int:
        """Target level of the premium, in micro-dollars."""
        return round(average_micros * (1.0 + self.config.profit_target_pct))


class ETFScalpSizer:
    """Position sizes of leveraged-fund scalps; money in micro-dollars, leverage by its absolute value."""

    def __init__(self, config: ScalpConfig) -> None:
        self.config = config

    def conviction_factor(self, conviction: float) -> float:
        """1 from 75 points, else 0.5. Source: product rule "Size"."""
        return 1.0 if conviction >= HIGH_CONVICTION else 0.5

    def budget(self, leverage: float, conviction: float, equity_micros: int) -> int:
        """Most dollars that risk, leverage budget and position cap allow, after conviction; in micro-dollars."""
        config, equity = self.config, float(equity_micros)
        least = min(
            equity * config.etf_max_risk_per_scalp / config.etf_stop_loss_pct,
            equity * config.etf_leverage_budget_per_scalp / abs(leverage),
            equity * config.etf_max_position_fraction,
        )
        return max(0, int(self.conviction_factor(conviction) * least))

    def calculate(
        self, limit_micros: int, leverage: float, conviction: float, equity_micros: int, buying_power_micros: int
    ) -> int:
        """Whole shares at the entry limit, 0 where budget or buying power does not pay for one.

        Raises ValueError if the limit is not over 0.
        """
        if limit_micros <= 0:
            raise ValueError(f"a share cannot cost {prices.decimal(limit_micros)} USD")
        payable = int(self.conviction_factor(conviction) * max(0, buying_power_micros))
        return min(self.budget(leverage, conviction, equity_micros), payable) // limit_micros

    def stop(self, average_micros: float) -> int:
        """Stop level, of the fund's own price, in micro-dollars."""
        return round(average_micros * (1.0 - self.config.etf_stop_loss_pct))

    def target(self, average_micros: float) -> int:
        """Target level, of the fund's own price, in micro-dollars."""
        return round(average_micros * (1.0 + self.config.etf_profit_target_pct))
