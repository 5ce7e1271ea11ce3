"""Recorded sessions of TWX, SPXW and SPY through the command: imported, and refused or traded with stated reasons."""

import csv
from collections import defaultdict
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from operators.codes import ExitReason, Refusal
from tests.commands import replayed, scalp
from tests.made_tapes import signals_file

NEW_YORK = ZoneInfo("America/New_York")
LOOSE = (
    "--set=require_macro_alignment=false",
    "--set=target_delta_min=0.01",
    "--set=target_delta_max=0.99",
    "--set=min_volume=0",
    "--set=min_open_interest=0",
    "--set=max_spread_pct=0.6",
)
MAY, MAY_NOT = "--set=index_options=true", "--set=index_options=false"
ONLY_SPX, BOTH_NAMES = '--set=scalp_tickers=["SPX"]', '--set=scalp_tickers=["SPY","SPX"]'


class Recorded(NamedTuple):
    """A recorded session; `asked` is what the import is told, `ticker` whose signals there are."""

    asked: str
    ticker: str
    day: date
    warned: str


RECORDED = (
    Recorded("TWX", "TWX", date(2014, 6, 5), "rows outside the session left out: 105 option quotes"),
    Recorded("SPXW", "SPX", date(2021, 1, 4), "2021-01-04 has no underlying quotes"),
    Recorded("SPY", "SPY", date(2023, 8, 3), "2023-08-03 has no open interest"),
)
SPX = RECORDED[1]


class Told(NamedTuple):
    """A replay's summary, and the codes that failed by signal."""

    summary: Any
    failed: dict[str, set[str]]


def signals(folder: Path, ticker: str, day: date) -> Path:
    """Both directions every five minutes from 09:35 to 15:55."""
    opened = datetime.combine(day, time(9, 30), NEW_YORK)
    times = [opened + timedelta(minutes=minute) for minute in range(5, 390, 5)]
    return signals_file(folder, *(f"{ticker},{at.isoformat()},{side},80" for at in times for side in ("long", "short")))


def played(tape: Path, folder: Path, of: tuple[str, date], *words: str, mode: str = "options") -> Told:
    url, out = f"sqlite:///{folder / 'records.db'}", folder / "verdicts.csv"
    failed: dict[str, set[str]] = defaultdict(set)
    summary = replayed(tape, "--signals", signals(folder, *of), *words, database=url, mode=mode)
    assert scalp("export", "verdicts", "--out", out, "--database", url).code == 0
    with out.open(newline="") as file:
        for row in csv.DictReader(file):
            failed[row["signal_id"]] |= {row["code"]} if row["passed"] == "false" else set()
    return Told(summary, failed)


@pytest.fixture(scope="module")
def tapes(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[Recorded, Path]:
    found = {}
    for recorded in RECORDED:
        out = tmp_path_factory.mktemp("tapes") / f"{recorded.asked}.tape"
        said = scalp("import", "lean", shared_data / "lean", "--ticker", recorded.asked,
                     "--date", recorded.day, "--out", out)  # fmt: skip
        assert said.code == 0, said
        assert recorded.warned in said.err
        found[recorded] = out
    return found


@pytest.fixture(scope="module")
def index(tapes: dict[Recorded, Path], tmp_path_factory: pytest.TempPathFactory) -> Told:
    """SPX with an account that may trade its options."""
    return played(tapes[SPX], tmp_path_factory.mktemp("index"), ("SPX", SPX.day), ONLY_SPX, MAY, *LOOSE)


@pytest.mark.parametrize("limits", [(), LOOSE], ids=["default", "loose"])
@pytest.mark.parametrize("mode", ["options", "both"])
@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: recorded.asked)
def test_a_recorded_day_is_traded_or_refused_with_reasons(
    tapes: dict[Recorded, Path], tmp_path: Path, recorded: Recorded, mode: str, limits: tuple[str, ...]
) -> None:
    words = (f'--set=scalp_tickers=["{recorded.ticker}"]', MAY, *limits)
    told = played(tapes[recorded], tmp_path, (recorded.ticker, recorded.day), *words, mode=mode)
    trades, refused = told.summary["trades"], told.summary["refusals"]
    entered = [signal for signal, codes in told.failed.items() if not codes]
    # 77 moments, two directions; own flips come on top.
    assert told.summary["signals"] == len(told.failed) >= 154
    assert sum(refused.values()) == told.summary["signals"] - len(entered)
    assert set(refused) <= set(Refusal)
    # An entry that nobody filled in time is no trade.
    assert {trade["signal_id"] for trade in trades} <= set(entered)
    assert {trade["exit_reason"] for trade in trades} <= set(ExitReason)
    assert told.summary["open_positions"] == []


@pytest.mark.parametrize("recorded", [RECORDED[0], RECORDED[2]], ids=["TWX", "SPY"])
def test_a_chain_without_a_near_expiry_is_no_chain(
    tapes: dict[Recorded, Path], tmp_path: Path, recorded: Recorded
) -> None:
    """TWX lists 2014-06-21 first and SPY 2023-09-01: 11 and 20 sessions away."""
    words = (f'--set=scalp_tickers=["{recorded.ticker}"]', *LOOSE)
    told = played(tapes[recorded], tmp_path, (recorded.ticker, recorded.day), *words)
    assert told.summary["trades"] == []
    assert all("no_chain" in codes for codes in told.failed.values())


def test_the_index_buys_contracts_that_expire_at_the_sessions_close(index: Told) -> None:
    trades = index.summary["trades"]
    assert len(trades) >= 5
    assert {(trade["ticker"], trade["kind"], trade["dte"]) for trade in trades} == {("SPX", "option", 0)}
    sides = {(trade["direction"], trade["symbol"][:11]) for trade in trades}
    assert sides == {("long", "SPXW210104C"), ("short", "SPXW210104P")}


def test_the_index_is_out_of_everything_by_the_cut_off_of_the_day(index: Told) -> None:
    ends = [datetime.fromisoformat(trade["exit_time"]).astimezone(NEW_YORK) for trade in index.summary["trades"]]
    assert max(ends).time() < time(14, 1)


def test_the_prices_of_the_index_options_are_in_their_steps(index: Told) -> None:
    """A nickel under 3.00, a dime from there; an average of several fills is between them."""
    whole = [trade for trade in index.summary["trades"] if trade["quantity"] == 1]
    prices = [Decimal(trade[name]) for trade in whole for name in ("entry_price", "exit_price")]
    assert prices
    assert [price for price in prices if price % (Decimal("0.05") if price < 3 else Decimal("0.10"))] == []


def test_an_account_without_index_options_refuses_every_signal_for_permission(
    tapes: dict[Recorded, Path], tmp_path: Path, index: Told
) -> None:
    told = played(tapes[SPX], tmp_path, ("SPX", SPX.day), ONLY_SPX, MAY_NOT, *LOOSE)
    assert told.summary["trades"] == []
    assert told.failed.keys() == index.failed.keys()
    assert all("permission" in codes for codes in told.failed.values())


@pytest.mark.parametrize(("account", "bought"), [(MAY, {"SPXW21"}), (MAY_NOT, set())], ids=["may", "may not"])
def test_signals_of_spy_buy_the_index_where_the_account_may(
    tapes: dict[Recorded, Path], tmp_path: Path, account: str, bought: set[str]
) -> None:
    told = played(tapes[SPX], tmp_path, ("SPY", SPX.day), BOTH_NAMES, account, *LOOSE)
    assert {trade["symbol"][:6] for trade in told.summary["trades"]} == bought
    assert ("no_chain" in told.summary["refusals"]) == (account == MAY_NOT)
