"""Exact dollars: micro-dollars as whole numbers, ticks, and which quotes can be used.

Market data are floats; what is ordered, filled and counted is a whole number of micro-dollars.
"""

from collections.abc import Callable
from decimal import Decimal

from operators.events import Quote

DOLLAR = 1_000_000
LOWEST, HIGHEST = 1e-6, 1e9
"""Dollars outside which a price is an error of its source; nothing listed comes near them."""
FUND_TICK = 10_000
"""Smallest price step of shares and funds, one cent (Regulation NMS, prices of one dollar and more)."""


Tick = Callable[[int], int]
"""The smallest price step at a price, both in micro-dollars."""


def micros(dollars: float) -> int:
    """Nearest micro-dollar; raises ValueError or OverflowError if not finite."""
    return round(dollars * DOLLAR)


def micros_of(dollars: Decimal) -> int:
    """Decimal dollars of at most six places as micro-dollars; raises ValueError for more places."""
    amount = dollars.scaleb(6)
    if amount != amount.to_integral_value():
        raise ValueError(f"{dollars} USD has more than six decimal places")
    return int(amount)


def decimal(amount_micros: int) -> Decimal:
    """Micro-dollars as Decimal dollars."""
    return Decimal(amount_micros).scaleb(-6)


def rounded_up(price_micros: int, tick: int) -> int:
    """The next tick at or above."""
    return -(-price_micros // tick) * tick


def rounded_down(price_micros: int, tick: int) -> int:
    """The next tick at or below."""
    return price_micros // tick * tick


def known(price: float) -> bool:
    """Whether it is a price at all: a micro-dollar at least, finite and believable; False for NaN."""
    return LOWEST <= price <= HIGHEST


def usable(quote: Quote | None) -> bool:
    """Whether an entry may rest on it: both sides known, ask over bid by a micro-dollar. Age is judged elsewhere."""
    if quote is None or not (known(quote.bid) and known(quote.ask)):
        return False
    return micros(quote.bid) < micros(quote.ask)


def spread_fraction(quote: Quote) -> float:
    """(ask - bid) / mid of a usable quote, from whole micro-dollars: one tick is one tick whatever the price."""
    low, high = micros(quote.bid), micros(quote.ask)
    return (high - low) / ((high + low) / 2)


def bid(quote: Quote | None) -> int | None:
    """The bid to sell at, in micro-dollars: 0 where only the ask is known, None where the quote says nothing.

    A locked or crossed quote says nothing.
    """
    if quote is None or quote.bid >= quote.ask:
        return None
    if known(quote.bid):
        return micros(quote.bid)
    return 0 if known(quote.ask) else None


def mid(quote: Quote | None) -> float | None:
    """Middle in micro-dollars, a missing bid counting as 0; None without an ask and where the quote says nothing."""
    low = bid(quote)
    if quote is None or low is None or not known(quote.ask):
        return None
    return (low + micros(quote.ask)) / 2


def entry_limit(quote: Quote, offset_micros: int, tick: Tick) -> int:
    """Buy limit of a usable quote: mid + max(offset, half a tick), rounded up to a tick, never above the ask.

    The tick is asked again after rounding, which may have crossed a price where it grows. Source: product rule
    "Orders". Rounding up keeps an order at the bid from waiting there for ever.
    """
    ask, middle = micros(quote.ask), (micros(quote.bid) + micros(quote.ask)) // 2
    wanted = middle + max(offset_micros, tick(middle) // 2)
    limit = rounded_up(wanted, tick(wanted))
    return min(rounded_down(ask, tick(ask)), rounded_up(limit, tick(limit)))


def exit_limit(quote: Quote | None, tick: Tick) -> int:
    """Sell limit: the bid, rounded down to a tick; one tick where there is no bid."""
    price = bid(quote) or 0
    return max(tick(0), rounded_down(price, tick(price)))


def fund_tick(_: int) -> int:
    """The tick of shares and funds, at any price."""
    return FUND_TICK
