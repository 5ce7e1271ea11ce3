"""Recorded minute bars as frames and as events; the data are private and stay where they are."""

import gzip
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pandas as pd

from flows.tape.bars import import_bars
from operators import sessions
from operators.events import MINUTE_NS, AnyEvent, Bar
from tests.play import tape_events

TIME_COLUMNS = ("timestamp", "ts_utc", "datetime", "ts")
PRICES = ["open", "high", "low", "close", "volume"]


@cache
def frame(path: Path) -> pd.DataFrame:
    """All rows of a file: start (aware UTC), open, high, low, close (USD), volume (shares), by time."""
    rows = pd.read_csv(path)
    column = next(name for name in TIME_COLUMNS if name in rows)
    found = rows[PRICES].astype(float)
    found.insert(0, "start", pd.to_datetime(rows[column], utc=True).dt.as_unit("ns"))
    return found.sort_values("start", kind="stable").reset_index(drop=True)


def bars(rows: pd.DataFrame, ticker: str, history_sessions: int = 0) -> Iterator[Bar]:
    """A frame as closed bars, known at their close; those of its first sessions are history."""
    starts = [int(start) for start in rows["start"].astype("int64")]
    regular = [found.day for start in starts if (found := sessions.session_holding(start)) is not None]
    warming = set(sorted(set(regular))[:history_sessions])
    columns = (rows[name].tolist() for name in PRICES)
    for seq, (start, *row) in enumerate(zip(starts, *columns, strict=True), start=1):
        close_ns = start + MINUTE_NS
        history = sessions.new_york(start).date() in warming
        opened, high, low, close, volume = row
        yield Bar(seq, close_ns, close_ns, ticker, opened, high, low, close, volume, history)


def cut(source: Path, target: Path, first: str, last: str) -> Path:
    """Writes the rows of a file from one ISO day to another, both included, into a folder of the test."""
    with gzip.open(source, "rt") as rows:
        heading, *found = rows.read().splitlines()
    target.write_text("\n".join([heading, *(row for row in found if first <= row[:10] <= last)]) + "\n")
    return target


def tape_of(files: list[Path], out: Path, history_sessions: int = 4) -> list[AnyEvent]:
    """The events that an import of these files gives: bars and the quotes that are modelled from them."""
    import_bars(files, out, ticker=None, history=history_sessions, overwrite=True)
    return tape_events(out)
