"""Results in words, for a terminal."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from flows.tape.reader import TapeInfo
from operators.codes import REFUSAL_TEXT, Refusal
from operators.sessions import NEW_YORK, new_york


def lines(summary: dict[str, Any]) -> Iterator[str]:
    """A replay's summary: the book, what was refused and why, each trade, the equity."""
    yield f"book {summary['book_id']}"
    yield f"{summary['events']} events ({summary['history_events']} history) in {summary['seconds']} s"
    yield f"{summary['signals']} signals, {len(summary['trades'])} trades, {len(summary['open_positions'])} open"
    for code, count in summary["refusals"].items():
        yield f"  refused {count:4d}  {code}: {REFUSAL_TEXT[Refusal(code)]}"
    if summary["unfilled"]:
        yield f"  unfilled {summary['unfilled']:3d}  entry orders that nobody filled in time"
    for trade in summary["trades"]:
        yield (
            f"  {_new_york(trade['entry_time'])}  {trade['ticker']} {trade['direction']} -> {trade['quantity']} "
            f"{trade['symbol']} at {trade['entry_price']}, left at {trade['exit_price']} ({trade['exit_reason']}), "
            f"P&L {trade['pnl']} USD"
        )
    yield f"equity {summary['equity']} USD"
    yield f"records {summary['records_sha256']}"


def _new_york(text: str) -> str:
    """An ISO time as a trader reads it."""
    return f"{datetime.fromisoformat(text).astimezone(NEW_YORK):%Y-%m-%d %H:%M} New York"


def tape_lines(path: Path, info: TapeInfo) -> Iterator[str]:
    """What a tape holds."""
    marks = f" {' '.join(info.marks)}" if info.marks else ""
    yield f"{path}: version {info.version}{marks}, {info.bytes} bytes"
    span = ""
    if info.first_at_ns is not None and info.last_at_ns is not None:
        span = f", {new_york(info.first_at_ns):%Y-%m-%d %H:%M} to {new_york(info.last_at_ns):%Y-%m-%d %H:%M} New York"
    yield f"{info.events} events, {info.history_events} of them history{span}"
    if info.first_seq > 1:
        yield f"begins with event {info.first_seq}: what was before was dropped (tape_keep_days)"
    if info.cadences:
        yield "cadence " + ", ".join(f"{stream} {seconds:g} s" for stream, seconds in info.cadences.items())
    if info.tickers:
        yield "bars " + ", ".join(f"{ticker} {count}" for ticker, count in info.tickers.items())
    if info.chains:
        yield "option chains " + ", ".join(f"{ticker} {count}" for ticker, count in info.chains.items())
    for source in info.sources:
        yield f"from {source.name}, {source.rows} rows, SHA-256 {source.sha256}"
    for reason, count in info.rejected.items():
        yield f"rows refused: {count} {reason}"
