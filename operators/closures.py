"""Which weekdays New York shares do not trade, and which end at 13:00, from 2013 to 2028.

Made from the XNYS calendar of exchange_calendars 4.13.2; `tests/test_sessions.py` compares every day with it.
Years to come are the exchange's rules, not its announcements: an unscheduled closure (a day of mourning, as
2018-12-05 and 2025-01-09) is not in them until VERSION moves on.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final

VERSION: Final = "2026-11"
FIRST_DAY: Final = date(2013, 1, 1)
LAST_DAY: Final = date(2028, 12, 31)


def days(table: Mapping[int, str]) -> tuple[date, ...]:
    """The days of a table of years, each with its days as text ("07-04 12-25"), in the table's order."""
    return tuple(date.fromisoformat(f"{year}-{day}") for year, text in table.items() for day in text.split())


HOLIDAYS: Final = frozenset(
    days(
        {
            2013: "01-01 01-21 02-18 03-29 05-27 07-04 09-02 11-28 12-25",
            2014: "01-01 01-20 02-17 04-18 05-26 07-04 09-01 11-27 12-25",
            2015: "01-01 01-19 02-16 04-03 05-25 07-03 09-07 11-26 12-25",
            2016: "01-01 01-18 02-15 03-25 05-30 07-04 09-05 11-24 12-26",
            2017: "01-02 01-16 02-20 04-14 05-29 07-04 09-04 11-23 12-25",
            2018: "01-01 01-15 02-19 03-30 05-28 07-04 09-03 11-22 12-05 12-25",
            2019: "01-01 01-21 02-18 04-19 05-27 07-04 09-02 11-28 12-25",
            2020: "01-01 01-20 02-17 04-10 05-25 07-03 09-07 11-26 12-25",
            2021: "01-01 01-18 02-15 04-02 05-31 07-05 09-06 11-25 12-24",
            2022: "01-17 02-21 04-15 05-30 06-20 07-04 09-05 11-24 12-26",
            2023: "01-02 01-16 02-20 04-07 05-29 06-19 07-04 09-04 11-23 12-25",
            2024: "01-01 01-15 02-19 03-29 05-27 06-19 07-04 09-02 11-28 12-25",
            2025: "01-01 01-09 01-20 02-17 04-18 05-26 06-19 07-04 09-01 11-27 12-25",
            2026: "01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25",
            2027: "01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06 11-25 12-24",
            2028: "01-17 02-21 04-14 05-29 06-19 07-04 09-04 11-23 12-25",
        }
    )
)
"""Weekdays without a session."""

EARLY_CLOSES: Final = frozenset(
    days(
        {
            2013: "07-03 11-29 12-24",
            2014: "07-03 11-28 12-24",
            2015: "11-27 12-24",
            2016: "11-25",
            2017: "07-03 11-24",
            2018: "07-03 11-23 12-24",
            2019: "07-03 11-29 12-24",
            2020: "11-27 12-24",
            2021: "11-26",
            2022: "11-25",
            2023: "07-03 11-24",
            2024: "07-03 11-29 12-24",
            2025: "07-03 11-28 12-24",
            2026: "11-27 12-24",
            2027: "11-26",
            2028: "07-03 11-24",
        }
    )
)
"""Sessions that end at 13:00 New York time."""
