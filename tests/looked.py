"""Stages to look at, and the rows of a look: a fund or an option held, and a market that heard of its chain."""

from datetime import date
from typing import Any, TypeVar

import msgspec

from operators.events import SECOND_NS
from operators.looking import Looking
from operators.market import Market
from operators.records import Record
from operators.views import MarkNow, PositionNow
from tests.builders import Stage, ny, quote
from tests.option_builders import FREE, SPOT, OptionStage
from tests.play import EVENT_DRIVEN, started

HALF_DAY = date(2025, 11, 28)
DETERMINISTIC = msgspec.msgpack.Encoder(order="deterministic")
CALL = "QQQ250818C00572000"
Kind = TypeVar("Kind", bound=Record)


def looking(stage: Stage, *, spot: bool = True, every_ns: int = SECOND_NS) -> Looking:
    """A look from a market that was told the stage's newest chain and, with `spot`, a price of QQQ just now."""
    market = Market(stage.config, FREE)
    market.on(started(ny("09:00", stage.day), cadences=EVENT_DRIVEN))
    if isinstance(stage, OptionStage) and stage.newest is not None:
        market.on(stage.contracts)
        market.on(stage.newest)
        if spot:
            market.on(quote(stage.book.now_ns, "QQQ", bid=SPOT - 0.01, ask=SPOT + 0.01))
    return Looking(market, every_ns)


def look(stage: Stage, **changes: Any) -> list[Record]:
    return looking(stage, **changes).look(stage.book)


def one(kind: type[Kind], rows: list[Record]) -> Kind:
    """The only row of a kind."""
    (found,) = (row for row in rows if isinstance(row, kind))
    return found


def mark(stage: Stage, **changes: Any) -> MarkNow:
    return one(MarkNow, look(stage, **changes))


def position(stage: Stage, **changes: Any) -> PositionNow:
    return one(PositionNow, look(stage, **changes))


def option(direction: int = 1) -> OptionStage:
    """25 contracts at 0.77: a call of 572 or a put of 570; since 10:01 they are quoted 0.80 to 0.84."""
    stage = OptionStage(engine=FREE.model_copy(update={"stale_exit_after_seconds": 3600.0}))
    stage.buy(direction=direction)
    stage.state("10:01", 0.80, 0.84)
    return stage


def fund(direction: int = 1) -> Stage:
    """133 TQQQ or SQQQ at 50.00 since 10:00:01.2, quoted 50.40 to 50.41 a second later."""
    stage, symbol = Stage(), "TQQQ" if direction > 0 else "SQQQ"
    stage.quote("10:00", symbol=symbol)
    stage.signal("10:00:01", direction=direction)
    stage.reach("10:00:01.2")
    stage.quote("10:00:02.2", 50.40, 50.41, symbol)
    return stage


def told(row: Record, names: str) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in names.split())
