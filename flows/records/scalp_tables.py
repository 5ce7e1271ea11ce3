"""The two tables of scalps: what was bought, for what, and what became of it."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)

from flows.records.columns import Micros, Real, UtcTime


def scalp_tables(metadata: MetaData) -> tuple[Table, Table]:
    """options_scalps and etf_scalps, defined in `metadata`; `ticker` is the signal's there and the fund's here."""
    return _options(metadata), _funds(metadata)


def _scalp_table(metadata: MetaData, name: str, signal_ticker: str, *columns: Column[Any]) -> Table:
    """A scalp table: the columns and indexes of migration 136, the columns of 137, the indexes of 139."""
    ending = (
        Column("status", String(20), server_default=text("'open'")),
        Column("exit_reason", String(50)),
        Column("pnl", Micros),
        Column("pnl_pct", Real),
        Column("broker", String(20)),
        Column("order_id", String(100)),
        Column("entry_time", UtcTime, nullable=False),
        Column("exit_time", UtcTime),
        Column("metadata_json", Text),
        Column("created_at", UtcTime, server_default=func.now()),
        Column("book_id", String, nullable=False),
        Column("tape_seq", BigInteger, nullable=False),
        Column("gross_pnl", Micros),
        Column("fees", Micros),
        Column("second_half", String),
    )
    start = (Column("id", Integer, primary_key=True), Column("signal_id", String(50), index=True))
    key, index = UniqueConstraint("book_id", "signal_id"), Index(None, "ticker", "status")
    turned = (Index(f"ix_{name}_{end}", "book_id", *columns) for end, columns in turned_by(signal_ticker).items())
    return Table(name, metadata, *start, *columns, *ending, key, index, *turned)


def turned_by(signal_ticker: str) -> dict[str, tuple[str, ...]]:
    """The indexes by which a book's history is turned over: the end of each name, and its columns after the book.

    By time, all of it or narrowed to one ticker or reason; what follows the signal id sorts nothing, but lets a
    database pass over what is not asked for without reading its row.
    """
    return {
        "history": ("exit_time", "signal_id", "pnl"),
        "history_of_ticker": (signal_ticker, "exit_time", "signal_id", "exit_reason", "pnl"),
        "history_of_reason": ("exit_reason", "exit_time", "signal_id", signal_ticker, "pnl"),
    }


def _options(metadata: MetaData) -> Table:
    return _scalp_table(
        metadata,
        "options_scalps",
        "ticker",
        Column("ticker", String(10), nullable=False),
        Column("option_symbol", String(30), nullable=False),
        Column("option_type", String(4), nullable=False),
        Column("strike", Micros, nullable=False),
        Column("expiry", Date, nullable=False, index=True),
        Column("dte", Integer, nullable=False),
        Column("direction", String(20), nullable=False),
        Column("contracts", Integer, nullable=False),
        Column("entry_premium", Micros, nullable=False),
        Column("exit_premium", Micros),
        Column("entry_delta", Real),
        Column("entry_theta", Real),
        Column("entry_iv", Real),
    )


def _funds(metadata: MetaData) -> Table:
    return _scalp_table(
        metadata,
        "etf_scalps",
        "original_ticker",
        Column("ticker", String(10), nullable=False),
        Column("original_ticker", String(10)),
        Column("leverage", Real, nullable=False),
        Column("direction", String(10), nullable=False),
        Column("shares", Integer, nullable=False),
        Column("entry_price", Micros, nullable=False),
        Column("exit_price", Micros),
        Column("stop_loss", Micros),
        Column("target_price", Micros),
    )
