"""Trades and refusals on real bars equal those of an oracle that was written from the specification alone.

Few tickers were recorded beside their funds, so others stand in: TQQQ's bars are QQQ's, TNA's IWM's, FAS's XLF's.
The engine replaces an exit by cancelling and sending anew, the oracle in one message: a time may differ by 2.5 s.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

from flows.tape.bars import import_bars
from operators.config import ScalpConfig
from operators.records import EtfScalpRecord, Record, SignalRecord, VerdictRecord
from tests.oracle import signals as oracle
from tests.oracle.etf_trades import Refused, Signal, Trade, simulate
from tests.play import play, tape_events

# exchange_calendars, which the oracle asks for hours, still reads a column the way that pandas will end.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Series.values returning:DeprecationWarning"),
]
HISTORY = 4
CLOSE_ENOUGH_SECONDS = 2.5
QQQ = {"QQQ": "TQQQ", "TQQQ": "TQQQ", "SQQQ": "SQQQ"}
THREE = QQQ | {"IWM": "TNA", "TNA": "TNA", "TZA": "TZA", "XLF": "FAS", "FAS": "FAS", "FAZ": "SQQQ"}
LOOSE = {"require_macro_alignment": False, "min_conviction_to_scalp": 0}
TIGHT = LOOSE | {"etf_stop_loss_pct": 0.003, "etf_profit_target_pct": 0.004, "no_average_up": False}
EVERY = {
    "stop_loss",
    "cloud_flip",
    "profit_target",
    "exhaustion",
    "session_end",
    "no_test",
    "filled",
    "losing",
    "exit_due",
}
Key = tuple[str, datetime]


class Case(NamedTuple):
    """Which bars stand for which ticker, first and last day (not included), the settings, and what must occur."""

    bars: dict[str, str]
    tickers: tuple[str, ...]
    first: str
    end: str
    rules: dict[str, Any]
    least_trades: int
    occurs: set[str]


CASES = {
    "the real QQQ of August": Case(
        QQQ | {"QQQ": "QQQ"}, ("QQQ",), "2025-08-01", "2025-09", {}, 1, {"cloud_flip", "exhaustion"}
    ),
    "five months of one ticker": Case(QQQ, ("QQQ",), "2025-04", "2025-09", LOOSE, 100, EVERY),
    "three tickers with tight stops": Case(
        THREE,
        ("QQQ", "IWM", "XLF"),
        "2025-06",
        "2025-08",
        TIGHT | {"etf_max_concurrent_scalps": 2, "max_scalps_per_day": 6},
        100,
        {"stop_loss", "profit_target", "cloud_flip", "exhaustion"},
    ),
}


class Compared(NamedTuple):
    """What the engine did and what the oracle says, by signal ticker and bar close."""

    scalps: dict[Key, EtfScalpRecord]
    codes: dict[Key, set[str]]
    trades: dict[Key, Trade]
    refused: dict[Key, Refused]


def frames(case: Case, data: Path) -> dict[str, pd.DataFrame]:
    """The recorded rows of each ticker."""
    read = {name: pd.read_csv(data / "bars_1m_2025" / f"{source}.csv.gz") for name, source in case.bars.items()}
    return {name: rows[(rows.ts_utc >= case.first) & (rows.ts_utc < case.end)] for name, rows in read.items()}


def as_bars(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows as the oracle takes them."""
    bars = rows[["open", "high", "low", "close"]].assign(volume=rows.volume.astype(float))
    return bars.assign(start=pd.to_datetime(rows.ts_utc, utc=True)).reset_index(drop=True)


def engine(case: Case, rows: dict[str, pd.DataFrame], folder: Path) -> list[Record]:
    """The engine's records of the bars."""
    for name, row in rows.items():
        row.to_csv(folder / f"{name}.csv", index=False)
    files = [folder / f"{name}.csv" for name in rows]
    import_bars(files, folder / "bars.tape", ticker=None, history=HISTORY, overwrite=True)
    return play(tape_events(folder / "bars.tape"), ScalpConfig(scalp_tickers=case.tickers, **case.rules))


def oracle_signals(case: Case, bars: dict[str, pd.DataFrame]) -> Iterator[Signal]:
    """The oracle's own signals after the history."""
    days = sorted({day for frame in bars.values() for day in oracle.regular_bars(frame).session.unique()})
    first = pd.Timestamp(days[HISTORY]).date()
    for ticker in case.tickers:
        found = oracle.signals(bars[ticker], require_macro=case.rules.get("require_macro_alignment", True))
        for row in found.itertuples():
            if row.bar_close.tz_convert("America/New_York").date() >= first:
                yield Signal(ticker, row.bar_close, row.direction, row.conviction, row.macro)


def key(signal: Any) -> Key:
    """Ticker and bar close of a signal of either side."""
    return signal.ticker, pd.Timestamp(signal.bar_close).to_pydatetime()


@pytest.fixture(scope="module", params=CASES)
def compared(request: pytest.FixtureRequest, shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Compared:
    """A case, played by both."""
    case = CASES[request.param]
    rows = frames(case, shared_data)
    records = engine(case, rows, tmp_path_factory.mktemp("bars"))
    bars = {name: as_bars(row) for name, row in rows.items()}
    asked = sorted(oracle_signals(case, bars), key=lambda signal: (signal.bar_close, signal.ticker))
    fomc = pd.read_csv(shared_data / "fomc_dates.csv", dtype=str, keep_default_na=False)
    trades, refused = simulate(
        bars, asked, history_sessions=HISTORY, tickers=set(case.tickers), fomc=fomc, **case.rules
    )
    assert len(trades) >= case.least_trades
    assert case.occurs <= {trade.exit_reason for trade in trades} | {trade.second_half for trade in trades}
    keys = {
        record.signal_id: key(record)
        for record in records
        if isinstance(record, SignalRecord) and record.ticker in case.tickers
    }
    codes: dict[Key, set[str]] = {place: set() for place in keys.values()}
    for record in records:
        if isinstance(record, VerdictRecord) and not record.passed and record.signal_id in keys:
            codes[keys[record.signal_id]].add(record.code)
    scalps = {keys[record.signal_id]: record for record in records if isinstance(record, EtfScalpRecord)}
    by_signal = {(trade.signal_ticker, pd.Timestamp(trade.signal_time).to_pydatetime()): trade for trade in trades}
    return Compared(scalps, codes, by_signal, {key(one.signal): one for one in refused})


def second(trade: Trade) -> str:
    """The oracle's second half in the engine's words."""
    return {"unfilled": "sent", "undecided": "planned"}.get(trade.second_half, trade.second_half)


def test_the_same_signals_are_traded(compared: Compared) -> None:
    assert sorted(compared.scalps) == sorted(compared.trades)


def test_the_other_signals_are_refused_with_the_same_codes(compared: Compared) -> None:
    ours = {place: codes for place, codes in compared.codes.items() if codes}
    assert ours == {place: set(refused.codes) for place, refused in compared.refused.items()}


def test_the_trades_have_the_same_fund_shares_reason_and_second_half(compared: Compared) -> None:
    ours = {k: (s.ticker, s.shares, s.exit_reason, s.second_half) for k, s in compared.scalps.items()}
    theirs = {k: (t.symbol, t.quantity, t.exit_reason, second(t)) for k, t in compared.trades.items()}
    assert ours == theirs


def test_the_trades_have_the_same_profit_to_the_cent(compared: Compared) -> None:
    ours = {place: scalp.gross_pnl for place, scalp in compared.scalps.items() if scalp.status == "closed"}
    theirs = {
        place: trade.exit_proceeds - trade.entry_cost
        for place, trade in compared.trades.items()
        if trade.exit_time is not None
    }
    assert ours == theirs


def test_the_trades_begin_and_end_at_the_same_times(compared: Compared) -> None:
    for place, trade in compared.trades.items():
        scalp = compared.scalps[place]
        pairs = [(scalp.entry_time, trade.entry_time), (scalp.exit_time, trade.exit_time)]
        for ours, theirs in pairs:
            if ours is None or theirs is None:
                assert ours is theirs is None
            else:
                assert abs((pd.Timestamp(ours) - theirs).total_seconds()) <= CLOSE_ENOUGH_SECONDS, place
