"""What an option is worth at a given IV: for questions about another time than now.

Source: Black (1976), "The pricing of commodity contracts".
"""

from math import erfc, log, sqrt


def value(right: int, strike: float, forward: float, years: float, discount: float, iv: float) -> float:
    """Dollars a share of a European option; `right` +1 call, -1 put. At `years` 0 or under its intrinsic value."""
    total = iv * sqrt(years) if years > 0.0 else 0.0
    if total <= 0.0:
        return discount * max(right * (forward - strike), 0.0)
    d1 = log(forward / strike) / total + total / 2.0
    return discount * right * (forward * _normal(right * d1) - strike * _normal(right * (d1 - total)))


def _normal(x: float) -> float:
    """Share of the standard normal distribution under x."""
    return erfc(-x / sqrt(2.0)) / 2.0
