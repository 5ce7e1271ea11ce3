"""Builders of small folders of recorded chains, and what their import gives."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, TypeVar
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import numpy as np

from flows.tape.lean import LeanReport, import_lean
from flows.tape.reader import Tape
from operators.contracts import counts_of, prices_of
from operators.events import AnyEvent, Chain, Contracts

DAY = date(2024, 7, 2)
"""A Tuesday in summer time: New York opens at 13:30 UTC."""
OPEN_NS = 1_719_927_000_000_000_000
OPEN_MS = 34_200_000
CALL, PUT = "call_1800000_20240705", "put_1800000_20240705"
"""Strike 180 dollars, expiry that Friday."""
BAR = "1800000,1810000,1790000,1805000,900"


def ms(minute: int) -> int:
    """Start of a minute of the session, counted from 0, in milliseconds since midnight of New York."""
    return OPEN_MS + minute * 60_000


def quote(minute: int, bid: int | None, ask: int | None, bid_size: int = 7, ask_size: int = 9) -> str:
    """A quote row whose four prices of a side are the same, in ten-thousandths; None is an absent side."""
    sides = [(bid, bid_size), (ask, ask_size)]
    texts = [",,,,0" if price is None else f"{price},{price},{price},{price},{size}" for price, size in sides]
    return f"{ms(minute)},{texts[0]},{texts[1]}"


def trade(minute: int, prices: str = BAR) -> str:
    """A trade row."""
    return f"{ms(minute)},{prices}"


def archive(path: Path, entries: Mapping[str, str], *, packed: bool = False) -> Path:
    """A zip file with these entries, deflated or as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with ZipFile(path, "w", ZIP_DEFLATED if packed else ZIP_STORED) as file:
        for name, text in entries.items():
            file.writestr(name, text)
    return path


def rows(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def options(
    root: Path,
    kind: str,
    entries: Mapping[str, str],
    *,
    day: date = DAY,
    name: str = "goog",
    style: str = "american",
    folder: str = "option",
    ending: str = ".zip",
) -> Path:
    """A file of options; keys of `entries` are CALL, PUT or others of that form."""
    stem = f"{day:%Y%m%d}_{name}_minute_{kind}_{style}"
    path = root / folder / "usa" / "minute" / name / f"{day:%Y%m%d}_{kind}_{style}{ending}"
    return archive(path, {f"{stem}_{contract}.csv": text for contract, text in entries.items()})


def underlying(
    root: Path, kind: str, text: str, *, day: date = DAY, name: str = "goog", folder: str = "equity"
) -> Path:
    """A file of the underlying, of kind trade or quote."""
    path = root / folder / "usa" / "minute" / name / f"{day:%Y%m%d}_{kind}.zip"
    return archive(path, {f"{day:%Y%m%d}_{name}_minute_{kind}.csv": text})


def least(root: Path, day: date = DAY) -> Path:
    """The least that can be imported: one quote of a call and one bar, both of the first minute."""
    options(root, "quote", {CALL: rows(quote(0, 51000, 53000))}, day=day)
    underlying(root, "trade", rows(trade(0)), day=day)
    return root


def imported(root: Path, *days: date, ticker: str = "GOOG", **changes: Any) -> tuple[LeanReport, list[AnyEvent]]:
    """The report of an import and the events of its tape, which stands in the folder."""
    out = root / "out.tape"
    report = import_lean(root, ticker, days or (DAY,), out, **({"overwrite": True} | changes))
    return report, list(Tape(out).events())


Kind = TypeVar("Kind", bound=AnyEvent)


def of_kind(events: list[AnyEvent], kind: type[Kind]) -> list[Kind]:
    return [event for event in events if isinstance(event, kind)]


def column(events: list[AnyEvent], name: str, row: int = 0) -> list[float | None]:
    """The value of one contract in each chain, None where it is missing."""
    (table,) = of_kind(events, Contracts)
    unpacked = prices_of if name in ("bid", "ask") else counts_of
    columns = [unpacked(getattr(chain, name), len(table.symbols)) for chain in of_kind(events, Chain)]
    return [None if np.isnan(values[row]) else float(values[row]) for values in columns]
