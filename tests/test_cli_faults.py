"""What a person gets wrong: one line on stderr that says what to do, nothing on stdout, exit code 2, no traceback."""

import gc
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.commands import complaint, process, replayed, scalp
from tests.made_tapes import signals_file
from tests.tape_builders import bars, write

pytest_plugins = ("tests.databases", "tests.tape_fixtures")
NOBODY = "postgresql+psycopg://scalp:hunter2@127.0.0.1:1/scalp"


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'records.db'}"


def refusal(*words: object, url: str) -> str:
    """The line that a replay of these words is refused with."""
    return complaint(scalp("replay", *words, "--database", url))


def test_a_missing_tape_is_named(url: str, tmp_path: Path) -> None:
    assert "none.tape does not exist" in refusal(tmp_path / "none.tape", url=url)


def test_a_file_that_is_no_tape_is_named(url: str, tmp_path: Path) -> None:
    (tmp_path / "bars.csv").write_text("timestamp,open\n" * 20)
    assert "bars.csv is not a tape" in refusal(tmp_path / "bars.csv", url=url)


def test_a_folder_without_segments_is_no_tape(url: str, tmp_path: Path) -> None:
    assert "holds no segment" in refusal(tmp_path, url=url)


def test_a_tape_of_another_version_is_refused(url: str, tmp_path: Path) -> None:
    later = write(tmp_path / "later.tape", bars(3), version=2)
    assert "tape format 2" in refusal(later, url=url)


def test_a_tape_of_another_schema_is_refused(url: str, tmp_path: Path) -> None:
    other = write(tmp_path / "other.tape", bars(3), schema_hash="0" * 16)
    assert "other.tape" in refusal(other, url=url)


def test_an_unknown_setting_names_the_nearest(made_tape: Path, url: str) -> None:
    line = refusal(made_tape, "--set", "max_spred_pct=0.1", url=url)
    assert line == "max_spred_pct is no setting; did you mean max_spread_pct?"


def test_a_percent_where_a_fraction_is_meant_is_refused_with_unit_and_range(made_tape: Path, url: str) -> None:
    line = refusal(made_tape, "--set", "max_spread_pct=10", url=url)
    assert line.startswith("max_spread_pct = 10")
    assert "fraction" in line
    assert "at most 1" in line


def test_a_setting_without_value_is_refused(made_tape: Path, url: str) -> None:
    assert "expected name=value" in refusal(made_tape, "--set", "max_gamma", url=url)


def test_a_time_with_a_zone_is_refused_before_the_run(made_tape: Path, url: str) -> None:
    assert "scalp_start_time" in refusal(made_tape, "--set", "scalp_start_time=10:00Z", url=url)


def test_a_bad_rules_file_is_refused_with_its_line(made_tape: Path, url: str, tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text("min_volume = 7\na = = b\n")
    line = refusal(made_tape, "--rules", tmp_path / "rules.toml", url=url)
    assert "is no TOML" in line
    assert "line 2" in line


def test_a_missing_rules_file_is_named(made_tape: Path, url: str, tmp_path: Path) -> None:
    assert "none.toml does not exist" in refusal(made_tape, "--rules", tmp_path / "none.toml", url=url)


def test_rules_of_a_bad_setting_are_refused_too() -> None:
    assert "is no setting" in complaint(scalp("rules", "--set", "zzz=1"))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("QQQ,2025-04-07T15:00:00Z,bearish,60", "expected long or short"),
        ("QQQ,2025-04-07T15:00:00Z,short,101", "expected 0 to 100"),
        ("QQQ,2025-04-07,short,60", "expected ISO 8601"),
        ("QQQ,2025-04-07T15:00:00Z,short", "3 fields where 4 are expected"),
    ],
)
def test_a_bad_signal_is_refused_with_its_line(
    made_tape: Path, url: str, tmp_path: Path, row: str, reason: str
) -> None:
    line = refusal(made_tape, "--signals", signals_file(tmp_path, row), url=url)
    assert line.startswith("signals.csv line 2: ")
    assert reason in line


def test_signals_with_other_columns_are_refused_with_the_right_ones(made_tape: Path, url: str, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text("symbol,time\n")
    line = refusal(made_tape, "--signals", tmp_path / "s.csv", url=url)
    assert "ticker, bar_close_utc, direction, conviction" in line


def test_a_missing_signals_file_is_named(made_tape: Path, url: str, tmp_path: Path) -> None:
    assert "none.csv does not exist" in refusal(made_tape, "--signals", tmp_path / "none.csv", url=url)


def test_an_unknown_mode_is_refused_with_the_known_ones(made_tape: Path, url: str) -> None:
    line = refusal(made_tape, "--mode", "stocks", url=url)
    assert "stocks" in line
    assert "leveraged_etf" in line


@pytest.mark.parametrize("batch", ["-1", "0", "many"])
def test_a_batch_under_one_is_refused(made_tape: Path, url: str, batch: str) -> None:
    assert "--batch" in refusal(made_tape, "--batch", batch, url=url)


@pytest.mark.parametrize(
    "words",
    [("--fills", "recorded"), ("--nonsense",)],
    ids=["recorded fills of no engine", "unknown option"],
)
def test_an_unknown_word_is_refused_in_one_line(made_tape: Path, url: str, words: tuple[str, ...]) -> None:
    assert words[-1] in refusal(made_tape, *words, url=url)


@pytest.mark.parametrize(
    ("words", "named"),
    [(("replay",), "tape"), (("dance",), "dance"), (("export", "dreams", "--out", "x.csv"), "dreams")],
    ids=["no tape", "no such command", "no such records"],
)
def test_a_command_that_is_not_understood_is_refused_in_one_line(words: tuple[str, ...], named: str) -> None:
    assert named in complaint(scalp(*words)).lower()


@pytest.mark.parametrize("mode", ["both", "options"])
def test_market_orders_are_refused_where_options_may_trade(made_tape: Path, url: str, mode: str) -> None:
    line = refusal(made_tape, "--mode", mode, "--set", "entry_order_type=market", url=url)
    assert "limit orders only" in line
    assert "leveraged_etf" in line


def test_market_orders_are_allowed_for_funds_alone(made_tape: Path, url: str) -> None:
    assert len(replayed(made_tape, "--set", "entry_order_type=market", database=url)["trades"]) == 3


def test_a_locked_database_says_so(made_tape: Path, tmp_path: Path) -> None:
    file = tmp_path / "records.db"
    replayed(made_tape, database=f"sqlite:///{file}")
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    line = refusal(made_tape, url=f"sqlite:///{file}?timeout=0.01")
    holder.close()
    assert "is locked by another program" in line


def test_a_read_only_database_says_so(made_tape: Path, tmp_path: Path) -> None:
    file = tmp_path / "records.db"
    assert scalp("db", "upgrade", "--database", f"sqlite:///{file}").code == 0
    assert "cannot be written" in refusal(made_tape, url=f"sqlite:///file:{file}?mode=ro&uri=true")


def test_an_older_database_names_the_command_that_upgrades_it(made_tape: Path, database_url: str) -> None:
    assert scalp("db", "upgrade", "--database", database_url).code == 0
    engine = sa.create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '136'"))
    engine.dispose()
    line = refusal(made_tape, url=database_url)
    gc.collect()  # a connection that was left open is blamed on this test and not on a later one
    assert "is at 136" in line
    assert "scalp db upgrade --database" in line


def test_a_newer_database_asks_for_the_newer_program(made_tape: Path, database_url: str) -> None:
    assert scalp("db", "upgrade", "--database", database_url).code == 0
    engine = sa.create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '999'"))
    engine.dispose()
    line = refusal(made_tape, url=database_url)
    gc.collect()  # as above
    assert "install the newer program" in line


def test_an_unreachable_server_says_so_without_the_password(made_tape: Path) -> None:
    line = refusal(made_tape, url=NOBODY)
    assert "cannot be reached" in line
    assert "hunter2" not in line


def test_an_upgrade_of_an_unreachable_server_says_so() -> None:
    assert "cannot be reached" in complaint(scalp("db", "upgrade", "--database", NOBODY))


@pytest.mark.parametrize("address", ["mysql://localhost/x", "nonsense", "sqlite://", "sqlite:////no/such/folder/x.db"])
def test_an_address_that_cannot_be_a_database_is_refused(made_tape: Path, address: str) -> None:
    assert refusal(made_tape, url=address).startswith(("database ", "the database URL"))


def test_a_refused_replay_makes_no_database(made_tape: Path, tmp_path: Path) -> None:
    said = process("replay", made_tape, "--set", "max_spread_pct=10", cwd=tmp_path)
    assert "max_spread_pct" in complaint(said)
    assert list(tmp_path.iterdir()) == []
