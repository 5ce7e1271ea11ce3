"""Faults around a replay: exports, imports and tapes that cannot be; one line on stderr, exit code 2, nothing left."""

from pathlib import Path

import pytest

from tests.commands import MAIN, complaint, process, replayed, scalp
from tests.made_tapes import MONDAY, bar_files

pytest_plugins = ("tests.tape_fixtures",)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'records.db'}"


def test_an_export_of_another_suffix_is_refused(made_tape: Path, url: str, tmp_path: Path) -> None:
    replayed(made_tape, database=url)
    line = complaint(scalp("export", "fills", "--out", tmp_path / "fills.xlsx", "--database", url))
    assert ".csv or .parquet" in line


def test_an_export_of_a_database_without_a_run_says_what_to_do(url: str, tmp_path: Path) -> None:
    assert scalp("db", "upgrade", "--database", url).code == 0
    line = complaint(scalp("export", "fills", "--out", tmp_path / "fills.csv", "--database", url))
    assert "replay a tape first" in line
    assert not (tmp_path / "fills.csv").exists()


def test_an_export_of_a_missing_database_makes_none(url: str, tmp_path: Path) -> None:
    line = complaint(scalp("export", "fills", "--out", tmp_path / "fills.csv", "--database", url))
    assert "there is no such file" in line
    assert list(tmp_path.iterdir()) == []


def test_an_export_of_a_book_that_is_not_there_is_refused(made_tape: Path, url: str, tmp_path: Path) -> None:
    """A slip of the pen would otherwise look like a book without trades."""
    replayed(made_tape, database=url)
    words = ("--out", tmp_path / "fills.csv", "--database", url, "--book", "replay:0")
    assert "replay:0" in complaint(scalp("export", "fills", *words))


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--zone", "Mars/Phobos"), "Mars/Phobos"),
        (("--history", "-1"), "history"),
        (("--stamp", "middle"), "middle"),
        (("--ticker", "not a ticker"), "not a ticker"),
    ],
)
def test_an_option_of_an_import_that_cannot_be_is_refused(tmp_path: Path, words: tuple[str, str], named: str) -> None:
    files = bar_files(tmp_path, (MONDAY,), ("QQQ",))
    assert named in complaint(scalp("import", "bars", *files, "--out", tmp_path / "new.tape", *words))
    assert not (tmp_path / "new.tape").exists()


def test_one_ticker_for_two_files_is_refused(tmp_path: Path) -> None:
    files = bar_files(tmp_path, (MONDAY,), ("QQQ", "TQQQ"))
    said = scalp("import", "bars", *files, "--out", tmp_path / "new.tape", "--ticker", "QQQ")
    assert "--ticker QQQ" in complaint(said)


def test_a_tape_over_its_own_bars_is_refused(tmp_path: Path) -> None:
    (file,) = bar_files(tmp_path, (MONDAY,), ("QQQ",))
    before = file.read_bytes()
    assert "choose another name" in complaint(scalp("import", "bars", file, "--out", file, "--overwrite"))
    assert file.read_bytes() == before


def test_missing_bars_are_named(tmp_path: Path) -> None:
    said = scalp("import", "bars", tmp_path / "none.csv", "--out", tmp_path / "new.tape")
    assert "none.csv does not exist" in complaint(said)


@pytest.mark.parametrize(
    "words",
    [("run", "--state", "state"), ("record", "--state", "state"), ("generate", "--seed", "1", "--out", "made.tape")],
)
def test_a_start_without_room_on_the_disk_is_told(tmp_path: Path, words: tuple[str, ...]) -> None:
    no_room = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); "
    said = process(*words, cwd=tmp_path, code=no_room + MAIN)
    assert complaint(said) == "[Errno 27] File too large: make room, or name another place"


@pytest.mark.parametrize("command", ["info", "verify"])
def test_a_look_into_a_missing_tape_is_refused(tmp_path: Path, command: str) -> None:
    assert "none.tape does not exist" in complaint(scalp("tape", command, tmp_path / "none.tape"))


def test_verify_finds_one_changed_bit(made_tape: Path, tmp_path: Path) -> None:
    path, data = tmp_path / "corrupt.tape", bytearray(made_tape.read_bytes())
    data[len(data) // 3] ^= 4
    path.write_bytes(data)
    assert "corrupt at byte" in complaint(scalp("tape", "verify", path))


def test_verify_warns_of_a_torn_tail(made_tape: Path, tmp_path: Path) -> None:
    path = tmp_path / "torn.tape"
    path.write_bytes(made_tape.read_bytes()[:100_000])
    said = scalp("tape", "verify", path)
    assert said.code == 0
    assert said.err.startswith("scalp: warning: ")
    assert "unfinished write at byte" in said.err
