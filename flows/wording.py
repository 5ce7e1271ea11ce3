"""How numbers, money, times and contracts read for a trader."""

from datetime import datetime
from decimal import Decimal
from math import isfinite

from operators.contracts import parse_occ
from operators.sessions import NEW_YORK

DIGITS, MOST_DIGITS = 4, 17
"""Figures that a float is shown with, and those after which no two floats look alike."""


def number(value: float, digits: int = DIGITS) -> str:
    """A number in so many significant figures, but never fewer than its whole part has, and without exponent."""
    if not isfinite(value):
        return str(value)
    whole = len(str(abs(int(value))))
    return f"{Decimal(f'{value:.{max(digits, whole)}g}'):,f}"


def against(measured: float, limit: float) -> tuple[str, str]:
    """Two numbers in as many figures as it takes to see which is larger: 14.9999 is not 15."""
    for digits in range(DIGITS, MOST_DIGITS + 1):
        shown = number(measured, digits), number(limit, digits)
        if measured == limit or shown[0] != shown[1]:
            break
    return shown


def money(text: str) -> str:
    """Decimal text in dollars: cents at least, and further places only where they say something."""
    whole, _, places = text.partition(".")
    return f"{Decimal(whole + '.' + places.rstrip('0').ljust(2, '0')):,f} USD"


def dollars(value: float) -> str:
    """A price that is a float in dollars."""
    return money(f"{Decimal(repr(value)):f}") if isfinite(value) else str(value)


def percent(fraction: float) -> str:
    """A fraction in percent with two places."""
    return f"{fraction * 100:.2f} %"


def minute(moment: datetime) -> str:
    """An aware time as New York's, to the minute."""
    return f"{moment.astimezone(NEW_YORK):%Y-%m-%d %H:%M} New York"


def second(moment: datetime) -> str:
    """An aware time as New York's, to the second."""
    return f"{moment.astimezone(NEW_YORK):%Y-%m-%d %H:%M:%S} New York"


def instrument(symbol: str) -> str:
    """A contract's OCC name in words, any other symbol as it is."""
    named = parse_occ(symbol.replace(" ", ""))
    if named is None:
        return symbol
    return f"{named.root} {named.expiry} {named.strike:g} {'call' if named.right > 0 else 'put'}"
