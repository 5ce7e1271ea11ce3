"""A recorded session of GOOG and its options of the next day, from files to records, judged by the raw rows."""

import csv
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, time
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa

from flows.records.database import open_database, reading
from flows.records.tables import metadata
from tests.commands import replayed, scalp
from tests.goog_rows import DAY, MINUTE, NEW_YORK, Bar, Quotes, bars_of_share, quotes_of_options, standing
from tests.made_tapes import signals_file

pytest_plugins = ("tests.databases",)
CENT = Decimal("0.01")
GOOG = '--set=scalp_tickers=["GOOG"]'
LIMITS = ("iv_rank_unknown=allow", "min_open_interest=0", "min_volume=0", "max_spread_pct=0.6", "limit_offset=0.5")
LOOSE = (GOOG, "--set=require_macro_alignment=false", *(f"--set={limit}" for limit in LIMITS))
CHOSEN = (
    "09:36 short, 09:45 short, 10:35 long, 11:10 short, 11:50 long, 12:10 short, 12:45 long, 13:00 short, 13:45 short,"
    "14:15 long, 14:45 short, 15:14 short"
)
"""Signals after each of which something was bought; five reasons end them."""
EVERY_FIVE = ",".join(f"{9 + m // 60}:{m % 60:02} {side}" for m, side in product(range(35, 415, 5), ("long", "short")))
Row = dict[str, str]


class Told(NamedTuple):
    """A replay: its summary, its scalps with their signal, and their orders and fills."""

    summary: Any
    orders: dict[str, list[Row]]
    fills: dict[str, list[Row]]

    @property
    def trades(self) -> list[Any]:
        trades: list[Any] = self.summary["trades"]
        return trades

    def ended_by(self, reason: str) -> Iterator[tuple[Any, datetime]]:
        """Trades that were left for this reason, and when their first exit order was sent."""
        for trade in self.trades:
            exits = [order for order in self.orders[trade["signal_id"]] if order["action"] == "exit"]
            if trade["exit_reason"] == reason:
                yield trade, min(map(sent, exits))


def sent(order: Row) -> datetime:
    return datetime.fromisoformat(order["sent_at"])


def rows_of(text: str) -> list[str]:
    """Signals written as `10:20 short`, as rows of a file."""
    found = []
    for one in text.split(","):
        clock, direction = one.split()
        at = datetime.combine(DAY, time.fromisoformat(f"{clock:0>5}"), NEW_YORK)
        found.append(f"GOOG,{at.isoformat()},{direction},80")
    return found


def by_signal(what: str, url: str, folder: Path) -> dict[str, list[Row]]:
    out, found = folder / f"{what}.csv", defaultdict(list)
    assert scalp("export", what, "--out", out, "--database", url).code == 0
    with out.open(newline="") as file:
        for row in csv.DictReader(file):
            found[row["signal_id"]].append(row)
    return found


def play(tape: Path, folder: Path, signals: str, *words: str) -> Told:
    url = f"sqlite:///{folder / 'records.db'}"
    given = ("--signals", signals_file(folder, *rows_of(signals))) if signals else ()
    summary = replayed(tape, *given, *words, database=url, mode="options")
    return Told(summary, by_signal("orders", url, folder), by_signal("fills", url, folder))


@pytest.fixture(scope="module")
def tape(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tape") / "goog.tape"
    said = scalp("import", "lean", shared_data / "lean", "--ticker", "GOOG", "--date", DAY, "--out", out)
    assert said.code == 0, said
    return out


@pytest.fixture(scope="module")
def told(tape: Path, tmp_path_factory: pytest.TempPathFactory) -> Told:
    return play(tape, tmp_path_factory.mktemp("told"), CHOSEN, *LOOSE)


def bought_at(trade: Any) -> Decimal:
    return Decimal(trade["entry_price"])


@pytest.fixture(scope="module")
def quotes(shared_data: Path) -> Quotes:
    return quotes_of_options(shared_data)


@pytest.fixture(scope="module")
def bars(shared_data: Path) -> dict[datetime, Bar]:
    return bars_of_share(shared_data)


@pytest.mark.parametrize("mode", ["options", "both"])
def test_with_default_limits_every_signal_is_refused_for_interest_or_volume(
    tape: Path, tmp_path: Path, mode: str
) -> None:
    url, signals = f"sqlite:///{tmp_path / 'records.db'}", signals_file(tmp_path, *rows_of(EVERY_FIVE))
    words = (GOOG, "--set=require_macro_alignment=false", "--signals", signals)
    summary = replayed(tape, *words, database=url, mode=mode)
    failed = {
        signal: {row["code"] for row in rows if (row["leg"], row["passed"]) == ("option", "false")}
        for signal, rows in by_signal("verdicts", url, tmp_path).items()
    }
    # 76 times two outside signals, and the four flips of the day that had the volume.
    assert (summary["signals"], len(failed), summary["trades"]) == (156, 156, [])
    assert [codes for codes in failed.values() if not codes & {"open_interest", "volume"}] == []


def test_loose_limits_trade_contracts_of_the_next_day(told: Told) -> None:
    assert len(told.trades) == CHOSEN.count(":") == 12
    assert {(trade["kind"], trade["dte"]) for trade in told.trades} == {("option", 1)}
    assert all(trade["symbol"].startswith("GOOG151224") for trade in told.trades)
    assert {(trade["direction"], trade["symbol"][10]) for trade in told.trades} == {("long", "C"), ("short", "P")}


def test_each_fill_is_at_the_opposite_price_of_the_quote_that_stood(told: Told, quotes: Quotes) -> None:
    fills = [fill for found in told.fills.values() for fill in found]
    for fill in fills:
        shown = standing(quotes[fill["symbol"]], datetime.fromisoformat(fill["filled_at"]))
        assert Decimal(fill["price"]) == (shown.ask if fill["side"] == "buy" else shown.bid), fill
    assert {fill["side"] for fill in fills} == {"buy", "sell"}


def test_no_fill_takes_more_than_a_minute_showed(told: Told, quotes: Quotes) -> None:
    taken: dict[tuple[str, str, datetime], int] = defaultdict(int)
    for fill in (fill for found in told.fills.values() for fill in found):
        minute = datetime.fromisoformat(fill["filled_at"]).replace(second=0, microsecond=0)
        taken[fill["symbol"], fill["side"], minute] += int(fill["quantity"])
    shown = {key: standing(quotes[key[0]], key[2]) for key in taken}
    sizes = {key: raw.ask_size if key[1] == "buy" else raw.bid_size for key, raw in shown.items()}
    assert {key: size for key, size in sizes.items() if taken[key] > size} == {}
    assert any(taken[key] == size for key, size in sizes.items())


def test_profit_is_move_times_contracts_times_100_less_fees(told: Told) -> None:
    for trade in told.trades:
        signed = [(1 if f["side"] == "sell" else -1, f) for f in told.fills[trade["signal_id"]]]
        gross = sum(sign * int(f["quantity"]) * 100 * Decimal(f["price"]) for sign, f in signed)
        # 0.65 a contract, bought and sold.
        fees = 2 * trade["quantity"] * Decimal("0.65")
        assert Decimal(trade["fees"]) == fees
        assert Decimal(trade["pnl"]) == gross - fees
        move = Decimal(trade["exit_price"]) - bought_at(trade)
        assert abs(move * trade["quantity"] * 100 - fees - Decimal(trade["pnl"])) < CENT


def test_equity_is_what_was_there_and_all_profits(told: Told) -> None:
    assert Decimal(told.summary["equity"]) == 100_000 + sum(Decimal(trade["pnl"]) for trade in told.trades)


def test_everything_is_sold_in_the_session(told: Told) -> None:
    assert told.summary["open_positions"] == []
    for trade in told.trades:
        held = [int(f["quantity"]) * (1 if f["side"] == "buy" else -1) for f in told.fills[trade["signal_id"]]]
        assert sum(held) == 0
        assert datetime.fromisoformat(trade["exit_time"]).astimezone(NEW_YORK).time() < time(15, 56)


def test_a_target_was_bid(told: Told, quotes: Quotes) -> None:
    found = [(standing(quotes[one["symbol"]], at).bid, bought_at(one)) for one, at in told.ended_by("profit_target")]
    assert len(found) == 4
    assert [pair for pair in found if pair[0] < Decimal("1.25") * pair[1]] == []


def test_a_stop_was_reached_by_the_middle(told: Told, quotes: Quotes) -> None:
    """A narrow quote is believed at once; without a bid it took the second minute that said so."""
    nobody = 0
    for trade, at in told.ended_by("stop_loss"):
        shown = [standing(quotes[trade["symbol"]], at - back * MINUTE) for back in (0, 1)]
        under = [(raw.bid + raw.ask) / 2 <= bought_at(trade) / 2 for raw in shown]
        assert under == [True, shown[0].bid == 0]
        nobody += shown[0].bid == 0
    assert (len(list(told.ended_by("stop_loss"))), nobody) == (2, 1)


def test_a_flip_turned_the_fast_cloud_against_the_trade(told: Told, bars: dict[datetime, Bar]) -> None:
    found = list(told.ended_by("cloud_flip"))
    for trade, at in found:
        before, after = bars[at - MINUTE].bullish, bars[at].bullish
        assert (before, after) == ((True, False) if trade["direction"] == "long" else (False, True)), trade
    assert len(found) == 4


def test_exhaustion_follows_three_bars_beyond_the_cloud_and_no_loss(
    told: Told, bars: dict[datetime, Bar], quotes: Quotes
) -> None:
    ((trade, at),) = told.ended_by("exhaustion")
    three = [bars[at - back * MINUTE] for back in range(3)]
    assert trade["direction"] == "long"
    assert all(bar.low > max(bar.short, bar.long) and bar.close > bar.opened for bar in three)
    assert standing(quotes[trade["symbol"]], at).bid >= bought_at(trade)


def test_what_is_left_at_15_30_is_sold_for_the_time(told: Told) -> None:
    ((_, at),) = told.ended_by("time_cutoff")
    assert at == datetime.combine(DAY, time(15, 30), NEW_YORK)


def test_no_trade_ends_for_another_reason(told: Told) -> None:
    told_of = {"profit_target", "stop_loss", "cloud_flip", "exhaustion", "time_cutoff"}
    assert {trade["exit_reason"] for trade in told.trades} == told_of


@pytest.mark.parametrize("batch", [1, 13, 1000])
def test_every_batch_size_and_database_gives_the_same_records(
    told: Told, tape: Path, tmp_path: Path, database_url: str, batch: int
) -> None:
    words = ("--signals", signals_file(tmp_path, *rows_of(CHOSEN)), *LOOSE, "--batch", batch)
    again = replayed(tape, *words, database=database_url, mode="options")
    assert again | {"seconds": 0} == told.summary | {"seconds": 0}


def rows_in(url: str) -> dict[str, int]:
    engine = open_database(url, create=False)
    with reading(engine) as connection:
        tables = metadata.tables.items()
        found = {n: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for n, table in tables}
    engine.dispose()
    return found


def test_replaying_again_adds_a_row_to_run_attempts_alone(tape: Path, tmp_path: Path, database_url: str) -> None:
    words = ("--signals", signals_file(tmp_path, *rows_of(CHOSEN)), *LOOSE)
    first = replayed(tape, *words, database=database_url, mode="options")
    before = rows_in(database_url)
    assert (before["options_scalps"], before["run_attempts"]) == (12, 1)
    again = replayed(tape, *words, database=database_url, mode="options")
    assert rows_in(database_url) == before | {"run_attempts": 2}
    assert again["records_sha256"] == first["records_sha256"]
