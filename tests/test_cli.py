"""The command `scalp`: what each command says and writes when all is well."""

import json
import re
from decimal import Decimal
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from flows.entry import main
from operators.config import EngineSettings, ScalpConfig
from tests.commands import process, replayed, scalp, told
from tests.made_tapes import TUESDAY, at, signals_file

pytest_plugins = ("tests.databases", "tests.tape_fixtures")

SUMMARY = [
    *("book_id", "events", "history_events", "seconds", "signals", "refusals", "unfilled"),
    *("trades", "open_positions", "equity"),
    "records_sha256",
]
TRADE = {
    *("signal_id", "kind", "ticker", "symbol", "direction", "quantity", "multiplier", "entry_time", "entry_price"),
    *("exit_time", "exit_price", "exit_reason", "fees", "pnl", "pnl_pct", "conviction", "dte"),
}
MONEY = ("entry_price", "exit_price", "fees", "pnl")
UTC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('cli') / 'records.db'}"


@pytest.fixture(scope="module")
def summary(made_tape: Path, database: str) -> Any:
    return replayed(made_tape, database=database)


def test_the_console_script_is_this_entry_point() -> None:
    (script,) = entry_points(group="console_scripts", name="scalp")
    assert script.load() is main


def test_replay_prints_one_json_object_with_these_keys(summary: Any) -> None:
    assert list(summary) == SUMMARY


def test_every_trade_has_exactly_these_keys(summary: Any) -> None:
    assert [set(trade) for trade in summary["trades"]] == [TRADE] * 3


def test_money_is_text_of_exact_dollars(summary: Any) -> None:
    texts = [summary["equity"], *(trade[name] for trade in summary["trades"] for name in MONEY)]
    assert [text for text in texts if not re.fullmatch(r"-?\d+(\.\d+)?", text)] == []


def test_times_are_utc(summary: Any) -> None:
    times = [trade[name] for trade in summary["trades"] for name in ("entry_time", "exit_time")]
    assert [text for text in times if not UTC_TIME.fullmatch(text)] == []


def test_numbers_are_numbers(summary: Any) -> None:
    (trade, *_) = summary["trades"]
    kinds = {name: type(trade[name]) for name in ("quantity", "multiplier", "pnl_pct", "conviction")}
    assert kinds == {"quantity": int, "multiplier": int, "pnl_pct": float, "conviction": float}


def test_a_fund_has_no_days_to_expiry_and_multiplies_by_one(summary: Any) -> None:
    assert {(trade["kind"], trade["dte"], trade["multiplier"]) for trade in summary["trades"]} == {("etf", None, 1)}


def test_equity_is_the_start_and_every_profit(summary: Any) -> None:
    assert Decimal(summary["equity"]) == 100_000 + sum(Decimal(trade["pnl"]) for trade in summary["trades"])


def test_every_signal_of_this_tape_is_refused_or_traded(summary: Any) -> None:
    assert summary["signals"] == sum(summary["refusals"].values()) + len(summary["trades"])


def test_events_are_those_of_the_tape(summary: Any, made_tape: Path) -> None:
    """Four sessions of three tickers and 390 minutes are history: 4 x 3 x 390 = 4,680 bars."""
    assert summary["history_events"] == 4_680
    assert summary["events"] == 4_680 + 2 * 2 * 3 * 390  # two sessions of a bar and a quote a minute and ticker


def test_replay_tells_people_book_trades_and_refusals(made_tape: Path, database: str, summary: Any) -> None:
    said = scalp("replay", made_tape, "--mode", "leveraged_etf", "--database", database)
    assert said.code == 0
    assert summary["book_id"] in said.out
    assert summary["records_sha256"] in said.out
    assert "the ticker is not among scalp_tickers" in said.out
    assert all(trade["symbol"] in said.out for trade in summary["trades"])


def test_nothing_but_the_answer_is_said(made_tape: Path, database: str) -> None:
    assert scalp("replay", made_tape, "--mode", "leveraged_etf", "--database", database, "--json").err == ""


def test_options_mode_refuses_for_want_of_a_chain_and_buys_no_fund(made_tape: Path, database: str) -> None:
    answer = replayed(made_tape, database=database, mode="options")
    assert (answer["trades"], answer["equity"]) == ([], "100000.000000")
    assert answer["refusals"]["no_chain"] >= 1


def test_mode_both_is_the_default(made_tape: Path, database: str) -> None:
    given = replayed(made_tape, database=database, mode="both")
    assert told(scalp("replay", made_tape, "--database", database, "--json"))["book_id"] == given["book_id"]


def test_paper_is_the_source_of_fills_of_a_market(made_tape: Path, database: str, summary: Any) -> None:
    assert replayed(made_tape, "--fills", "paper", database=database)["book_id"] == summary["book_id"]


def test_a_setting_of_the_rules_is_obeyed(made_tape: Path, database: str, summary: Any) -> None:
    answer = replayed(made_tape, "--set", "min_conviction_to_scalp=100", database=database)
    assert answer["trades"] == []
    assert answer["refusals"]["conviction"] > summary["refusals"]["conviction"]


def test_a_setting_of_the_engine_is_obeyed(made_tape: Path, database: str) -> None:
    answer = replayed(made_tape, "--set", "start_equity_usd=50000", database=database)
    assert Decimal(answer["equity"]) == 50_000 + sum(Decimal(trade["pnl"]) for trade in answer["trades"])


def test_a_list_is_given_as_json(made_tape: Path, database: str) -> None:
    answer = replayed(made_tape, "--set", 'scalp_tickers=["SPY"]', database=database)
    assert answer["refusals"]["ticker"] == answer["signals"]


def test_a_rules_file_is_obeyed_and_a_single_value_wins(made_tape: Path, database: str, tmp_path: Path) -> None:
    file = tmp_path / "rules.toml"
    file.write_text("scalp_start_time = 15:00:00\nmin_conviction_to_scalp = 100\n")
    strict = replayed(made_tape, "--rules", file, database=database)
    assert strict["refusals"]["start_time"] >= 1
    assert strict["trades"] == []
    milder = replayed(
        made_tape, "--rules", file, "--set", "scalp_start_time=09:35", "--set", "min_conviction_to_scalp=50",
        database=database,
    )  # fmt: skip
    assert len(milder["trades"]) == 3


def test_outside_signals_are_added_to_own_ones(made_tape: Path, database: str, tmp_path: Path, summary: Any) -> None:
    """A signal for 11:00 is known at 11:00 and bought 200 ms later; 90 points are high conviction."""
    file = signals_file(tmp_path, f"QQQ,{at(TUESDAY, '10:00')},short,90")
    words = ("--signals", file, "--set", "require_macro_alignment=false")
    answer = replayed(made_tape, *words, database=database)
    (outside,) = (trade for trade in answer["trades"] if trade["conviction"] == 90)
    assert (outside["symbol"], outside["direction"]) == ("SQQQ", "short")
    assert outside["entry_time"].startswith(at(TUESDAY, "10:00")[:16])
    assert answer["signals"] == replayed(made_tape, *words[2:], database=database)["signals"] + 1


def test_the_database_of_the_environment_is_the_default(made_tape: Path, tmp_path: Path, summary: Any) -> None:
    words = ("replay", made_tape, "--mode", "leveraged_etf", "--json")
    said = process(*words, cwd=tmp_path, SCALP_DATABASE=f"sqlite:///{tmp_path / 'mine.db'}")
    assert json.loads(said.out)["records_sha256"] == summary["records_sha256"]
    assert [path.name for path in tmp_path.iterdir()] == ["mine.db"]


def test_without_any_it_is_a_file_in_the_working_directory(made_tape: Path, tmp_path: Path) -> None:
    said = process("replay", made_tape, cwd=tmp_path)
    assert said.code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["scalp.db"]


def test_rules_show_every_setting_with_value_and_meaning() -> None:
    said = scalp("rules", "--set", "max_gamma=0.2")
    names = [line.partition(" = ")[0] for line in said.out.splitlines()]
    assert names == [*ScalpConfig.model_fields, *EngineSettings.model_fields]
    (gamma,) = (line for line in said.out.splitlines() if line.startswith("max_gamma"))
    assert gamma.startswith("max_gamma = 0.2 ")
    assert "gamma" in gamma.partition(")")[2]


def test_a_replay_goes_to_postgresql_as_to_sqlite(made_tape: Path, postgres_url: str, summary: Any) -> None:
    assert replayed(made_tape, database=postgres_url)["trades"] == summary["trades"]


def test_every_command_has_help() -> None:
    for words in ((), ("replay",), ("rules",), ("export",), ("import", "bars"), ("tape", "info"), ("db", "upgrade")):
        said = scalp(*words, "--help")
        assert (said.code, said.err) == (0, "")
        assert " ".join(words) in said.out
        assert "Usage: " in said.out
