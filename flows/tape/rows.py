"""Turns the batches of a file of bars into rows with a time, in order, one minute apart."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple, cast
from zoneinfo import ZoneInfo

import pyarrow as pa

from flows.tape.barfile import BarFile, numbered
from flows.tape.columns import BadBars
from flows.tape.faults import Numbers, Prices, Refused, fault
from flows.tape.stamps import as_text, clock_of
from operators.events import MINUTE_NS

Stamp = Literal["start", "close"]
DAY_MINUTES: Final = 1440
ENOUGH_GAPS: Final = 5


class Row(NamedTuple):
    """One good bar of a file. Rows compare by the moment their bar closed, then ticker, then file as it was given."""

    close_ns: int
    ticker: str
    file: int
    line: int
    bar: Prices


class Pace:
    """Follows the times of one file: they must not step back, and bars must be one minute long."""

    def __init__(self, file: BarFile) -> None:
        self.file = file
        self.last: int | None = None
        self.gaps: Counter[int] = Counter()

    def step(self, line: int, at_ns: int) -> None:
        """Takes the time of the next row; raises BadBars if it is earlier than the last, or between two minutes."""
        if at_ns % MINUTE_NS:
            raise BadBars(f"{self.file.where(line)} is at {as_text(at_ns)}, not on a whole minute: give 1-minute bars")
        if self.last is not None and at_ns < self.last:
            raise BadBars(
                f"{self.file.where(line)} is at {as_text(at_ns)}, earlier than the row before it"
                f" at {as_text(self.last)}: sort the file by time"
            )
        if self.last is not None and at_ns > self.last:
            self.gaps[min((at_ns - self.last) // MINUTE_NS, DAY_MINUTES)] += 1
        self.last = at_ns

    def end(self) -> None:
        """Raises BadBars if more than half of the gaps between rows have one length that is not a minute."""
        total = self.gaps.total()
        minutes, times = max(self.gaps.items(), key=lambda item: item[1], default=(1, 0))
        if total >= ENOUGH_GAPS and minutes != 1 and 2 * times > total:
            raise BadBars(f"{self.file.path.name} has {times} of {total} gaps of {minutes} minutes: give 1-minute bars")


def rows(file: BarFile, place: int, stamp: Stamp, zone: ZoneInfo | None, refused: Refused) -> Iterator[Row]:
    """The good rows of a file in order of time, `place` being that of the file; the others go to `refused`.

    Raises BadBars for what makes the whole file doubtful: times that step back, differ or have no zone, and bars of
    another length.
    """
    pace, later = Pace(file), MINUTE_NS if stamp == "start" else 0
    for lines, batch in numbered(file, refused):
        for line, at_ns, bar in zip(lines, _times(file, lines, batch, zone), _numbers(file, batch), strict=True):
            found = fault(bar)
            if at_ns is None:
                refused.add(file.where(line), "missing", "the time is empty")
                continue
            pace.step(line, at_ns)
            if found is not None:
                refused.add(file.where(line), *found)
                continue
            yield Row(at_ns + later, file.ticker, place, line, cast(Prices, bar))
    pace.end()


def _times(file: BarFile, lines: list[int], batch: "pa.RecordBatch", zone: ZoneInfo | None) -> list[int | None]:
    """The time of each row, None where it is empty; raises BadBars if two time columns of a row differ."""
    first, *others = file.columns.times
    times = _column(file, first, lines, batch, zone)
    for other in others:
        for line, one, two in zip(lines, times, _column(file, other, lines, batch, zone), strict=True):
            if one != two:
                texts = ["empty" if at_ns is None else as_text(at_ns) for at_ns in (one, two)]
                raise BadBars(f"{file.where(line)}: {first} is {texts[0]} but {other} is {texts[1]}: remove one column")
    return times


def _column(
    file: BarFile, name: str, lines: list[int], batch: "pa.RecordBatch", zone: ZoneInfo | None
) -> list[int | None]:
    """One time column in UTC nanoseconds; raises BadBars with the row whose time cannot be read."""
    line = lines[0] if lines else 0
    times: list[int | None] = []
    try:
        values, clock = clock_of(batch.column(name), zone)
        for line, value in zip(lines, values, strict=True):  # noqa: B007  # the error names the line that was reached
            times.append(None if value is None else clock(value))
    except (ValueError, OverflowError) as error:
        raise BadBars(f"{file.where(line)}: column {name}: {error}") from error
    return times


def _numbers(file: BarFile, batch: "pa.RecordBatch") -> Iterator[Numbers]:
    """Open, high, low, close and volume of each row; None where missing, NaN for what is no number."""
    return zip(*(_floats(batch.column(name)) for name in file.columns.prices), strict=True)


def _floats(column: "pa.Array[Any]") -> list[float | None]:
    # Through text, a 32-bit price keeps its own digits: 14.51 and not 14.510000228881836.
    narrow = pa.types.is_float32(column.type) or pa.types.is_float16(column.type)
    try:
        return list((column.cast(pa.string()) if narrow else column).cast(pa.float64()).to_pylist())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return [None if value is None else _float(value) for value in column.to_pylist()]


def _float(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return float("nan")
