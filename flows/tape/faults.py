"""Says which rows of a file are no bar, and counts them."""

from math import inf, isfinite
from typing import Final, cast

import msgspec

from flows.tape.columns import PRICES

NAMED_ROWS: Final = 5
NOISE: Final = 1e-9
"""Relative slack of the range check. None of 494,243 recorded rows of four vendors leaves its range at all, so only
the rounding of a conversion is forgiven: 1e-9 of a 600-dollar price is far below any tick."""

Prices = tuple[float, float, float, float, float]
Numbers = tuple[float | None, ...]


class Refused(msgspec.Struct):
    """Rows that were left out: how many by reason, and the first few as sentences."""

    counts: dict[str, int] = {}
    first: list[str] = []

    def add(self, where: str, reason: str, detail: str) -> None:
        """Counts one row; `where` names its file and line."""
        self.counts[reason] = self.counts.get(reason, 0) + 1
        if len(self.first) < NAMED_ROWS:
            self.first.append(f"{where} refused ({reason}): {detail}")


def fault(bar: Numbers) -> tuple[str, str] | None:
    """Why these (open, high, low, close, volume) are no bar: a reason to count by and a sentence; None if they are."""
    if None not in bar and _sound(*cast(Prices, bar)):
        return None
    for name, value in zip(PRICES, bar, strict=True):
        if value is None:
            return "missing", f"{name} is empty"
        if not isfinite(value):
            return "not_finite", f"{name} is not a finite number"
        if value < 0 and name == "volume":
            return "volume_negative", f"volume is {value}"
        if value <= 0 and name != "volume":
            return "price_not_positive", f"{name} is {value}"
    return _fault_of_range(*cast(Prices, bar))


def _sound(opened: float, high: float, low: float, close: float, volume: float) -> bool:
    """Whether nothing at all is wrong; a NaN fails every comparison."""
    return 0 < low <= opened <= high < inf and low <= close <= high and 0 <= volume < inf


def _fault_of_range(opened: float, high: float, low: float, close: float, _: float) -> tuple[str, str] | None:
    slack = NOISE * high
    if high < low - slack:
        return "high_below_low", f"high {high} is below low {low}"
    for name, value in (("open", opened), ("close", close)):
        if not low - slack <= value <= high + slack:
            return "outside_range", f"{name} {value} lies outside low {low} to high {high}"
    return None
