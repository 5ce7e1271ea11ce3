"""Recorded chains on the tape equal the raw rows, which this file reads in its own small way."""

from collections.abc import Iterator
from datetime import date
from math import isnan, nan
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

import numpy as np
import pytest

from flows.tape.lean import LeanReport, import_lean
from flows.tape.lean_files import BadLean
from flows.tape.reader import Tape
from operators.contracts import counts_of, prices_of
from operators.events import MINUTE_NS, AnyEvent, Bar, Chain, Contracts, Quote

OPEN_MS, MINUTE_MS = 34_200_000, 60_000
EMPTY = (nan, nan, nan, nan)


class Recorded(NamedTuple):
    """One recorded session: where its options lie, and the open in UTC nanoseconds."""

    ticker: str
    day: str
    folder: str
    ending: str
    open_ns: int


GOOG = Recorded("GOOG", "2015-12-23", "option/usa/minute/goog", "american.zip", 1_450_881_000_000_000_000)
TWX = Recorded("TWX", "2014-06-05", "option/usa/minute/twx", "american.zip", 1_401_975_000_000_000_000)
SPXW = Recorded("SPXW", "2021-01-04", "indexoption/usa/minute/spxw", "european.zip", 1_609_770_600_000_000_000)
SPY = Recorded("SPY", "2023-08-03", "option/usa/minute/spy", "american.zip", 1_691_069_400_000_000_000)
ALL = pytest.mark.parametrize("recorded", [GOOG, TWX, SPXW, SPY], ids=lambda recorded: recorded.ticker)
Rows = dict[str, list[list[str]]]


@pytest.fixture(scope="module")
def lean(shared_data: Path) -> Path:
    return shared_data / "lean"


def taped(lean: Path, folder: Path, recorded: Recorded) -> tuple[LeanReport, list[AnyEvent]]:
    out = folder / "out.tape"
    report = import_lean(lean, recorded.ticker, [date.fromisoformat(recorded.day)], out)
    return report, list(Tape(out).events())


def raw(lean: Path, recorded: Recorded, kind: str) -> Rows | None:
    """The rows of each contract, by compact OCC name; None if the day has no such file."""
    stem = f"{recorded.day.replace('-', '')}_{kind}_{recorded.ending}"
    path = next((path for path in (lean / recorded.folder).glob(f"{stem}*")), None)
    if path is None:
        return None
    with ZipFile(path) as archive:
        return {named(name): [line.split(",") for line in archive.read(name).decode().split()]
                for name in archive.namelist()}  # fmt: skip


def named(entry: str) -> str:
    _, root, *_, side, strike, expiry = entry.removesuffix(".csv").split("_")
    return f"{root.upper()}{expiry[2:]}{side[0].upper()}{int(strike) // 10:08d}"


def quoted(row: list[str]) -> tuple[float, ...]:
    """Bid, ask and their sizes at the end of a row's minute."""
    sides = (row[4], row[5]), (row[9], row[10])
    (bid, bid_size), (ask, ask_size) = (
        (int(price) / 10_000, int(size)) if price else (nan, nan) for price, size in sides
    )
    return bid, ask, bid_size, ask_size


def last_by_minute(rows: list[list[str]]) -> Iterator[tuple[float, ...]]:
    """What stood at the end of each minute of a session."""
    by_start, standing = {int(row[0]): quoted(row) for row in rows}, EMPTY
    for minute in range(390):
        standing = by_start.get(OPEN_MS + minute * MINUTE_MS, standing)
        yield standing


def columns(events: list[AnyEvent], *names: str) -> np.ndarray:
    """Values by minute, contract and name."""
    (table,) = (event for event in events if isinstance(event, Contracts))
    chains = [event for event in events if isinstance(event, Chain)]
    size = len(table.symbols)
    found = [
        [(prices_of if name in ("bid", "ask") else counts_of)(getattr(chain, name), size) for name in names]
        for chain in chains
    ]
    return np.moveaxis(np.array(found), 1, 2)


def symbols(events: list[AnyEvent]) -> tuple[str, ...]:
    return next(event.symbols for event in events if isinstance(event, Contracts))


@ALL
def test_every_minute_of_every_contract_is_the_last_raw_quote(lean: Path, tmp_path: Path, recorded: Recorded) -> None:
    report, events = taped(lean, tmp_path, recorded)
    rows = raw(lean, recorded, "quote")
    assert rows is not None
    expected = [list(last_by_minute(rows.get(symbol, []))) for symbol in symbols(events)]
    found = columns(events, "bid", "ask", "bid_size", "ask_size")
    assert (report.chains, report.rejected) == (390, {})
    np.testing.assert_array_equal(found, np.moveaxis(np.array(expected), 0, 1))


@ALL
def test_every_volume_is_the_sum_of_the_raw_trades_so_far(lean: Path, tmp_path: Path, recorded: Recorded) -> None:
    _, events = taped(lean, tmp_path, recorded)
    rows, names = raw(lean, recorded, "trade"), symbols(events)
    assert rows is not None
    expected = np.zeros((390, len(names), 1))
    for row, symbol in enumerate(names):
        for start, *_, volume in rows.get(symbol, []):
            expected[max(0, (int(start) - OPEN_MS) // MINUTE_MS) :, row, 0] += int(volume)
    assert expected[-1].sum() > 0
    np.testing.assert_array_equal(columns(events, "volume"), expected)


@ALL
def test_every_open_interest_is_the_raw_one(lean: Path, tmp_path: Path, recorded: Recorded) -> None:
    _, events = taped(lean, tmp_path, recorded)
    rows, names = raw(lean, recorded, "openinterest"), symbols(events)
    if rows is None:
        assert {event.open_interest for event in events if isinstance(event, Chain)} == {b""}
        return
    expected = [float(rows[symbol][0][1]) if symbol in rows else nan for symbol in names]
    np.testing.assert_array_equal(columns(events, "open_interest")[:, :, 0], np.tile(expected, (390, 1)))


@ALL
def test_chains_are_known_at_each_minutes_end(lean: Path, tmp_path: Path, recorded: Recorded) -> None:
    times = [event.event_ns for event in taped(lean, tmp_path, recorded)[1] if isinstance(event, Chain)]
    assert times == [recorded.open_ns + minute * MINUTE_NS for minute in range(1, 391)]


def test_goog_by_hand(lean: Path, tmp_path: Path) -> None:
    report, events = taped(lean, tmp_path, GOOG)
    # 118 entries of quotes; ten rows at 16:00 lie after the close; 432 trade rows of the share from 04:59 to 18:18.
    assert (report.contracts, report.bars, report.quotes, report.outside) == (118, 432, 0, {"option quotes": 10})
    row = symbols(events).index("GOOG151224C00750000")
    found = columns(events, "bid", "ask", "bid_size", "ask_size", "open_interest")[:, row]
    # 34200000,...,39000,13,...,50000,1 and 57540000,...,21500,2,...,23000,40; open interest 555.
    assert found[0].tolist() == [3.9, 5.0, 13.0, 1.0, 555.0]
    assert found[-1].tolist() == [2.15, 2.3, 2.0, 40.0, 555.0]
    # 17940000,7524800,...,10: 04:59, four and a half hours before the open, and known a minute later.
    first, close_ns = events[0], GOOG.open_ns - 270 * MINUTE_NS
    assert first == Bar(1, close_ns, close_ns, "GOOG", 752.48, 752.48, 752.48, 752.48, 10.0)


def test_twx_by_hand(lean: Path, tmp_path: Path) -> None:
    report, events = taped(lean, tmp_path, TWX)
    # 476 rows of the share's quotes, 86 of them outside 09:30 to 16:00.
    assert (report.contracts, report.bars, report.quotes) == (184, 398, 390)
    assert report.outside == {"option quotes": 105, "underlying quotes": 86}
    quotes = [event for event in events if isinstance(event, Quote)]
    assert [quotes[0].event_ns, quotes[-1].event_ns] == [TWX.open_ns + MINUTE_NS, TWX.open_ns + 390 * MINUTE_NS]
    # 37860000,,,,,0,,,,,0 of the put 57.50 of 21 June: at 10:31, minute 61 of the session, nobody quotes it.
    row = symbols(events).index("TWX140621P00057500")
    assert all(isnan(value) for value in columns(events, "bid", "ask", "bid_size", "ask_size")[61, row])


def test_spxw_by_hand(lean: Path, tmp_path: Path) -> None:
    report, events = taped(lean, tmp_path, SPXW)
    assert (report.ticker, report.bars, report.quotes, report.sessions) == ("SPX", 411, 0, 1)
    table = next(event for event in events if isinstance(event, Contracts))
    assert (table.underlying, table.settlement) == ("SPX", "cash")
    row = table.symbols.index("SPXW210104C03700000")
    found = columns(events, "bid", "ask", "open_interest")[:, row]
    # 34200000,...,649000,48,...,679000,15 and 57540000,...,5500,1,...,13500,1; open interest 1732.
    assert (found[0].tolist(), found[-1].tolist()) == ([64.9, 67.9, 1732.0], [0.55, 1.35, 1732.0])
    bars = [event for event in events if isinstance(event, Bar)]
    # 30600000 is 08:30 in Chicago, the open of New York; the last, 55200000, is 15:20 there, 16:20 in New York.
    assert (bars[0].open, bars[0].high, bars[0].low, bars[0].close) == (3764.61, 3769.99, 3764.61, 3766.63)
    assert [bar.event_ns for bar in (bars[0], bars[-1])] == [SPXW.open_ns + minute * MINUTE_NS for minute in (1, 411)]


def test_spy_by_hand(lean: Path, tmp_path: Path) -> None:
    report, events = taped(lean, tmp_path, SPY)
    assert symbols(events) == tuple(f"SPY230901{end}" for end in ("C00430000", "P00430000", "C00470000", "P00470000"))
    assert [sentence.partition(":")[0] for sentence in report.missing] == ["2023-08-03 has no open interest"]
    # 34200000,211900,221200,201900,221200,20,241900,251900,228600,231800,66: closes and sizes of the first minute.
    found = columns(events, "bid", "ask", "bid_size", "ask_size")[0, 0]
    assert found.tolist() == [22.12, 23.18, 20.0, 66.0]


@pytest.mark.parametrize(
    ("ticker", "day", "said"),
    [
        ("AAPL", "2014-06-06", "2014-06-06 has no option quotes: .*20140606_quote_american.zip"),
        ("SPXW", "2021-01-05", "2021-01-05 has no underlying trades: .*20210105_trade.zip"),
    ],
)
def test_days_that_lack_what_is_needed_are_refused(
    lean: Path, tmp_path: Path, ticker: str, day: str, said: str
) -> None:
    with pytest.raises(BadLean, match=said):
        import_lean(lean, ticker, [date.fromisoformat(day)], tmp_path / "out.tape")
    assert list(tmp_path.iterdir()) == []
