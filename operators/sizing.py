"""How much: the size of a fund scalp from risk, leverage, position and buying power."""

from operators import prices
from operators.config import ScalpConfig
from operators.signals import HIGH_CONVICTION


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
