"""What the page shows of a run as it is now: a heartbeat and three views, each replaced as a whole.

They are no records: nothing of them is hashed, and all can be made anew from the tape.
"""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Date, Integer, MetaData, String, Table, Text

from flows.records.columns import Micros, Real, UtcTime


def now_tables(metadata: MetaData) -> tuple[Table, Table, Table, Table]:
    """Heartbeat, marks_now, positions_now, chains_now, defined in `metadata`."""
    return _heartbeat(metadata), _marks(metadata), _positions(metadata), _chains(metadata)


def _book() -> Column[Any]:
    return Column("book_id", String, primary_key=True)


def _heartbeat(metadata: MetaData) -> Table:
    """`beat_at` is the wall's time at which the line was last alive, `tape_at` how far it had come then."""
    return Table(
        "heartbeat",
        metadata,
        _book(),
        Column("beat_at", UtcTime, nullable=False),
        Column("tape_at", UtcTime),
        Column("speed", Real),
        Column("state", String, nullable=False),
        Column("message", Text),
        Column("events", BigInteger, nullable=False),
    )


def _marks(metadata: MetaData) -> Table:
    """The book's money, slots and Greeks."""
    return Table(
        "marks_now",
        metadata,
        _book(),
        Column("tape_at", UtcTime, nullable=False),
        Column("tape_seq", BigInteger, nullable=False),
        Column("mode", String, nullable=False),
        Column("trading", String, nullable=False),
        Column("trading_reason", Text),
        *(Column(name, Micros, nullable=False) for name in ("equity", "day_pnl", "open_pnl", "realised_pnl")),
        Column("option_slots", Integer, nullable=False),
        Column("option_slots_limit", Integer, nullable=False),
        Column("fund_slots", Integer, nullable=False),
        Column("fund_slots_limit", Integer, nullable=False),
        Column("net_delta_usd", Real, nullable=False),
        Column("theta_per_hour_usd", Real, nullable=False),
        Column("unknown_greeks", Integer, nullable=False),
        Column("cutoff_at", UtcTime),
        Column("close_at", UtcTime),
    )


def _positions(metadata: MetaData) -> Table:
    """One row a position; prices are dollars a share, Greeks a share's, what is unknown is NULL."""
    return Table(
        "positions_now",
        metadata,
        _book(),
        Column("signal_id", String, primary_key=True),
        *(Column(name, String, nullable=False) for name in ("kind", "ticker", "symbol", "direction")),
        *(Column(name, Integer, nullable=False) for name in ("quantity", "multiplier")),
        Column("entry_price", Micros, nullable=False),
        Column("bid", Real),
        Column("ask", Real),
        Column("mark", Micros, nullable=False),
        Column("open_pnl", Micros, nullable=False),
        Column("open_pnl_fraction", Real, nullable=False),
        *(Column(name, Micros, nullable=False) for name in ("stop", "target")),
        *(Column(name, Real) for name in ("delta", "gamma", "theta_per_day", "iv", "leverage")),
        Column("entered_at", UtcTime, nullable=False),
        Column("quoted_at", UtcTime),
        Column("fresh", Boolean, nullable=False),
        Column("exit_due", String),
        Column("nearest", String),
        Column("nearest_way", Real),
        Column("nearest_at", UtcTime),
        Column("second_half", String, nullable=False),
        Column("tape_seq", BigInteger, nullable=False),
    )


def _chains(metadata: MetaData) -> Table:
    """One row an underlying: its newest chain, and the at-the-money IV of the nearest expiry that still trades."""
    return Table(
        "chains_now",
        metadata,
        _book(),
        Column("underlying", String, primary_key=True),
        Column("quoted_at", UtcTime, nullable=False),
        Column("fresh", Boolean, nullable=False),
        Column("spot", Real),
        Column("contracts", Integer, nullable=False),
        Column("quoted", Integer, nullable=False),
        Column("expiry", Date),
        Column("dte", Integer),
        Column("forward", Real),
        Column("atm_iv", Real),
        Column("tape_seq", BigInteger, nullable=False),
    )
