"""`scalp export tape`: every event of a tape is in the files again, prices to the last bit, or no file is there."""

import json
import re
from datetime import date
from itertools import chain
from math import inf, nan
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace
from numpy.testing import assert_array_equal
from pyarrow import parquet

from flows.market.generate import generate
from flows.tape.parquet_columns import dollars
from flows.tape.parquet_export import FILE_OF, GROUP_ROWS, BadExport, export_tape, kinds_of_a_tape
from flows.tape.reader import Tape
from flows.tape.segments import open_tape
from flows.tape.writer import TapeWriter
from operators.answers import Answer, Execution, Power, Withdrawal
from operators.contracts import packed_counts, packed_prices
from operators.events import (
    AnyEvent,
    AtmIv,
    Bar,
    Chain,
    Checkpoint,
    Clock,
    Command,
    Contracts,
    Dividend,
    Intent,
    OutsideSignal,
    Quote,
    RunStarted,
    Split,
    Stop,
)
from operators.schema import type_of_tag
from tests import parquet_events, simulated
from tests.commands import complaint, process, scalp
from tests.parquet_events import FILES, expected, plainly, rows
from tests.sources import ROOT
from tests.tape_builders import T0, bar, bars, cut_end, engine_types, header, segment, write
from tests.test_memory import WATCHED

GOLDEN = sorted((ROOT / "tests" / "tapes").glob("*.tape"))
TEXT = st.text(max_size=6)
NUMBER = st.floats(width=64)
PRICE = st.one_of(
    st.just(nan),
    st.integers(-(10**12), 10**12).map(lambda micros: micros / 1e6),
    st.floats(1e-8, 9e13),
    st.floats(-9e13, -1e-8),
)
DAY = st.dates(date(2000, 1, 1), date(2100, 1, 1))
PLACE = (st.just(0), st.just(0), st.integers(0, 2**62))
WHOLE = st.integers(-(2**62), 2**62)
STARTED = st.builds(
    RunStarted, *PLACE, TEXT, TEXT, st.sampled_from(["options", "both"]), WHOLE, TEXT,
    st.lists(TEXT, max_size=2).map(tuple), st.dictionaries(TEXT, TEXT, max_size=2), st.integers(0, 9),
    st.lists(TEXT, max_size=2).map(tuple), st.dictionaries(TEXT, st.floats(0, 9), max_size=2), st.integers(0, 99),
)  # fmt: skip
SIMPLE = st.one_of(
    st.builds(Bar, *PLACE, TEXT, PRICE, PRICE, PRICE, PRICE, NUMBER, st.booleans()),
    st.builds(Quote, *PLACE, TEXT, PRICE, PRICE, NUMBER, NUMBER),
    st.builds(OutsideSignal, *PLACE, TEXT, st.sampled_from(["long", "short"]), NUMBER),
    st.builds(Command, *PLACE, st.sampled_from(["kill", "mode"]), TEXT, TEXT, TEXT),
    st.builds(AtmIv, *PLACE, TEXT, NUMBER),
    st.builds(Dividend, *PLACE, TEXT, DAY, PRICE),
    st.builds(Split, *PLACE, TEXT, DAY, NUMBER, NUMBER),
    st.builds(Clock, *PLACE),
    st.builds(Stop, *PLACE),
    st.builds(Intent, *PLACE, WHOLE, TEXT, TEXT, st.sampled_from(["buy", "sell"]), WHOLE, st.none() | WHOLE,
              st.booleans()),
    st.builds(Checkpoint, *PLACE, WHOLE, TEXT, TEXT, st.binary(max_size=9)),
    st.builds(Answer, *PLACE, TEXT, st.sampled_from(["working", "unknown"]), WHOLE, TEXT, TEXT),
    st.builds(Execution, *PLACE, TEXT, TEXT, TEXT, st.sampled_from(["buy", "sell"]), WHOLE, WHOLE, WHOLE),
    st.builds(Power, *PLACE, WHOLE),
    st.builds(Withdrawal, *PLACE, WHOLE, TEXT),
    STARTED,
)  # fmt: skip


@st.composite
def listed(draw: st.DrawFn) -> list[AnyEvent]:
    """A table of one to four contracts and a snapshot that fits it, some columns of it missing."""
    size = draw(st.integers(1, 4))
    row = st.tuples(TEXT, st.sampled_from([1, -1]), PRICE, DAY, st.booleans())
    columns: Any = zip(*draw(st.lists(row, min_size=size, max_size=size)), strict=True)
    kind: Any = draw(st.sampled_from(["physical", "cash"]))
    table = Contracts(0, 0, draw(PLACE[2]), draw(TEXT), *columns, draw(st.integers(1, 1000)), kind)
    price = st.lists(PRICE, min_size=size, max_size=size).map(lambda cells: packed_prices(np.array(cells)))
    count = st.lists(st.floats(width=32), min_size=size, max_size=size)
    counts = [draw(st.just(b"") | count.map(lambda cells: packed_counts(np.array(cells)))) for _ in range(4)]
    return [table, Chain(0, 0, draw(PLACE[2]), table.underlying, draw(price), draw(st.just(b"") | price), *counts)]


EVENTS = st.lists(SIMPLE.map(lambda event: [event]) | listed(), max_size=12).map(lambda parts: [*chain(*parts)])


def placed(events: list[AnyEvent]) -> list[AnyEvent]:
    """The events numbered, one nanosecond apart."""
    return [replace(event, seq=seq, at_ns=T0 + seq) for seq, event in enumerate(events, 1)]


def exported(tape: Path, folder: Path) -> list[str]:
    export_tape(open_tape(tape), folder)
    return plainly(parquet_events.events(folder))


@given(EVENTS)
@example([Quote(0, 0, 0, "A", 0.1 + 0.2, 1 / 3), Quote(0, 0, 0, "A", -0.0, 9_007_199_254.740993)])
def test_every_event_is_in_the_files_again(tmp_path_factory: pytest.TempPathFactory, events: list[AnyEvent]) -> None:
    folder = tmp_path_factory.mktemp("any")
    tape = placed(events)
    assert exported(write(folder / "any.tape", tape), folder / "out") == plainly(expected(tape))


@given(st.lists(PRICE, min_size=1, max_size=9))
@example([1.87, 0.304499, 385.9872012229728, nan])
def test_the_ways_that_the_documentation_names_give_the_tapes_own_floats(prices: list[float]) -> None:
    column = dollars(prices)
    assert_array_equal(column.to_pandas().astype(float), prices)
    assert_array_equal(column.cast("string").cast("float64").to_numpy(zero_copy_only=False), prices)


@pytest.mark.parametrize("tape", GOLDEN, ids=lambda path: path.stem)
def test_golden_tapes_are_in_the_files_again(tape: Path, tmp_path: Path) -> None:
    assert exported(tape, tmp_path / "out") == plainly(expected(list(Tape(tape).events())))


def test_a_simulated_market_is_in_the_files_again(tmp_path: Path) -> None:
    generate(simulated.plan(), tmp_path / "market.tape", overwrite=True)
    tape = list(Tape(tmp_path / "market.tape").events())
    assert exported(tmp_path / "market.tape", tmp_path / "out") == plainly(expected(tape))
    assert {"Bar", "Quote", "Contracts", "Chain"} <= {type(event).__name__ for event in tape}


def test_a_recorded_session_is_in_the_files_again(shared_data: Path, tmp_path: Path) -> None:
    out = tmp_path / "goog.tape"
    words = ("--ticker", "GOOG", "--date", "2015-12-23", "--out", out)
    assert scalp("import", "lean", shared_data / "lean", *words).code == 0
    assert exported(out, tmp_path / "out") == plainly(expected(list(Tape(out).events())))


def test_every_kind_of_event_has_its_file() -> None:
    assert {FILE_OF[kind]: kind for kind in type_of_tag.values()} == FILES
    assert set(kinds_of_a_tape()) == set(FILES)
    assert len(get_args(AnyEvent)) == len(FILES)


def test_a_kind_that_a_tape_has_none_of_gives_a_file_without_rows(tmp_path: Path) -> None:
    written = export_tape(Tape(write(tmp_path / "a.tape", bars(3))), tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {f"{name}.parquet" for name in FILES}
    assert (written.events, {name: count for name, count in written.rows.items() if count}) == (3, {"bars": 3})
    assert parquet.read_table(tmp_path / "out" / "chains.parquet").num_rows == 0


def test_types_and_marks_stand_in_the_files(tmp_path: Path) -> None:
    export_tape(Tape(write(tmp_path / "a.tape", engine_types())), tmp_path)
    schema = parquet.read_schema(tmp_path / "quotes.parquet")
    assert str(schema.field("at_utc").type) == "timestamp[ns, tz=UTC]"
    assert (str(schema.field("bid").type), schema.field("bid").metadata[b"unit"]) == ("decimal128(38, 24)", b"USD")
    assert json.loads(schema.metadata[b"marks"]) == ["MODELLED"]


def test_what_is_absent_is_null_and_no_cell_is_nan(tmp_path: Path) -> None:
    export_tape(Tape(write(tmp_path / "a.tape", engine_types())), tmp_path)
    one, other = (row for row in rows(tmp_path, "quotes"))
    assert (other["bid"], other["ask"], other["bid_size"]) == (None, 1.25, None)
    assert [row["ask"] for row in rows(tmp_path, "chains")] == [1.5, 0.05]
    assert [row["bid"] for row in rows(tmp_path, "chains")] == [1.25, None]
    assert [row["open_interest"] for row in rows(tmp_path, "chains")] == [None, None]
    assert one["bid"] == 56.43


def snapshot(underlying: str, bids: int, **changes: bytes) -> Chain:
    packed = packed_prices(np.arange(bids, dtype=np.float64))
    return Chain(0, 0, T0, underlying, packed, packed, **changes)


def test_a_snapshot_is_named_by_the_newest_table_of_its_underlying(tmp_path: Path) -> None:
    def table(underlying: str, *symbols: str) -> Contracts:
        size = len(symbols)
        return Contracts(0, 0, T0, underlying, symbols, (1,) * size, (5.0,) * size, (date(2025, 4, 17),) * size,
                         (False,) * size)  # fmt: skip

    tape = [table("A", "a1", "a2"), table("B", "b1"), snapshot("A", 2), table("A", "a3"), snapshot("B", 1)]
    write(tmp_path / "a.tape", placed([*tape, snapshot("A", 1), snapshot("A", 2), snapshot("C", 1)]))
    export_tape(Tape(tmp_path / "a.tape"), tmp_path)
    found = [(row["seq"], row["symbol"]) for row in rows(tmp_path, "chains")]
    # The seventh does not fit its table, the eighth has none.
    assert found == [(3, "a1"), (3, "a2"), (5, "b1"), (6, "a3"), (7, None), (7, None), (8, None)]


def test_a_snapshot_whose_columns_differ_in_length_ends_in_nulls(tmp_path: Path) -> None:
    odd = snapshot("A", 2, volume=packed_counts(np.array([7.0])) + b"\x01")
    export_tape(Tape(write(tmp_path / "a.tape", placed([odd]))), tmp_path)
    assert [(row["bid"], row["volume"]) for row in rows(tmp_path, "chains")] == [(0.0, 7.0), (1.0, None)]


@pytest.mark.parametrize("price", [inf, -inf, 1e14, 5e-324, 1e-9 / 3])
def test_a_price_that_no_decimal_holds_is_refused_by_its_place(tmp_path: Path, price: float) -> None:
    tape = write(tmp_path / "a.tape", placed([bar(), Quote(0, 0, 0, "A", 1.0, 2.0), Quote(0, 0, 0, "A", price, 2.0)]))
    with pytest.raises(BadExport, match="event 3 holds what its Parquet file cannot"):
        export_tape(Tape(tape), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_tape_of_many_rows_is_written_in_row_groups(tmp_path: Path) -> None:
    tape = bars(2 * GROUP_ROWS + 1)
    assert exported(write(tmp_path / "a.tape", tape), tmp_path / "out") == plainly(tape)
    meta = parquet.read_metadata(tmp_path / "out" / "bars.parquet")
    assert [meta.row_group(group).num_rows for group in range(meta.num_row_groups)] == [GROUP_ROWS, GROUP_ROWS, 1]


def peak_mebibytes(folder: Path, times: int) -> float:
    """The peak of an export of so many row groups of bars, a checkpoint of a megabyte behind each thousandth."""
    tape = folder / f"{times}.tape"
    with TapeWriter(tape, header()) as writer:
        for seq in range(1, times * GROUP_ROWS + 1):
            state = Checkpoint(seq, T0 + seq, T0, seq, "", "", bytes(1_000_000))
            writer.append(bar(seq) if seq % 1000 else state)
    said = process("export", "tape", tape, "--out", folder / f"{times}", cwd=folder, code=WATCHED)
    assert said.code == 0, said
    (kibibytes,) = re.findall(r"VmHWM:\s+(\d+) kB", said.err)
    return int(kibibytes) / 1024


def test_four_times_the_tape_takes_no_more_memory(tmp_path: Path) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("the kernel tells no peak of memory in /proc")
    assert peak_mebibytes(tmp_path, 8) <= 1.1 * peak_mebibytes(tmp_path, 2)


class TestFolder:
    @pytest.fixture
    def tape(self, tmp_path: Path) -> Path:
        return write(tmp_path / "a.tape", engine_types())

    def test_files_that_are_there_are_not_replaced_unasked(self, tape: Path, tmp_path: Path) -> None:
        (tmp_path / "stops.parquet").write_text("old")
        with pytest.raises(FileExistsError, match=r"stops\.parquet exists already"):
            export_tape(Tape(tape), tmp_path)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tape", "stops.parquet"]

    def test_overwrite_replaces_them_and_nothing_else(self, tape: Path, tmp_path: Path) -> None:
        (tmp_path / "stops.parquet").write_text("old")
        (tmp_path / "notes.txt").write_text("mine")
        export_tape(Tape(tape), tmp_path, overwrite=True)
        assert len(rows(tmp_path, "stops")) == 1
        assert (tmp_path / "notes.txt").read_text() == "mine"
        assert len(list(tmp_path.iterdir())) == len(FILES) + 2

    def test_what_breaks_on_the_way_leaves_the_old_files_and_no_part(self, tape: Path, tmp_path: Path) -> None:
        export_tape(Tape(tape), tmp_path)
        before = {path: path.read_bytes() for path in tmp_path.iterdir() if path != tape}
        data = bytearray(tape.read_bytes())
        data[len(data) // 2] ^= 1
        tape.write_bytes(data)
        assert f"{tape}" in complaint(scalp("export", "tape", tape, "--out", tmp_path, "--overwrite"))
        assert {path: path.read_bytes() for path in tmp_path.iterdir() if path != tape} == before

    def test_no_file_has_its_name_before_all_are_whole(self, tape: Path, tmp_path: Path) -> None:
        seen: list[str] = []

        class Watched:
            header = Tape(tape).header

            def events(self) -> Any:
                yield from Tape(tape).events()
                seen.extend(path.suffix for path in (tmp_path / "out").iterdir())

        watched: Any = Watched()
        export_tape(watched, tmp_path / "out")
        assert seen == [".part"] * len(FILES)

    def test_a_missing_parent_is_named(self, tape: Path, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match="gone does not exist; make it first"):
            export_tape(Tape(tape), tmp_path / "gone" / "out")


class TestCommand:
    def test_it_says_what_it_wrote(self, tmp_path: Path) -> None:
        said = scalp("export", "tape", write(tmp_path / "a.tape", bars(3)), "--out", tmp_path / "out")
        assert (said.code, said.err) == (0, "")
        assert said.out == f"{tmp_path / 'out'}: 3 events in 18 files; rows bars 3\n"

    def test_a_torn_tape_gives_its_whole_events_and_a_warning(self, tmp_path: Path) -> None:
        tape = cut_end(write(tmp_path / "a.tape", bars(3)), lost=5)
        said = scalp("export", "tape", tape, "--out", tmp_path / "out")
        assert said.code == 0
        assert said.err == f"scalp: warning: {tape} ends in an unfinished write; its 2 whole events were exported\n"
        assert len(rows(tmp_path / "out", "bars")) == 2

    def test_the_segments_of_an_engine_are_one_tape(self, tmp_path: Path) -> None:
        for first, last in ((1, 4), (5, 9)):
            segment(tmp_path / "tape", first, last)
        assert scalp("export", "tape", tmp_path / "tape", "--out", tmp_path / "out").code == 0
        assert [row["seq"] for row in rows(tmp_path / "out", "bars")] == list(range(1, 10))

    def test_a_dropped_front_is_said(self, tmp_path: Path) -> None:
        segment(tmp_path / "tape", 5, 9, kept_from=5)
        said = scalp("export", "tape", tmp_path / "tape", "--out", tmp_path / "out")
        assert "begins with event 5: what was before was dropped" in said.err

    @pytest.mark.parametrize("word", ["--overwrite", "--force"])
    def test_it_replaces_when_told_to(self, tmp_path: Path, word: str) -> None:
        words = ("export", "tape", write(tmp_path / "a.tape", bars(3)), "--out", tmp_path / "out")
        assert scalp(*words).code == 0
        assert "give --overwrite to replace it" in complaint(scalp(*words))
        assert scalp(*words, word).code == 0

    def test_a_price_that_does_not_fit_is_one_line(self, tmp_path: Path) -> None:
        tape = write(tmp_path / "a.tape", placed([Quote(0, 0, 0, "A", inf, 2.0)]))
        assert "event 1 holds what" in complaint(scalp("export", "tape", tape, "--out", tmp_path / "out"))


def test_the_documentation_has_every_column_with_its_unit() -> None:
    text = (ROOT / "docs" / "usage.md").read_text()
    missing = [
        f"{name}: {line}" for name, kind in kinds_of_a_tape().items() for line in [documented(name, kind.schema)]
        if line not in text
    ]  # fmt: skip
    assert missing == []


def documented(name: str, schema: Any) -> str:
    """The row of the documentation's table of files."""
    own = [field for field in schema if field.name not in ("seq", "at_utc", "event_utc")]
    told = ", ".join(f"`{field.name}` ({field.metadata[b'unit'].decode()})" for field in own)
    return f"| `{name}` | {told or 'none more'} |"
