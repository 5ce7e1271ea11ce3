"""Builders of tapes: small events of every type, written where a test wants them."""

from datetime import date
from math import nan
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from flows.tape.frames import KNOWN_SCHEMAS, TRAIL, Header, Source, closing_offset
from flows.tape.segments import segment_path
from flows.tape.writer import TapeWriter
from operators import checkpoints
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
    encode,
)
from operators.steps import SHAPE

T0 = 1_743_514_260_000_000_000
"""2025-04-01 13:31 UTC: the close of the first bar of a New York session."""


def bar(seq: int = 1, at_ns: int = 0, **changes: object) -> Bar:
    """A bar of TQQQ; without `at_ns` it is known `seq` ns after T0."""
    row: dict[str, object] = {"ticker": "TQQQ", "open": 56.5, "high": 56.75, "low": 56.25, "close": 56.5}
    return Bar(seq, at_ns or T0 + seq, T0, **(row | {"volume": 1000.0} | changes))  # type: ignore[arg-type]


def bars(number: int) -> list[AnyEvent]:
    """That many bars, one nanosecond apart."""
    return [bar(seq) for seq in range(1, number + 1)]


def first_types() -> list[AnyEvent]:
    """One event of each type before option chains, absent sides and history included, as in `version1.tape`."""
    settings = '{"mode": "both"}'
    return [
        RunStarted(1, T0, T0, "replay:0", "paper", "both", 10**11, settings, ("a",), {"fomc": "1"}, 1, ("MODELLED",)),
        Bar(2, T0 + 1, T0, "TQQQ", 56.68, 56.71, 56.39, 56.44, 645786.0, history=True),
        Quote(3, T0 + 2, T0, "TQQQ", 56.43, 56.44, 64578.0, 64578.0),
        Quote(4, T0 + 3, T0, "TQQQ  250417C00057000", nan, 1.25),
        Bar(5, T0 + 4, T0, "BRK.B", 500.0, 500.0, 500.0, 500.0, 0.0),
        OutsideSignal(6, T0 + 5, T0, "TQQQ", "long", 72.5),
        Command(7, T0 + 6, T0, "mode", "operator", "etf"),
        Command(8, T0 + 7, T0, "kill", "operator"),
    ]


def every_type() -> list[AnyEvent]:
    """One event of each type at least: those of `first_types` and a chain with its history, as in `chains.tape`."""
    symbols = ("TQQQ250417C00057000", "TQQQ250417P00057000")
    expiries = (date(2025, 4, 17),) * 2
    prices = packed_prices(np.array([1.25, nan])), packed_prices(np.array([1.5, 0.05]))
    counts = [packed_counts(np.array(pair)) for pair in ([10.0, nan], [7.0, 1.0], [1234.0, 0.0])]
    return [
        *first_types(),
        AtmIv(9, T0 + 8, T0, "TQQQ", 0.625),
        Dividend(10, T0 + 9, T0, "TQQQ", date(2025, 6, 25), 0.18),
        Contracts(11, T0 + 10, T0, "TQQQ", symbols, (1, -1), (57.0, 57.0), expiries, (False, True)),
        Chain(12, T0 + 11, T0, "TQQQ", *prices, *counts),
        Contracts(
            13, T0 + 12, T0, "SPX", ("SPXW250417C05400000",), (1,), (5400.0,), expiries[:1], (False,), 100, "cash"
        ),
    ]


def engine_types() -> list[AnyEvent]:
    """One event of each type: those of `every_type` and what an engine writes, as in `engine.tape`."""
    first, *others = every_type()
    return [
        replace(first, cadences={"bar": 60.0}, checkpoint_seconds=60),
        *others,
        Command(14, T0 + 13, T0, "reduce", "operator", "too fast", "0194f1d2-7c00"),
        Clock(15, T0 + 14, T0 + 14),
        Intent(16, T0 + 15, T0 + 15, 12, "s1:first:1", "TQQQ", "buy", 133, 50_010_000),
        Intent(17, T0 + 16, T0 + 16, 12, "s1:exit:1", "TQQQ", "sell", 133, None, late=True),
        Checkpoint(18, T0 + 17, T0 + 17, 15, "5a" * 8, "c3" * 8, b"\x00state\xff"),
        Stop(19, T0 + 18, T0 + 18),
    ]


def broker_types() -> list[AnyEvent]:
    """One event of each type: those of `engine_types` and what a broker says, as in `broker.tape`."""
    ours, *rest = engine_types()
    return [
        replace(ours, book_id="live:X1", loop="alpaca"),
        *rest,
        Answer(20, T0 + 19, T0 + 18, "s1:first:1", "working", broker_order_id="0b1e"),
        Execution(21, T0 + 20, T0 + 18, "x1", "s1:first:1", "TQQQ", "buy", 100, 50_000_000, 12_500),
        Power(22, T0 + 21, T0 + 21, 94_999_987_500),
        Withdrawal(23, T0 + 22, T0 + 22, 21, "s1:first:1"),
        Answer(24, T0 + 23, T0 + 22, "s1:first:1", "cancelled", 100, "by request", "0b1e"),
    ]


def split_types() -> list[AnyEvent]:
    """One event of each type: those of `broker_types` and a split, as in `split.tape`."""
    return [*broker_types(), Split(25, T0 + 24, T0, "TQQQ", date(2025, 4, 1), 1.0, 2.0)]


def checkpoint(at_seq: int, market: bytes = b"market", shape: str = SHAPE) -> Checkpoint:
    """A sound checkpoint without place and time, of states that are a few bytes."""
    return checkpoints.checkpoint(checkpoints.Barrier(at_seq, market), {"paper:test": b"book"}, shape)


def header(**changes: object) -> Header:
    """The header of the golden tapes, whatever version runs the test."""
    row: dict[str, object] = {
        "schema_hash": list(KNOWN_SCHEMAS)[1],
        "program_version": "0.1.0",
        "marks": ("MODELLED",),
    }
    row |= {"cadences": {"bar": 60.0, "quote": 60.0}, "sources": (Source("TQQQ.csv", 2, "ab" * 32),)}
    return Header(**(row | changes))  # type: ignore[arg-type]


def write(path: Path, events: list[AnyEvent], **changes: object) -> Path:
    """A finished tape of these events. A golden tape was `write(Path("tests/tapes/chains.tape"), every_type())`."""
    with TapeWriter(path, header(**changes)) as tape:
        for event in events:
            tape.append(event)
        tape.rejected = {"duplicate": 1}
    return path


def segment(folder: Path, first_seq: int, last_seq: int, **changes: object) -> Path:
    """A finished segment of bars with these places."""
    folder.mkdir(exist_ok=True)
    with TapeWriter(segment_path(folder, first_seq), header(first_seq=first_seq, **changes)) as tape:
        for seq in range(first_seq, last_seq + 1):
            tape.append(bar(seq))
    return segment_path(folder, first_seq)


def cut_end(path: Path, lost: int = 0) -> Path:
    """Takes closing frame and trailer off a finished tape, and the last bytes before them."""
    data = path.read_bytes()
    path.write_bytes(data[: closing_start(data) - lost])
    return path


def closing_start(data: bytes) -> int:
    """Where the closing frame of a finished tape starts."""
    offset = closing_offset(data[-TRAIL.size :])
    assert offset is not None
    return offset


def encoded(events: list[AnyEvent]) -> list[bytes]:
    """Events as bytes, which compare equal where NaN does not."""
    return [encode(event) for event in events]
