"""Reading signals of another engine and merging them into a tape."""

from pathlib import Path

import pytest

from flows.tape.signals_file import BadSignals, OutsideRow, merge, read_signals
from operators.events import MINUTE_NS, AnyEvent, Bar, OutsideSignal, Quote

HEADING = "ticker,bar_close_utc,direction,conviction"
GOOD = "QQQ,2025-04-01T13:35:00Z,long,70"
T0 = 1_743_514_500_000_000_000
"""2025-04-01 13:35 UTC."""


def file(folder: Path, *lines: str, heading: str = HEADING) -> Path:
    path = folder / "signals.csv"
    path.write_text("\n".join((heading, *lines)) + "\n")
    return path


def row(**changes: object) -> OutsideRow:
    values: dict[str, object] = {"ticker": "QQQ", "bar_close_ns": T0, "direction": "long", "conviction": 70.0}
    return OutsideRow(**(values | changes))  # type: ignore[arg-type]


def bar(seq: int, at_ns: int, event_ns: int) -> Bar:
    return Bar(seq, at_ns, event_ns, "QQQ", 1.0, 1.0, 1.0, 1.0, 1.0)


def quote(seq: int, at_ns: int, event_ns: int) -> Quote:
    return Quote(seq, at_ns, event_ns, "QQQ", 1.0, 1.01)


def minutes(number: int) -> list[AnyEvent]:
    """A quote and a bar each minute from T0 on, as an import writes them."""
    times = [T0 + minute * MINUTE_NS for minute in range(number)]
    events: list[AnyEvent] = []
    for at_ns in times:
        events += [quote(len(events) + 1, at_ns, at_ns), bar(len(events) + 2, at_ns + 1, at_ns)]
    return events


def test_a_row_becomes_a_signal(tmp_path: Path) -> None:
    assert read_signals(file(tmp_path, GOOD)) == [row()]


@pytest.mark.parametrize("text", ["2025-04-01T13:35:00", "2025-04-01 13:35", "2025-04-01T09:35:00-04:00"])
def test_a_time_without_zone_is_utc_and_an_offset_counts(tmp_path: Path, text: str) -> None:
    assert read_signals(file(tmp_path, f"QQQ,{text},long,70")) == [row()]


def test_columns_may_stand_in_any_order(tmp_path: Path) -> None:
    path = file(tmp_path, "70,long,QQQ,2025-04-01T13:35Z", heading="conviction,direction,ticker,bar_close_utc")
    assert read_signals(path) == [row()]


def test_of_equal_rows_the_higher_conviction_stands(tmp_path: Path) -> None:
    lines = [GOOD.replace("70", conviction) for conviction in ("70", "90", "80")]
    assert read_signals(file(tmp_path, *lines)) == [row(conviction=90.0)]


def test_rows_come_by_time_ticker_and_direction(tmp_path: Path) -> None:
    later = GOOD.replace("13:35", "13:36")
    lines = [later, GOOD.replace("QQQ", "SPY"), GOOD.replace("long", "short"), GOOD]
    found = [
        (signal.bar_close_ns - T0, signal.ticker, signal.direction) for signal in read_signals(file(tmp_path, *lines))
    ]
    assert found == [(0, "QQQ", "long"), (0, "QQQ", "short"), (0, "SPY", "long"), (MINUTE_NS, "QQQ", "long")]


def test_blank_lines_and_a_byte_order_mark_are_nothing(tmp_path: Path) -> None:
    assert read_signals(file(tmp_path, "", GOOD, "", heading="\ufeff" + HEADING)) == [row()]


def test_a_file_with_its_heading_only_has_no_signal(tmp_path: Path) -> None:
    assert read_signals(file(tmp_path)) == []


@pytest.mark.parametrize(
    ("line", "match"),
    [
        (GOOD.replace("QQQ", ""), "ticker is ''"),
        (GOOD.replace("QQQ", "QQQ3"), "ticker is 'QQQ3', expected 1 to 6 letters or dots"),
        (GOOD.replace("long", "buy"), "direction is 'buy', expected long or short"),
        (GOOD.replace("70", "101"), "conviction is 101, expected 0 to 100"),
        (GOOD.replace("70", "-1"), "conviction is -1, expected 0 to 100"),
        (GOOD.replace("70", "nan"), "conviction is nan, expected 0 to 100"),
        (GOOD.replace("70", "inf"), "conviction is inf, expected 0 to 100"),
        (GOOD.replace("70", "high"), "conviction is 'high', expected a number from 0 to 100"),
        (GOOD.replace("70", ""), "conviction is '', expected a number"),
        (GOOD.replace("T13:35:00Z", ""), "bar_close_utc is '2025-04-01', expected ISO 8601"),
        (GOOD.replace("2025-04-01", "04/01/2025"), "expected ISO 8601"),
        (GOOD + ",1", "5 fields where 4 are expected"),
        ("QQQ", "1 fields where 4 are expected"),
        ('"QQQ', "unexpected end of data"),
    ],
)
def test_a_bad_row_is_refused_with_its_line(tmp_path: Path, line: str, match: str) -> None:
    with pytest.raises(BadSignals, match=f"signals.csv line 3: .*{match}"):
        read_signals(file(tmp_path, GOOD, line))


@pytest.mark.parametrize("heading", ["", "ticker,direction,conviction", HEADING + ",note", HEADING.replace("_utc", "")])
def test_other_columns_are_refused_listing_those_found(tmp_path: Path, heading: str) -> None:
    with pytest.raises(BadSignals, match="line 1: columns must be exactly ticker, bar_close_utc, .*; found: "):
        read_signals(file(tmp_path, heading=heading))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "signals.csv").write_bytes(HEADING.encode() + b"\n\xff\xfe,\n")
    with pytest.raises(BadSignals, match="signals.csv line"):
        read_signals(tmp_path / "signals.csv")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no\.csv does not exist"):
        read_signals(tmp_path / "no.csv")


def test_without_signals_the_tape_is_unchanged() -> None:
    assert list(merge(minutes(3), [])) == minutes(3)


def test_a_signal_stands_after_the_bars_of_its_time() -> None:
    events = list(merge(minutes(2), [row()]))
    assert [type(event) for event in events] == [Quote, Bar, OutsideSignal, Quote, Bar]
    # The bar is known one nanosecond after its close, the signal one after the bar; the next minute is not moved.
    assert [event.at_ns - T0 for event in events] == [0, 1, 2, MINUTE_NS, MINUTE_NS + 1]
    assert events[2] == OutsideSignal(3, T0 + 2, T0, "QQQ", "long", 70.0)


def test_events_are_numbered_from_1_again() -> None:
    assert [event.seq for event in merge(minutes(3)[2:], [row(), row(direction="short")])] == list(range(1, 7))


def test_signals_between_two_events_keep_their_own_time() -> None:
    events = list(merge(minutes(2), [row(bar_close_ns=T0 + 30_000_000_000)]))
    assert [event.at_ns - T0 for event in events][2] == 30_000_000_000


@pytest.mark.parametrize(("shift", "place"), [(-MINUTE_NS, 0), (10 * MINUTE_NS, 4)])
def test_signals_before_and_after_the_tape_stand_at_its_ends(shift: int, place: int) -> None:
    events = list(merge(minutes(2), [row(bar_close_ns=T0 + shift)]))
    assert isinstance(events[place], OutsideSignal)
    assert events[place].at_ns == T0 + shift


def test_an_event_is_moved_only_as_far_as_it_must() -> None:
    # Two signals of T0 take T0 + 2 and T0 + 3, where the next quotes stood; the third quote has room.
    tape: list[AnyEvent] = [
        quote(1, T0, T0),
        bar(2, T0 + 1, T0),
        *(quote(2 + n, T0 + 1 + n, T0 + 1) for n in (1, 2)),
        quote(5, T0 + 9, T0 + 9),
    ]
    events = list(merge(tape, [row(), row(direction="short")]))
    assert [event.at_ns - T0 for event in events] == [0, 1, 2, 3, 4, 5, 9]


def test_a_late_event_does_not_hold_a_signal_twice() -> None:
    tape: list[AnyEvent] = [quote(1, T0 + 5, T0 + 5), bar(2, T0 + 9, T0)]
    events = list(merge(tape, [row()]))
    assert [type(event) for event in events] == [OutsideSignal, Quote, Bar]
