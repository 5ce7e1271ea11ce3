"""The Federal Reserve's statements and the windows around them."""

import calendar
import csv
from datetime import date, datetime, time
from pathlib import Path

import msgspec
import pytest

from operators import fomc, sessions
from operators.sessions import Unknown, Window

FOMC_CSV = Path(__file__).resolve().parents[2] / "shared" / "data" / "fomc_dates.csv"


def utc_ns(*parts: int) -> int:
    """UTC nanoseconds of a UTC wall time, by the standard library's other route."""
    return calendar.timegm((*parts, *(0,) * (6 - len(parts)))) * 1_000_000_000


def window(day: date) -> Window:
    """The window of a day that must have one."""
    found = sessions.fomc_window(day)
    assert isinstance(found, Window)
    return found


@pytest.mark.skipif(not FOMC_CSV.exists(), reason="the shared list of dates is not part of the project")
def test_the_statements_are_those_of_the_shared_list() -> None:
    with FOMC_CSV.open() as file:
        expected = [(row["date"], row["statement_time_et"], row["kind"]) for row in csv.DictReader(file)]
    ours = [(str(row.day), f"{row.clock:%H:%M}" if row.clock else "", row.kind) for row in fomc.STATEMENTS]
    assert ours == expected


def test_a_day_has_at_most_one_statement() -> None:
    assert len({row.day for row in fomc.STATEMENTS}) == len(fomc.STATEMENTS) == 124


def test_eight_meetings_were_scheduled_in_every_covered_year() -> None:
    years = [row.day.year for row in fomc.STATEMENTS if row.kind != "unscheduled"]
    assert {year: years.count(year) for year in years} == dict.fromkeys(range(2013, 2028), 8)


def test_a_press_conference_blocks_from_half_past_one_to_a_quarter_past_three() -> None:
    # EDT: 13:30 = 17:30 UTC, 14:00 = 18:00 UTC, 15:15 = 19:15 UTC.
    assert window(date(2025, 3, 19)) == Window(
        start_ns=utc_ns(2025, 3, 19, 17, 30),
        end_ns=utc_ns(2025, 3, 19, 19, 15),
        statement_ns=utc_ns(2025, 3, 19, 18),
        kind="scheduled_presser",
    )


def test_a_statement_without_press_conference_blocks_half_an_hour_each_side() -> None:
    # EST: 14:15 = 19:15 UTC.
    found = window(date(2013, 1, 30))
    assert (found.start_ns, found.end_ns) == (utc_ns(2013, 1, 30, 18, 45), utc_ns(2013, 1, 30, 19, 45))


def test_a_press_conference_after_another_hour_than_two_has_the_plain_window() -> None:
    # As in 2012: 12:30 EST = 17:30 UTC, half an hour each side.
    found = sessions.window_of(fomc.Statement(date(2012, 1, 25), time(12, 30), "scheduled_presser"))
    assert found is not None
    assert (found.start_ns, found.end_ns) == (utc_ns(2012, 1, 25, 17), utc_ns(2012, 1, 25, 18))


def test_an_unscheduled_statement_never_blocks_ahead_of_its_time() -> None:
    # EST: 10:00 = 15:00 UTC.
    found = window(date(2020, 3, 3))
    assert not found.announced
    assert found.start_ns == found.statement_ns == utc_ns(2020, 3, 3, 15)
    assert found.end_ns == utc_ns(2020, 3, 3, 15, 30)


def test_a_statement_on_a_sunday_has_its_window_on_that_sunday() -> None:
    # EDT: 17:00 = 21:00 UTC.
    assert window(date(2020, 3, 15)).statement_ns == utc_ns(2020, 3, 15, 21)


def test_a_cancelled_meeting_blocks_nothing() -> None:
    assert sessions.fomc_window(date(2020, 3, 18)) is None


def test_a_day_of_a_covered_year_without_statement_blocks_nothing() -> None:
    assert sessions.fomc_window(date(2025, 3, 18)) is None
    assert sessions.fomc_window(date(2027, 12, 31)) is None


@pytest.mark.parametrize("day", [date(2012, 12, 31), date(2028, 1, 1), date(2028, 6, 14)])
def test_a_day_beyond_the_schedule_is_unknown(day: date) -> None:
    assert sessions.fomc_window(day) is Unknown.UNKNOWN


def test_a_moment_in_place_of_a_day_finds_the_window_too() -> None:
    moment = datetime(2025, 3, 19, 10, tzinfo=sessions.NEW_YORK)
    assert sessions.fomc_window(moment) == window(date(2025, 3, 19))


def test_a_window_holds_its_start_and_not_its_end() -> None:
    found = window(date(2025, 3, 19))
    edges = (found.start_ns - 1, found.start_ns, found.end_ns - 1, found.end_ns)
    assert [found.blocks(at_ns) for at_ns in edges] == [False, True, True, False]


def test_a_window_survives_its_encoding() -> None:
    found = window(date(2025, 3, 19))
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=Window) == found
