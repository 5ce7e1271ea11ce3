"""One signal's whole story, read back at one moment of the database: what it was, what was asked, what became of it."""

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Engine, RowMapping, Table, select

from flows.records.database import reading
from flows.records.parts import (
    CandidatePart,
    FillPart,
    LegPart,
    OrderPart,
    Part,
    ScalpPart,
    SignalPart,
    Story,
    VerdictPart,
)
from flows.records.queries import OPTION_MULTIPLIER, in_code_order, plain
from flows.records.tables import candidates, etf_scalps, fills, options_scalps, orders, signals, verdicts

AnyPart = TypeVar("AnyPart", bound=Part)


class NoSignal(LookupError):
    """There is no such signal, or more than one is meant; the message says what is there."""


def story(engine: Engine, book_id: str, signal_id: str) -> Story:
    """All that a book knows of the signal with this whole id; raises NoSignal, DatabaseUnavailable."""
    with reading(engine, few=True) as connection:

        def rows(table: Table, *order: ColumnElement[Any]) -> Sequence[RowMapping]:
            chosen = (table.c.book_id == book_id) & (table.c.signal_id == signal_id)
            return connection.execute(select(table).where(chosen).order_by(*order)).mappings().all()

        born = rows(signals)
        if not born:
            raise NoSignal(f"book {book_id} has no signal {signal_id}")
        sent = rows(orders, orders.c.sent_at, orders.c.attempt, in_code_order(engine, orders.c.client_order_id))
        done = rows(fills, fills.c.filled_at, fills.c.tape_seq, in_code_order(engine, fills.c.execution_id))
        return Story(
            signal=_part(SignalPart, born[0]),
            legs=_legs(rows(verdicts, verdicts.c.ordinal), rows(candidates, candidates.c.position)),
            orders=_parts(OrderPart, sent),
            fills=_parts(FillPart, done),
            scalp=_scalp(rows(options_scalps), rows(etf_scalps)),
        )


def _parts(kind: type[AnyPart], rows: Iterable[RowMapping]) -> tuple[AnyPart, ...]:
    return tuple(_part(kind, row) for row in rows)


def _part(kind: type[AnyPart], row: RowMapping, /, **more: object) -> AnyPart:
    """A row as a part: the columns that it has fields for, and what is said besides."""
    columns = {name: _value(row[name]) for name in kind.__struct_fields__ if name in row}
    return kind(**(columns | more))


def _value(value: object) -> object:
    return plain(value) if isinstance(value, Decimal) else value


def _legs(asked: Sequence[RowMapping], looked_at: Sequence[RowMapping]) -> tuple[LegPart, ...]:
    """The legs that were tried, in the order in which they are: option before fund."""
    names = sorted({row["leg"] for row in (*asked, *looked_at)}, reverse=True)
    return tuple(
        _leg(name, [row for row in asked if row["leg"] == name], [row for row in looked_at if row["leg"] == name])
        for name in names
    )


def _leg(name: str, asked: list[RowMapping], looked_at: list[RowMapping]) -> LegPart:
    symbol = next((row["symbol"] for row in asked if row["symbol"]), None)
    return LegPart(
        name=name,
        symbol=symbol,
        verdicts=_parts(VerdictPart, asked),
        candidates=_parts(CandidatePart, looked_at),
    )


def _scalp(options: Sequence[RowMapping], funds: Sequence[RowMapping]) -> ScalpPart | None:
    """What was bought of either kind; a signal becomes one scalp at most."""
    if options:
        return _option(options[0])
    if funds:
        row = funds[0]
        return _part(ScalpPart, row, kind="fund", symbol=row["ticker"], quantity=row["shares"], multiplier=1)
    return None


def _option(row: RowMapping) -> ScalpPart:
    """An option's levels and its alarm stand beside its columns, as JSON."""
    told = _object(row["metadata_json"])
    return _part(
        ScalpPart,
        row,
        kind="option",
        symbol=row["option_symbol"].replace(" ", ""),
        quantity=row["contracts"],
        multiplier=OPTION_MULTIPLIER,
        entry_price=_value(row["entry_premium"]),
        exit_price=_value(row["exit_premium"]),
        stop_loss=told.get("stop"),
        target_price=told.get("target"),
        alarm=told.get("alarm"),
    )


def _object(text: str | None) -> dict[str, str]:
    """A JSON object of texts; empty where there is none."""
    found = json.loads(text) if text else {}
    return found if isinstance(found, dict) else {}
