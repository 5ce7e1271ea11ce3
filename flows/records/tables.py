"""The tables of the records as this program wants them; how they came to be stands in `alembic/versions`.

Every table has `book_id` and every natural key begins with it. A column named `id`, `created_at` or `recorded_at` is
no part of a record: the database fills it. `limit_value` is so named because LIMIT is a reserved word.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
)

from flows.records.columns import Micros, Real, UtcTime
from flows.records.now_tables import now_tables
from flows.records.scalp_tables import scalp_tables

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _key(name: str, kind: type[String] | type[Integer] = String) -> Column[Any]:
    return Column(name, kind, primary_key=True)


def _recorded_at() -> Column[Any]:
    return Column("recorded_at", UtcTime, nullable=False, server_default=func.now())


runs = Table(
    "runs",
    metadata,
    _key("book_id"),
    Column("loop", String, nullable=False),
    Column("mode", String, nullable=False),
    Column("start_equity", Micros, nullable=False),
    Column("settings", Text, nullable=False),
    Column("tapes", Text, nullable=False),
    Column("tables", Text, nullable=False),
    Column("marks", Text, nullable=False),
    Column("rules_version", Integer, nullable=False),
    _recorded_at(),
)

# The only table that grows when a run is repeated.
run_attempts = Table(
    "run_attempts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("book_id", String, nullable=False, index=True),
    Column("started_at", UtcTime, nullable=False, server_default=func.now()),
    Column("finished_at", UtcTime),
    Column("status", String, nullable=False),
    Column("message", Text),
    Column("events", BigInteger),
    Column("seconds", Real),
    Column("batch", Integer, nullable=False),
    Column("program", String, nullable=False),
)

signals = Table(
    "signals",
    metadata,
    _key("book_id"),
    _key("signal_id"),
    Column("ticker", String, nullable=False),
    Column("bar_close", UtcTime, nullable=False),
    Column("direction", String, nullable=False),
    Column("timeframe_minutes", Integer, nullable=False),
    Column("source", String, nullable=False),
    Column("conviction", Real, nullable=False),
    Column("part_macro", Real),
    Column("part_agreement", Real),
    Column("part_volume", Real),
    Column("part_distance", Real),
    Column("part_slope", Real),
    Column("part_body", Real),
    Column("volume_ratio", Real),
    Column("macro", String, nullable=False),
    Column("decided_at", UtcTime, nullable=False),
    Column("decision", String, nullable=False),
    Column("leg", String),
    Column("code", String),
    Column("tape_seq", BigInteger, nullable=False),
    _recorded_at(),
    Index(None, "book_id", "tape_seq"),
)

# Verdicts and candidates have no wall time of their own: they are written with their signal, and there are many.
verdicts = Table(
    "verdicts",
    metadata,
    _key("book_id"),
    _key("signal_id"),
    _key("leg"),
    _key("ordinal", Integer),
    Column("symbol", String),
    Column("code", String, nullable=False),
    Column("passed", Boolean, nullable=False),
    Column("evaluated", Boolean, nullable=False),
    Column("measured", Real),
    Column("limit_value", Real),
    Column("unit", String, nullable=False),
    Column("reason", Text),
)

candidates = Table(
    "candidates",
    metadata,
    _key("book_id"),
    _key("signal_id"),
    _key("leg"),
    _key("position", Integer),
    Column("symbol", String, nullable=False),
    Column("chosen", Boolean, nullable=False),
    Column("lost_by", String),
    Column("measured", Real),
    Column("limit_value", Real),
    *(Column(name, Real) for name in ("score", "delta", "iv", "bid", "ask", "volume", "open_interest")),
)

orders = Table(
    "orders",
    metadata,
    _key("book_id"),
    _key("client_order_id"),
    Column("signal_id", String, nullable=False),
    Column("action", String, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("symbol", String, nullable=False),
    Column("side", String, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("limit_price", Micros),
    Column("state", String, nullable=False),
    Column("filled_quantity", Integer, nullable=False),
    Column("reason", Text),
    Column("sent_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("tape_seq", BigInteger, nullable=False),
    _recorded_at(),
)

fills = Table(
    "fills",
    metadata,
    _key("book_id"),
    _key("execution_id"),
    Column("client_order_id", String, nullable=False),
    Column("signal_id", String, nullable=False),
    Column("symbol", String, nullable=False),
    Column("side", String, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("price", Micros, nullable=False),
    Column("fee", Micros, nullable=False),
    Column("filled_at", UtcTime, nullable=False),
    Column("tape_seq", BigInteger, nullable=False),
    _recorded_at(),
    Index(None, "book_id", "tape_seq"),
)


# Up to which event of its tape the database has all of a book, and which engine was the last to write it.
ledger_marks = Table(
    "ledger_marks",
    metadata,
    _key("book_id"),
    Column("tape_id", String, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("tape_seq", BigInteger, nullable=False),
    Column("updated_at", UtcTime, nullable=False, server_default=func.now()),
)

# What was asked of an engine; `refused` is said by who found it too old, an answer otherwise stands in the audit.
commands = Table(
    "commands",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("book_id", String, nullable=False, index=True),
    Column("actor", String, nullable=False),
    Column("action", String, nullable=False),
    Column("argument", Text, nullable=False),
    Column("requested_at", UtcTime, nullable=False),
    Column("refused", Text),
)

# A trigger of the database lets nobody change or take away a row.
audit = Table(
    "audit",
    metadata,
    _key("book_id"),
    Column("tape_seq", BigInteger, primary_key=True, autoincrement=False),
    Column("command_id", Integer, index=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", Text, nullable=False),
    *(Column(name, Text, primary_key=True) for name in ("action", "argument")),
    Column("refused", Text),
    *(Column(name, Text, nullable=False) for name in ("before", "after")),
    _recorded_at(),
)

# A bar of a ticker that may trade with the averages of its clouds after it, and a book's money each minute.
bars = Table(
    "bars",
    metadata,
    _key("book_id"),
    _key("ticker"),
    Column("closed_at", UtcTime, primary_key=True),
    *(Column(name, Real, nullable=False) for name in ("open", "high", "low", "close", "volume")),
    *(Column(name, Real) for name in ("ema5", "ema12", "ema34", "ema50")),
    Column("macro", String, nullable=False),
    Column("tape_seq", BigInteger, nullable=False),
    Index(None, "book_id", "tape_seq"),
)

marks = Table(
    "marks",
    metadata,
    _key("book_id"),
    Column("marked_at", UtcTime, primary_key=True),
    *(Column(name, Micros, nullable=False) for name in ("equity", "day_pnl", "open_pnl", "realised_pnl")),
    Column("tape_seq", BigInteger, nullable=False),
)

heartbeat, marks_now, positions_now, chains_now = now_tables(metadata)
options_scalps, etf_scalps = scalp_tables(metadata)


def natural_key(table: Table) -> tuple[Column[Any], ...]:
    """What makes a row of a book unique: the unique constraint where the primary key is a surrogate."""
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint):
            return tuple(constraint.columns)
    return tuple(table.primary_key.columns)
