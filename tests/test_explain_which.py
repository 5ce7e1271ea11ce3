"""Which signal `scalp explain` means, what it refuses, what `--json` holds, and that a whole replay can be told."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from flows.explain import decision
from flows.records.beginnings import find
from flows.records.database import open_database, reading
from flows.records.ledger import Attempt, Ledger
from flows.records.story import NoSignal, story
from flows.records.tables import signals
from operators.records import SignalRecord
from tests.commands import complaint, replayed, scalp, told
from tests.rows import NOON, closed, etf_scalp, fill, order, run, signal, verdict
from tests.stories import bought_put, candidate

pytest_plugins = ("tests.databases", "tests.tape_fixtures")
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def of_book(book_id: str, *signal_ids: str, **changes: Any) -> list[SignalRecord]:
    return [signal(name, book_id=book_id, **changes) for name in signal_ids]


@pytest.fixture
def books(engine: Engine, database_url: str) -> str:
    """Three books, of which b was attempted last, and a was attempted again before that."""
    rows = [*of_book("replay:a", "abcd1", "abcd2", "abce"), *of_book("replay:b", "abcd1", ticker="SPY")]
    Ledger(engine).write([*(run(book_id=f"replay:{name}") for name in "abc"), *rows, *of_book("replay:c", "abcd1")])
    for day, name in enumerate("acab"):
        Attempt(engine).begin(f"replay:{name}", 1, "program", at=LONG_AGO + timedelta(days=day))
    return database_url


def chosen(url: str, *words: str) -> tuple[str, str]:
    """Book and id of the signal that the command means."""
    told_of = told(scalp("explain", *words, "--database", url, "--json"))["signal"]
    return told_of["book_id"], told_of["signal_id"]


def refused(url: str, *words: str) -> str:
    return complaint(scalp("explain", *words, "--database", url))


def test_the_newest_book_that_has_the_signal_is_meant(books: str) -> None:
    assert chosen(books, "abcd1") == ("replay:b", "abcd1")


def test_a_newer_book_without_the_signal_is_passed_over(books: str) -> None:
    assert chosen(books, "abcd2") == ("replay:a", "abcd2")


def test_the_book_that_is_named_is_meant(books: str) -> None:
    assert chosen(books, "abcd1", "--book", "replay:c") == ("replay:c", "abcd1")


def test_four_characters_that_are_the_beginning_of_one_signal_are_enough(books: str) -> None:
    assert chosen(books, "abce") == ("replay:a", "abce")
    assert chosen(books, "abcd", "--book", "replay:c") == ("replay:c", "abcd1")


def test_a_beginning_of_two_signals_names_both(books: str) -> None:
    assert refused(books, "abcd") == (
        "abcd is the beginning of 2 signals: abcd1 SPY long 2026-01-05 12:00 New York; "
        "abcd2 QQQ long 2026-01-05 12:00 New York"
    )


def test_of_many_signals_ten_are_named_and_the_others_counted(engine: Engine) -> None:
    Ledger(engine).write(of_book("replay:a", *(f"abcd{n:02}" for n in range(12))))
    with pytest.raises(NoSignal) as caught:
        find(engine, "abcd")
    assert str(caught.value).startswith("abcd is the beginning of 12 signals: abcd00 QQQ")
    assert str(caught.value).endswith("abcd09 QQQ long 2026-01-05 12:00 New York; and 2 more")


def test_a_whole_id_is_meant_though_another_begins_with_it(engine: Engine) -> None:
    Ledger(engine).write(of_book("replay:a", "abcd", "abcd1"))
    assert find(engine, "abcd").signal_id == "abcd"


@pytest.mark.parametrize("beginning", ["", "a", "abc"])
def test_less_than_four_characters_are_too_few(books: str, beginning: str) -> None:
    assert refused(books, beginning) == f"{beginning!r} is too short: give the signal's id or its first 4 characters"


@pytest.mark.parametrize("beginning", ["abcf", "ABCD", "abc_", "abc%", "abcd11"])
def test_an_unknown_signal_is_refused(books: str, beginning: str) -> None:
    """Neither another case nor what SQL takes for any character is a match."""
    assert refused(books, beginning) == (
        f"the database has no signal {beginning}; `scalp export signals` lists those of a book"
    )


def test_a_signal_of_another_book_is_refused(books: str) -> None:
    assert refused(books, "abcd2", "--book", "replay:b").startswith("book replay:b has no signal abcd2;")


def test_an_unknown_book_is_refused(books: str) -> None:
    assert refused(books, "abcd1", "--book", "replay:z") == "the database has no book replay:z"


def test_a_story_of_an_unknown_signal_is_refused(engine: Engine) -> None:
    with pytest.raises(LookupError, match="book replay:a has no signal s1"):
        story(engine, "replay:a", "s1")


def test_a_database_that_is_not_there_is_named_and_not_made(tmp_path: Path) -> None:
    assert "there is no such file" in refused(f"sqlite:///{tmp_path / 'none.db'}", "abcd")
    assert list(tmp_path.iterdir()) == []


def test_an_older_database_names_the_command_that_upgrades_it(engine: Engine, database_url: str) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '136'"))
    assert "scalp db upgrade" in refused(database_url, "abcd")


@pytest.fixture
def whole(engine: Engine, database_url: str) -> Any:
    """The JSON of a fund trade with eleven candidates, beside another signal's rows."""
    own = [
        signal(decision="entered", leg="fund", volume_ratio=None),
        verdict(ordinal=2),
        verdict(ordinal=1, leg="fund", symbol="TQQQ"),
        *(candidate(n, leg="fund", symbol="TQQQ") for n in range(1, 12)),
        *(order("o2", sent_at=NOON + timedelta(minutes=1)), order("o1", state="filled", ended_at=NOON)),
        *(fill("e2", filled_at=NOON + timedelta(minutes=1)), fill("e1")),
        etf_scalp(**closed()),
    ]
    others = [signal("s2"), verdict("s2"), order("o3", signal_id="s2"), fill("e3", signal_id="s2")]
    Ledger(engine).write([run(), *own, *others, candidate(signal_id="s2"), bought_put(signal_id="s2")])
    return told(scalp("explain", "s1", "--database", database_url, "--json"))


def test_json_is_the_whole_story_and_nothing_of_another_signal(whole: Any) -> None:
    assert list(whole) == ["signal", "legs", "orders", "fills", "scalp"]
    assert [(leg["name"], leg["symbol"], len(leg["verdicts"])) for leg in whole["legs"]] == [
        ("option", None, 1),
        ("fund", "TQQQ", 1),
    ]
    assert len(whole["legs"][1]["candidates"]) == 11
    assert [row["client_order_id"] for row in whole["orders"]] == ["o1", "o2"]
    assert [row["execution_id"] for row in whole["fills"]] == ["e1", "e2"]


def test_json_has_money_as_text_times_in_utc_and_null_for_unknown(whole: Any) -> None:
    assert whole["signal"]["volume_ratio"] is None
    assert whole["orders"][0]["limit_price"] == "50.250000"
    assert whole["fills"][1]["filled_at"] == "2026-01-05T17:01:00.000000Z"
    money = {name: whole["scalp"][name] for name in ("entry_price", "exit_price", "pnl", "stop_loss")}
    assert money == {
        "entry_price": "50.250000",
        "exit_price": "51.250000",
        "pnl": "10.000000",
        "stop_loss": "49.245000",
    }


def test_json_of_an_option_has_its_contract(engine: Engine, database_url: str) -> None:
    Ledger(engine).write([run(), signal(leg="option"), bought_put()])
    held = told(scalp("explain", "s1", "--database", database_url, "--json"))["scalp"]
    assert (held["kind"], held["symbol"], held["expiry"]) == ("option", "SPY260105P00600000", "2026-01-05")
    assert (held["strike"], held["target_price"], held["leverage"]) == ("600.000000", "1.500000", None)


def test_every_signal_of_a_replay_can_be_told(made_tape: Path, sqlite_url: str) -> None:
    summary = replayed(made_tape, database=sqlite_url)
    engine = open_database(sqlite_url, create=False)
    with reading(engine) as connection:
        names = connection.execute(sa.select(signals.c.signal_id)).scalars().all()
    decisions = [decision(story(engine, summary["book_id"], name)) for name in names]
    engine.dispose()
    assert len(names) == summary["signals"]
    assert sum(text.startswith("refused, because ") for text in decisions) == sum(summary["refusals"].values())
    assert sum(text.endswith(" was bought") for text in decisions) == len(summary["trades"])


def test_explain_has_help() -> None:
    said = scalp("explain", "--help")
    assert (said.code, said.err) == (0, "")
    assert "Tell one signal's whole story" in said.out
