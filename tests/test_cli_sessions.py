"""Real sessions through the command: what is bought, when it is left, and that New York's clock is kept all year."""

import csv
from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from tests.commands import replayed, scalp
from tests.cuts import cut
from tests.made_tapes import signals_file

NEW_YORK = ZoneInfo("America/New_York")
ANY_BIAS = ("--set", "require_macro_alignment=false")
UNTIL_THE_END = ("--set", "min_minutes_to_exit=0")
NO_OWN = ("--set", "volume_ratio_min=100")
WIDE_STOPS = ("--set", "limit_offset=1", *(f"--set=etf_{name}_pct=0.1" for name in ("stop_loss", "profit_target")))
AUGUST = [date(2025, 8, day) for day in (7, 8, 11, 12, 13, 14, 15, 18, 19, 20, 21, 22, 25)]
CENT = Decimal("0.01")


class Told(NamedTuple):
    """A replay's summary and its orders."""

    summary: Any
    orders: list[dict[str, str]]

    @property
    def trades(self) -> list[dict[str, Any]]:
        trades: list[dict[str, Any]] = self.summary["trades"]
        return trades


def recorded(shared_data: Path, folder: Path, tickers: Iterable[str], first: str, end: str) -> Path:
    """A tape of the bars of 2025 between two dates, the first four sessions history."""
    year = shared_data / "bars_1m_2025"
    files = [cut(year / f"{ticker}.csv.gz", folder / f"{ticker}.csv", first, end) for ticker in tickers]
    return tape_of(files, folder)


def tape_of(files: Iterable[Path], folder: Path) -> Path:
    said = scalp("import", "bars", *files, "--out", folder / "bars.tape")
    assert said.code == 0, said
    return folder / "bars.tape"


def rows(ticker: str, days: Iterable[date], clock: str, direction: str = "short", conviction: int = 90) -> list[str]:
    """Outside signals at a New York time of each day."""
    at = [datetime.combine(day, time.fromisoformat(clock), NEW_YORK) for day in days]
    return [f"{ticker},{moment.isoformat()},{direction},{conviction}" for moment in at]


def played(tape: Path, folder: Path, *words: object, signals: Iterable[str] = ()) -> Told:
    url, out = f"sqlite:///{folder / 'records.db'}", folder / "orders.csv"
    given = ("--signals", signals_file(folder, *signals)) if signals else ()
    summary = replayed(tape, *given, *words, database=url)
    assert scalp("export", "orders", "--out", out, "--database", url).code == 0
    with out.open(newline="") as file:
        return Told(summary, list(csv.DictReader(file)))


def new_york(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(NEW_YORK)


def exits(told: Told) -> list[datetime]:
    """When the first exit order of each scalp was sent, in New York."""
    first = [order for order in told.orders if (order["action"], order["attempt"]) == ("exit", "1")]
    return sorted(new_york(order["sent_at"]) for order in first)


def refused_at(told: Told, code: str) -> int:
    count: int = told.summary["refusals"].get(code, 0)
    return count


@pytest.fixture(scope="module")
def august(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """QQQ (from 8 August, 12:25), TQQQ and SQQQ of August 2025."""
    folder = tmp_path_factory.mktemp("august")
    return recorded(shared_data, folder, ("QQQ", "TQQQ", "SQQQ"), "2025-08-01", "2025-09-01")


@pytest.fixture(scope="module")
def own(august: Path, tmp_path_factory: pytest.TempPathFactory) -> Told:
    return played(august, tmp_path_factory.mktemp("own"))


@pytest.fixture(scope="module")
def late(august: Path, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """A bearish signal at 15:53 of every session: little but the session's end can end it."""
    words = (*ANY_BIAS, *UNTIL_THE_END, *NO_OWN)
    return played(august, tmp_path_factory.mktemp("late"), *words, signals=rows("QQQ", AUGUST, "15:53"))


def test_own_signals_of_qqq_trade_its_funds(own: Told) -> None:
    assert {trade["ticker"] for trade in own.trades} == {"QQQ"}
    assert {(trade["direction"], trade["symbol"]) for trade in own.trades} == {("long", "TQQQ"), ("short", "SQQQ")}


def test_signals_of_the_funds_themselves_are_recorded_and_refused(own: Told) -> None:
    assert refused_at(own, "ticker") > 0


def test_a_bearish_signal_buys_the_inverse_fund(late: Told) -> None:
    assert {(trade["symbol"], trade["direction"]) for trade in late.trades} == {("SQQQ", "short")}
    assert [new_york(trade["entry_time"]).date() for trade in late.trades] == AUGUST


def test_nothing_is_sold_that_was_not_bought(late: Told) -> None:
    """Every trade begins with a purchase: no symbol is ever sold short."""
    held: dict[str, int] = {}
    for order in sorted(late.orders, key=lambda order: (order["sent_at"], order["side"])):
        sign = 1 if order["side"] == "buy" else -1
        held[order["symbol"]] = held.get(order["symbol"], 0) + sign * int(order["filled_quantity"])
        assert held[order["symbol"]] >= 0
    assert set(held.values()) == {0}


@pytest.mark.parametrize("which", ["own", "late"])
def test_profit_is_move_times_quantity_less_fees_to_the_cent(which: str, request: pytest.FixtureRequest) -> None:
    trades = request.getfixturevalue(which).trades
    for trade in trades:
        move = Decimal(trade["exit_price"]) - Decimal(trade["entry_price"])
        expected = move * trade["quantity"] * trade["multiplier"] - Decimal(trade["fees"])
        assert abs(Decimal(trade["pnl"]) - expected) < CENT
    assert trades


def test_profit_in_percent_is_of_what_was_paid(own: Told) -> None:
    for trade in own.trades:
        paid = Decimal(trade["entry_price"]) * trade["quantity"]
        assert trade["pnl_pct"] == pytest.approx(float(Decimal(trade["pnl"]) / paid), rel=1e-4)


def test_what_is_left_at_the_end_is_sold_five_minutes_before_the_close(late: Told) -> None:
    assert exits(late) == [datetime(day.year, day.month, day.day, 15, 55, tzinfo=NEW_YORK) for day in AUGUST]


def test_the_sessions_end_is_the_reason_unless_a_higher_one_takes_over(late: Told) -> None:
    """On 18 August the bar that closes at 15:55 flips the cloud against the exit that is already working."""
    others = {trade["entry_time"][:10]: trade["exit_reason"] for trade in late.trades}
    assert {day: reason for day, reason in others.items() if reason != "session_end"} == {"2025-08-18": "cloud_flip"}


def test_everything_is_flat_one_minute_later(late: Told) -> None:
    last = max(new_york(trade["exit_time"]).time() for trade in late.trades)
    assert time(15, 55) <= last < time(15, 56)
    assert late.summary["open_positions"] == []


def test_without_leave_no_signal_of_the_last_minutes_is_bought(august: Path, tmp_path: Path) -> None:
    """15:40 is known a moment after 15:40, so that less than 15 minutes are left to 15:55."""
    told = played(august, tmp_path, *ANY_BIAS, signals=rows("QQQ", AUGUST, "15:40"))
    assert [trade for trade in told.trades if trade["conviction"] == 90] == []


@pytest.fixture(scope="module")
def third_of_july(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """TQQQ and SQQQ up to the half day 2025-07-03, which closes at 13:00."""
    folder = tmp_path_factory.mktemp("july")
    return recorded(shared_data, folder, ("TQQQ", "SQQQ"), "2025-06-26", "2025-07-04")


def test_on_a_half_day_what_is_held_is_sold_at_12_55(third_of_july: Path, tmp_path: Path) -> None:
    half = [date(2025, 7, 3)]
    told = played(third_of_july, tmp_path, *ANY_BIAS, *UNTIL_THE_END, signals=rows("QQQ", half, "12:30"))
    assert exits(told) == [datetime(2025, 7, 3, 12, 55, tzinfo=NEW_YORK)]
    (trade,) = told.trades
    assert new_york(trade["exit_time"]).time() < time(12, 56)


@pytest.mark.parametrize(("clock", "bought"), [("12:39", 1), ("12:40", 0), ("12:50", 0), ("14:00", 0)])
def test_on_a_half_day_entries_end_fifteen_minutes_before_that(
    third_of_july: Path, tmp_path: Path, clock: str, bought: int
) -> None:
    told = played(third_of_july, tmp_path, *ANY_BIAS, signals=rows("QQQ", [date(2025, 7, 3)], clock))
    assert len(told.trades) == bought


FOMC = date(2025, 7, 30)


@pytest.fixture(scope="module")
def fomc(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """TQQQ and SQQQ up to 2025-07-30, the day of a statement with a press conference."""
    folder = tmp_path_factory.mktemp("fomc")
    return recorded(shared_data, folder, ("TQQQ", "SQQQ"), "2025-07-24", "2025-07-31")


def test_before_a_statement_what_is_held_is_sold_at_13_55(fomc: Path, tmp_path: Path) -> None:
    told = played(fomc, tmp_path, *ANY_BIAS, signals=rows("QQQ", [FOMC], "13:20"))
    (trade,) = told.trades
    assert trade["exit_reason"] == "event"
    assert exits(told) == [datetime(2025, 7, 30, 13, 55, tzinfo=NEW_YORK)]
    assert new_york(trade["exit_time"]).time() < time(13, 56)


@pytest.mark.parametrize(
    ("clock", "bought"), [("13:29", 1), ("13:30", 0), ("13:59", 0), ("14:30", 0), ("15:14", 0), ("15:15", 1)]
)
def test_around_a_statement_nothing_is_bought(fomc: Path, tmp_path: Path, clock: str, bought: int) -> None:
    told = played(fomc, tmp_path, *ANY_BIAS, signals=rows("QQQ", [FOMC], clock))
    assert (len(told.trades), refused_at(told, "fomc")) == (bought, 1 - bought)


def test_a_position_may_be_held_through_a_statement_when_told(fomc: Path, tmp_path: Path) -> None:
    words = (*ANY_BIAS, *WIDE_STOPS, "--set", "fomc_flatten=false")
    told = played(fomc, tmp_path, *words, signals=rows("QQQ", [FOMC], "13:20"))
    (trade,) = told.trades
    assert trade["exit_reason"] == "session_end"


AUTUMN = ("bars_1m_spy_2024/SPY_1m.csv.gz", "2024-10-28", "2024-11-05", (date(2024, 11, 1), date(2024, 11, 4)), 73)
EXT = "bars_1m_ext/SPY_2024-02-20_2024-03-28.csv.gz"
SPRING = (EXT, "2024-03-04", "2024-03-12", (date(2024, 3, 8), date(2024, 3, 11)), 71)


@pytest.mark.parametrize(("file", "first", "end", "days", "hours"), [AUTUMN, SPRING], ids=["autumn", "spring"])
def test_the_weekend_that_changes_the_clock_keeps_new_yorks_time(
    shared_data: Path, tmp_path: Path, file: str, first: str, end: str, days: tuple[date, date], hours: int
) -> None:
    """From Friday to Monday the same New York time is 72 hours later, one more in autumn and one less in spring.

    No bars of SPXL and SPXS are recorded, so SPY's own stand in for both: times matter here, profits do not.
    """
    names = ("SPY", "SPXL", "SPXS")
    tape = tape_of([cut(shared_data / file, tmp_path / f"{name}.csv", first, end) for name in names], tmp_path)
    signals = [row for clock in ("09:34", "09:35", "15:53") for row in rows("SPY", days, clock)]
    told = played(tape, tmp_path, *ANY_BIAS, *UNTIL_THE_END, *NO_OWN, *WIDE_STOPS, signals=signals)
    ends = [moment for moment in exits(told) if moment.time() == time(15, 55)]
    assert [moment.date() for moment in ends] == list(days)
    assert (ends[1].timestamp() - ends[0].timestamp()) / 3600 == hours
    entered = [new_york(trade["entry_time"]) for trade in told.trades]
    assert {moment.time().replace(microsecond=0) for moment in entered} == {time(9, 35), time(15, 53)}
    assert refused_at(told, "start_time") == 2
