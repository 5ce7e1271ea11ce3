"""Builders of what the market remembers of QQQ's option chains."""

from datetime import date
from typing import Any

from operators.events import AtmIv, Chain, Contracts
from operators.listings import Listings
from operators.moments import ChainView
from tests.builders import DAY, ny
from tests.option_builders import SPOT, TOMORROW, snapshot, table

NEXT = date(2025, 8, 20)
USUAL = table(expiries=(DAY, TOMORROW, NEXT), strikes=(570.0, 571.0, 572.0))


def listed(contracts: Contracts = USUAL) -> Listings:
    """Listings that know one table."""
    made = Listings({})
    assert made.table(contracts)
    return made


def told(made: Listings, clock: str, day: date = DAY, spot: float = SPOT, **more: Any) -> Chain:
    """States the chain at a time of a day; returns it."""
    contracts = made.of("QQQ").table or USUAL
    chain = snapshot(contracts, ny(clock, day), spot=spot, **more)
    assert made.snapshot(chain, spot, 0.0)
    return chain


def iv_of(day: date, iv: float, clock: str = "15:45") -> AtmIv:
    """A past session's IV as history tells it."""
    return AtmIv(1, ny(clock, day), ny(clock, day), "QQQ", iv)


def seen(made: Listings, clock: str, day: date = DAY) -> ChainView:
    """The chain of QQQ as a signal sees it."""
    view = made.of("QQQ").view(ny(clock, day), SPOT)
    assert view is not None
    return view
