"""Tapes of history beside a tape of the market: where their events stand, and that the market trades as before."""

from collections.abc import Iterator
from itertools import islice, permutations
from pathlib import Path
from typing import Any

import pytest

from flows.runs import Options, prepare
from flows.tape.bars import import_bars
from flows.tape.reader import Tape
from flows.tape.signals_file import OutsideRow, merge
from operators.events import MINUTE_NS, AnyEvent, AtmIv, Bar, OutsideSignal, Quote
from tests.commands import complaint, replayed, scalp
from tests.made_tapes import MONDAY, bar_files, tape
from tests.tape_builders import closing_start

pytest_plugins = ("tests.tape_fixtures",)
T0 = 1_743_514_500_000_000_000
"""2025-04-01 13:35 UTC."""
# The made tape runs from Tuesday 2025-04-01 to Tuesday 2025-04-08: a row before, one among its events, one after.
IV_ROWS = ("2025-03-31,QQQ,0.21", "2025-04-07,QQQ,0.35", "2025-04-09,QQQ,0.4")
DIVIDEND_ROWS = ("QQQ,2025-06-23,0.59,2025-04-07",)


def quote(seq: int, at_ns: int) -> Quote:
    return Quote(seq, at_ns, at_ns, "QQQ", 1.0, 1.01)


def iv(at_ns: int, ticker: str = "QQQ") -> AtmIv:
    return AtmIv(1, at_ns, at_ns, ticker, 0.25)


def minutes(number: int) -> Iterator[AnyEvent]:
    """A quote a minute from T0 on."""
    return (quote(minute + 1, T0 + minute * MINUTE_NS) for minute in range(number))


def places(events: Iterator[AnyEvent]) -> list[tuple[str, int]]:
    """Kind and nanoseconds after T0 of each event."""
    return [(type(event).__name__, event.at_ns - T0) for event in events]


def imported(folder: Path, kind: str, heading: str, *rows: str, name: str = "") -> Path:
    """A tape of history made by the command."""
    folder.mkdir(exist_ok=True)
    file, out = folder / f"{name or kind}.csv", folder / f"{name or kind}.tape"
    file.write_text("\n".join((heading, *rows)) + "\n")
    assert scalp("import", kind, file, "--out", out).code == 0
    return out


def iv_tape(folder: Path, *rows: str, name: str = "iv") -> Path:
    return imported(folder, "iv", "date,ticker,iv", *rows, name=name)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Three IVs and a dividend."""
    folder = tmp_path_factory.mktemp("history")
    return (
        iv_tape(folder, *IV_ROWS),
        imported(folder, "dividends", "ticker,ex_date,amount,declared", *DIVIDEND_ROWS),
    )


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('beside') / 'records.db'}"


@pytest.fixture(scope="module")
def alone(made_tape: Path, database: str) -> Any:
    return replayed(made_tape, database=database)


@pytest.fixture(scope="module")
def beside(made_tape: Path, history: tuple[Path, Path], database: str) -> Any:
    return replayed(*history, made_tape, database=database)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'records.db'}"


def started_ns(paths: tuple[Path, ...], url: str) -> int:
    """When the run of these tapes begins."""
    run, _ = prepare(paths, Options(mode="leveraged_etf", database=url))
    run.engine.dispose()
    return run.started.at_ns


def test_history_stands_where_it_was_known() -> None:
    found = places(merge(minutes(2), [], [[iv(T0 - 5), iv(T0 + 7), iv(T0 + 2 * MINUTE_NS)]]))
    assert found == [
        ("AtmIv", -5), ("Quote", 0), ("AtmIv", 7), ("Quote", MINUTE_NS), ("AtmIv", 2 * MINUTE_NS),
    ]  # fmt: skip


def test_of_the_same_time_history_comes_first_in_the_order_of_its_streams() -> None:
    events = list(merge(minutes(2), [], [[iv(T0, "A")], [iv(T0, "B"), iv(T0 + 1, "C")]]))
    # A, B and the quote are of T0 and take T0, T0 + 1 and T0 + 2; C of T0 + 1 follows, the next minute is not moved.
    assert places(iter(events)) == [("AtmIv", 0), ("AtmIv", 1), ("Quote", 2), ("AtmIv", 3), ("Quote", MINUTE_NS)]
    assert [event.ticker for event in events if isinstance(event, AtmIv)] == ["A", "B", "C"]


def test_all_are_numbered_from_1_and_keep_when_they_happened() -> None:
    events = list(merge(minutes(2), [], [[iv(T0)]]))
    assert [(event.seq, event.event_ns - T0) for event in events] == [(1, 0), (2, 0), (3, MINUTE_NS)]


def test_a_signal_stands_among_the_same_events_with_and_without_history() -> None:
    signal = OutsideRow("QQQ", T0, "long", 70.0)
    bar = Bar(2, T0 + 1, T0, "QQQ", 1.0, 1.0, 1.0, 1.0, 1.0)
    # The IV is known as the bar is and happened after it: it goes first, but the signal still waits for its bar.
    events = list(merge([quote(1, T0), bar, quote(3, T0 + MINUTE_NS)], [signal], [[iv(T0 + 1)]]))
    assert [type(event) for event in events] == [Quote, AtmIv, Bar, OutsideSignal, Quote]


def test_no_more_than_one_event_of_a_stream_is_held() -> None:
    read: list[int] = []

    def watched() -> Iterator[AnyEvent]:
        for event in minutes(1000):
            read.append(event.seq)
            yield event

    streams = [(iv(T0 + minute * MINUTE_NS + 1) for minute in range(1000))]
    assert len(list(islice(merge(watched(), [], streams), 20))) == 20
    # Of 20 events half are quotes; one more may wait.
    assert len(read) in (10, 11)


def test_the_market_trades_as_without_history(alone: Any, beside: Any) -> None:
    names = ("signals", "refusals", "trades", "open_positions", "equity")
    assert {name: beside[name] for name in names} == {name: alone[name] for name in names}
    assert len(beside["trades"]) == 3


def test_history_is_counted_as_such(alone: Any, beside: Any) -> None:
    assert beside["events"] - alone["events"] == beside["history_events"] - alone["history_events"] == 4


def test_history_makes_another_book(alone: Any, beside: Any) -> None:
    assert beside["book_id"] != alone["book_id"]


def test_the_order_in_which_tapes_are_named_is_nothing(
    made_tape: Path, history: tuple[Path, Path], database: str, beside: Any
) -> None:
    for paths in permutations((*history, made_tape)):
        again = replayed(*paths, database=database)
        assert (again["book_id"], again["records_sha256"]) == (beside["book_id"], beside["records_sha256"])


def test_of_histories_that_begin_together_the_order_is_nothing(made_tape: Path, tmp_path: Path, url: str) -> None:
    tapes = [iv_tape(tmp_path, f"2025-04-07,{ticker},0.3", name=ticker) for ticker in ("AMD", "QQQ", "SPY")]
    books = {replayed(*paths, made_tape, database=url)["book_id"] for paths in permutations(tapes)}
    assert len(books) == 1


def test_the_batch_is_nothing(made_tape: Path, history: tuple[Path, Path], database: str, beside: Any) -> None:
    again = replayed(*history, made_tape, "--batch", 7, database=database)
    assert (again["events"], again["records_sha256"]) == (beside["events"], beside["records_sha256"])


def test_a_run_begins_a_nanosecond_before_its_first_history(
    made_tape: Path, history: tuple[Path, Path], url: str
) -> None:
    assert started_ns((made_tape, *history), url) == (Tape(history[0]).info().first_at_ns or 0) - 1


def test_a_run_begins_a_nanosecond_before_a_market_that_is_first(made_tape: Path, tmp_path: Path, url: str) -> None:
    late = iv_tape(tmp_path, IV_ROWS[1])
    assert started_ns((late, made_tape), url) == (Tape(made_tape).info().first_at_ns or 0) - 1


def test_history_after_the_market_changes_nothing(made_tape: Path, tmp_path: Path, url: str, alone: Any) -> None:
    after = replayed(iv_tape(tmp_path, IV_ROWS[2]), made_tape, database=url)
    assert (after["trades"], after["refusals"]) == (alone["trades"], alone["refusals"])


def test_history_alone_is_refused_as_no_run(history: tuple[Path, Path], url: str) -> None:
    line = complaint(scalp("replay", *history, "--database", url))
    assert "iv.tape" in line
    assert line.endswith("nothing but IV and dividends of the past; name a tape of the market as well")


def test_the_same_history_twice_is_refused(
    made_tape: Path, history: tuple[Path, Path], tmp_path: Path, url: str
) -> None:
    copy = tmp_path / "copy.tape"
    copy.write_bytes(history[0].read_bytes())
    line = complaint(scalp("replay", copy, made_tape, *history, "--database", url))
    assert line.endswith("are the same history: name it once")


def test_tapes_of_the_market_still_must_not_overlap(
    made_tape: Path, history: tuple[Path, Path], tmp_path: Path, url: str
) -> None:
    monday = tape(tmp_path / "monday", (MONDAY,), history=0)
    line = complaint(scalp("replay", made_tape, history[0], monday, "--database", url))
    assert line.endswith("tapes must not overlap")


def test_history_bars_must_not_overlap_bars_of_their_ticker(made_tape: Path, tmp_path: Path, url: str) -> None:
    """They would stand for the market's own bars, which could then cause no signal."""
    warm = tape(tmp_path / "warm", (MONDAY,), history=1)
    assert complaint(scalp("replay", warm, made_tape, "--database", url)).endswith("tapes must not overlap")


def test_history_bars_of_another_ticker_may_overlap(made_tape: Path, tmp_path: Path, url: str, alone: Any) -> None:
    warm = tmp_path / "warm.tape"
    import_bars(bar_files(tmp_path, (MONDAY,), ("QQQ",)), warm, ticker="SPY", history=1)
    beside = replayed(warm, made_tape, database=url)
    # A session of 390 minutes, each a bar without quote.
    assert (beside["trades"], beside["history_events"]) == (alone["trades"], alone["history_events"] + 390)


def test_an_unfinished_tape_of_history_is_replayed_with_a_warning(
    made_tape: Path, history: tuple[Path, Path], tmp_path: Path, url: str, alone: Any
) -> None:
    torn, data = tmp_path / "torn.tape", history[0].read_bytes()
    torn.write_bytes(data[: closing_start(data) - 1])
    said = scalp("replay", torn, made_tape, "--database", url, "--json")
    assert said.err.startswith(f"scalp: warning: {torn} ends in an unfinished write")
    assert f'"events": {alone["events"] + 2}' in said.out


def test_a_corrupt_tape_of_history_is_refused_in_one_line(
    made_tape: Path, history: tuple[Path, Path], tmp_path: Path, url: str
) -> None:
    bad, data = tmp_path / "bad.tape", bytearray(history[0].read_bytes())
    data[closing_start(bytes(data)) - 10] ^= 1
    bad.write_bytes(data)
    assert "bad.tape is corrupt at byte" in complaint(scalp("replay", bad, made_tape, "--database", url))
