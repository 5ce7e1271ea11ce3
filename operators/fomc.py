"""When the Federal Open Market Committee spoke, or will speak, from 2013 to 2027.

Sources: the Federal Reserve's schedules and statements, each scheduled date confirmed by three lists or more; the
statements of 2019-10-11 and 2020-03-23 rest on one. The meetings of 2027 are tentative until the year begins.
Scheduled statements come at 14:00 New York time since 2013-03-20.
"""

from datetime import date, time
from typing import Final, Literal

import msgspec

from operators.closures import days

VERSION: Final = "2026-11"
COVERED_FROM: Final = 2013
COVERED_TO: Final = 2027
"""Every day of these years is known: one without a row has no statement. Days of other years are unknown."""

Kind = Literal["scheduled_presser", "scheduled", "unscheduled", "cancelled"]
USUAL: Final = time(14)


class Statement(msgspec.Struct, frozen=True, gc=False):
    """One statement: its day, its New York time (None if cancelled) and whether it was announced ahead."""

    day: date
    clock: time | None
    kind: Kind


# A press conference at 14:30 follows four meetings a year up to 2018, then every one.
_WITH_PRESSER: Final = {
    2013: "03-20 06-19 09-18 12-18",
    2014: "03-19 06-18 09-17 12-17",
    2015: "03-18 06-17 09-17 12-16",
    2016: "03-16 06-15 09-21 12-14",
    2017: "03-15 06-14 09-20 12-13",
    2018: "03-21 06-13 09-26 12-19",
    2019: "01-30 03-20 05-01 06-19 07-31 09-18 10-30 12-11",
    2020: "01-29 04-29 06-10 07-29 09-16 11-05 12-16",
    2021: "01-27 03-17 04-28 06-16 07-28 09-22 11-03 12-15",
    2022: "01-26 03-16 05-04 06-15 07-27 09-21 11-02 12-14",
    2023: "02-01 03-22 05-03 06-14 07-26 09-20 11-01 12-13",
    2024: "01-31 03-20 05-01 06-12 07-31 09-18 11-07 12-18",
    2025: "01-29 03-19 05-07 06-18 07-30 09-17 10-29 12-10",
    2026: "01-28 03-18 04-29 06-17 07-29 09-16 10-28 12-09",
    2027: "01-27 03-17 04-28 06-09 07-28 09-15 10-27 12-08",
}
_WITHOUT: Final = {
    2013: "05-01 07-31 10-30",
    2014: "01-29 04-30 07-30 10-29",
    2015: "01-28 04-29 07-29 10-28",
    2016: "01-27 04-27 07-27 11-02",
    2017: "02-01 05-03 07-26 11-01",
    2018: "01-31 05-02 08-01 11-08",
}
_OTHERS: Final = (
    Statement(date(2013, 1, 30), time(14, 15), "scheduled"),
    Statement(date(2019, 10, 11), time(11), "unscheduled"),
    Statement(date(2020, 3, 3), time(10), "unscheduled"),
    Statement(date(2020, 3, 15), time(17), "unscheduled"),
    # Announced off on 2020-03-15, so knowing it on the day is no look-ahead.
    Statement(date(2020, 3, 18), None, "cancelled"),
    Statement(date(2020, 3, 23), time(8), "unscheduled"),
)


def _by_day() -> tuple[Statement, ...]:
    """All statements, in order of their day."""
    rows = [Statement(day, USUAL, "scheduled_presser") for day in days(_WITH_PRESSER)]
    rows += [Statement(day, USUAL, "scheduled") for day in days(_WITHOUT)]
    return tuple(sorted((*rows, *_OTHERS), key=lambda statement: statement.day))


STATEMENTS: Final = _by_day()
