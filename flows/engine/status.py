"""What `scalp status` says of an engine, from its heartbeat and the views of now."""

from collections.abc import Iterator
from datetime import datetime
from itertools import dropwhile, takewhile

from sqlalchemy import Connection, Engine, MappingResult, RowMapping, Table, select

from flows.records.database import reading
from flows.records.heartbeat import STALE_SECONDS
from flows.records.tables import heartbeat, marks_now, orders, positions_now


def lines(engine: Engine, book_id: str, now: datetime) -> Iterator[str]:
    """One line on the engine's life, one on what it may do and has, one a position. Raises DatabaseUnavailable."""
    beat, money, held, refusals = _rows(engine, book_id)
    if beat is None:
        yield f"{book_id}: no engine has run on this database"
        return
    silent = (now - beat["beat_at"]).total_seconds()
    told = f": {beat['message']}" if beat["message"] else ""
    alive = beat["state"] != "running" or silent <= STALE_SECONDS
    life = f"{beat['state']}{told}" if alive else f"SILENT for {silent:.0f} s, it said running"
    yield f"{book_id}: {life}; event {beat['events']}, tape time {beat['tape_at'] or '-'}"
    if money is not None:
        reason = f" ({money['trading_reason']})" if money["trading_reason"] else ""
        yield (
            f"trading {money['trading']}{reason}, mode {money['mode']}, equity {money['equity']:.2f}, "
            f"day {money['day_pnl']:+.2f}, open {money['open_pnl']:+.2f}, realised {money['realised_pnl']:+.2f} USD"
        )
    for row in held:
        refused = f", exit refused: {refusals[row['signal_id']]}" if row["signal_id"] in refusals else ""
        yield (
            f"{row['quantity']} {row['symbol']} for {row['ticker']} {row['direction']}: "
            f"entry {row['entry_price']:.4f}, mark {row['mark']:.4f}, stop {row['stop']:.4f}, "
            f"target {row['target']:.4f}, open {row['open_pnl']:+.2f} USD{refused}"
        )


def _rows(
    engine: Engine, book_id: str
) -> tuple[RowMapping | None, RowMapping | None, list[RowMapping], dict[str, str]]:
    """Heartbeat, money, positions and the refusals of their exits, of one moment."""

    def of_book(table: Table) -> MappingResult:
        return connection.execute(select(table).where(table.c.book_id == book_id)).mappings()

    with reading(engine, few=True) as connection:
        held = sorted(of_book(positions_now), key=lambda row: row["entered_at"])
        refusals = {row["signal_id"]: said for row in held if (said := _refusals(connection, row))}
        return of_book(heartbeat).first(), of_book(marks_now).first(), held, refusals


def _refusals(connection: Connection, held: RowMapping) -> str:
    """How often exits of a position were refused in a row, and what was said last; empty where none was."""
    of_it = (orders.c.book_id == held["book_id"]) & (orders.c.signal_id == held["signal_id"])
    exits = select(orders.c.state, orders.c.reason).where(of_it, orders.c.action == "exit")
    found = connection.execute(exits.order_by(orders.c.attempt.desc())).all()
    answered = dropwhile(lambda row: row.state in ("intent", "sending"), found)
    refused = list(takewhile(lambda row: row.state == "rejected", answered))
    return f"{len(refused)} in a row, last: {refused[0].reason}" if refused else ""
