"""Builders of ended scalps as rows of their tables, and what puts them there."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine

from flows.records.database import writing
from flows.records.tables import etf_scalps, options_scalps
from tests.rows import NOON, closed, etf_scalp, option_scalp

MINUTE = timedelta(minutes=1)


def add(engine: Engine, *rows: dict[str, Any]) -> None:
    """Put rows into the table of options or funds, whichever they are of."""
    with writing(engine) as connection:
        for row in rows:
            connection.execute((options_scalps if "strike" in row else etf_scalps).insert().values(row))


def fund(signal_id: str, **changes: Any) -> dict[str, Any]:
    """An ended scalp of a fund as a row of its table: bought at 50.25, sold at 51.25, 10 won."""
    record = etf_scalp(signal_id, **closed(**changes))
    return {name: getattr(record, name) for name in record.__struct_fields__}


def mixed(count: int, **changes: Any) -> list[dict[str, Any]]:
    """Scalps of both kinds in turn, of which three after each other end at the same moment."""
    made: list[Callable[..., dict[str, Any]]] = [option_scalp, fund]
    return [made[n % 2](f"s{n:03d}", exit_time=NOON + n // 3 * MINUTE, **changes) for n in range(count)]
