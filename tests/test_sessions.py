"""Sessions, New York time, cut-offs and days to expiry."""

import calendar
from datetime import UTC, date, datetime, time, timedelta, timezone

import exchange_calendars
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators import closures, sessions
from operators.sessions import OutsideTable, Session

DAYS = [closures.FIRST_DAY + timedelta(days=n) for n in range((closures.LAST_DAY - closures.FIRST_DAY).days + 1)]


def utc_ns(*parts: int) -> int:
    """UTC nanoseconds of a UTC wall time, by the standard library's other route."""
    return calendar.timegm((*parts, *(0,) * (6 - len(parts)))) * 1_000_000_000


def trading(day: date) -> Session:
    """The session of a day that must have one."""
    found = sessions.session(day)
    assert found is not None
    return found


session_days = st.sampled_from([day for day in DAYS if sessions.session(day) is not None])


class TestTable:
    # exchange_calendars 4.13.2 uses what pandas 3 deprecates, while it builds a calendar.
    @pytest.mark.filterwarnings("ignore:Series.values returning:DeprecationWarning")
    def test_every_day_agrees_with_exchange_calendars(self) -> None:
        xnys = exchange_calendars.get_calendar("XNYS", start=closures.FIRST_DAY, end=closures.LAST_DAY)
        expected = zip(xnys.sessions.date, xnys.opens_nanos, xnys.closes_nanos, strict=True)
        ours = (found for day in DAYS if (found := sessions.session(day)) is not None)
        assert [(found.day, found.open_ns, found.close_ns) for found in ours] == list(expected)

    def test_the_day_of_mourning_of_january_2025_is_closed(self) -> None:
        assert sessions.session(date(2025, 1, 9)) is None

    def test_a_winter_session_is_five_hours_behind_utc(self) -> None:
        # 09:30 EST = 14:30 UTC; 16:00 EST = 21:00 UTC.
        assert trading(date(2025, 3, 7)) == Session(
            date(2025, 3, 7), utc_ns(2025, 3, 7, 14, 30), utc_ns(2025, 3, 7, 21)
        )

    def test_the_monday_after_the_spring_change_opens_an_hour_earlier_in_utc(self) -> None:
        assert trading(date(2025, 3, 10)).open_ns == utc_ns(2025, 3, 10, 13, 30)

    def test_the_monday_after_the_autumn_change_opens_an_hour_later_in_utc(self) -> None:
        assert trading(date(2025, 10, 31)).open_ns == utc_ns(2025, 10, 31, 13, 30)
        assert trading(date(2025, 11, 3)).open_ns == utc_ns(2025, 11, 3, 14, 30)

    def test_the_24th_of_december_ends_at_one(self) -> None:
        half = trading(date(2024, 12, 24))
        assert half.early
        assert half.close_ns == utc_ns(2024, 12, 24, 18)

    def test_a_full_session_is_not_early(self) -> None:
        assert not trading(date(2024, 12, 23)).early

    @pytest.mark.parametrize("day", [date(2012, 12, 31), date(2029, 1, 1)])
    def test_a_day_outside_the_table_is_an_error_that_names_day_and_range(self, day: date) -> None:
        with pytest.raises(OutsideTable, match=f"{day} is outside the session table, 2013-01-01 to 2028-12-31"):
            sessions.session(day)

    def test_a_session_survives_its_encoding(self) -> None:
        half = trading(date(2025, 7, 3))
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(half), type=Session) == half


class TestSessionOf:
    @pytest.mark.parametrize("clock", [time(), time(8), time(9, 30), time(16), time(18), time(23, 59, 59, 999_999)])
    def test_every_hour_of_a_trading_day_gives_its_session(self, clock: time) -> None:
        day = date(2025, 3, 17)
        assert sessions.session_of(sessions.at(day, clock)) is trading(day)

    def test_the_last_nanosecond_of_a_day_is_still_that_day(self) -> None:
        midnight = sessions.at(date(2025, 3, 18), time())
        assert sessions.session_of(midnight - 1) is trading(date(2025, 3, 17))
        assert sessions.session_of(midnight) is trading(date(2025, 3, 18))

    def test_an_evening_in_new_york_is_not_yet_the_next_day_of_utc(self) -> None:
        # 2025-03-18 00:30 UTC is 20:30 of the 17th in New York.
        assert sessions.session_of(utc_ns(2025, 3, 18, 0, 30)) is trading(date(2025, 3, 17))

    @pytest.mark.parametrize("day", [date(2025, 3, 9), date(2025, 11, 2), date(2025, 1, 9)])
    def test_a_closed_day_gives_none_at_both_ends(self, day: date) -> None:
        assert sessions.session_of(sessions.at(day, time())) is None
        assert sessions.session_of(sessions.at(day, time(23, 59))) is None

    @pytest.mark.parametrize("day", [date(2012, 12, 31), date(2029, 1, 1)])
    def test_an_instant_outside_the_table_is_an_error_that_names_its_day(self, day: date) -> None:
        with pytest.raises(OutsideTable, match=str(day)):
            sessions.session_of(sessions.at(day, time(12)))

    def test_a_session_holds_its_open_and_not_its_close(self) -> None:
        found = trading(date(2025, 7, 3))
        edges = (found.open_ns - 1, found.open_ns, found.close_ns - 1, found.close_ns)
        assert [sessions.session_holding(at_ns) for at_ns in edges] == [None, found, found, None]

    @given(st.sampled_from(DAYS), st.times())
    def test_it_is_the_session_of_the_calendar_day_in_new_york(self, day: date, clock: time) -> None:
        at_ns = sessions.at(day, clock)
        assert sessions.session_of(at_ns) is sessions.session(sessions.new_york(at_ns).date())


class TestNeighbours:
    def test_next_skips_the_weekend_and_a_holiday(self) -> None:
        # Friday 2025-01-17; Monday the 20th is Martin Luther King Day.
        assert sessions.next_session(date(2025, 1, 17)).day == date(2025, 1, 21)

    def test_next_of_a_closed_day_is_the_first_session_after_it(self) -> None:
        assert sessions.next_session(date(2025, 1, 18)).day == date(2025, 1, 21)

    def test_previous_skips_the_day_of_mourning(self) -> None:
        assert sessions.previous_session(date(2025, 1, 10)).day == date(2025, 1, 8)

    def test_previous_of_a_closed_day_is_the_last_session_before_it(self) -> None:
        assert sessions.previous_session(date(2025, 1, 19)).day == date(2025, 1, 17)

    def test_after_the_last_session_of_the_table_there_is_no_answer(self) -> None:
        # 2028-12-29 is a Friday.
        with pytest.raises(OutsideTable):
            sessions.next_session(date(2028, 12, 29))

    def test_before_the_first_session_of_the_table_there_is_no_answer(self) -> None:
        with pytest.raises(OutsideTable):
            sessions.previous_session(date(2013, 1, 2))

    @given(session_days)
    def test_next_and_previous_undo_each_other(self, day: date) -> None:
        if day < date(2028, 12, 29):
            assert sessions.previous_session(sessions.next_session(day).day).day == day


class TestDaysToExpiry:
    @pytest.mark.parametrize(
        ("today", "expiry", "expected"),
        [
            (date(2025, 3, 17), date(2025, 3, 17), 0),
            (date(2025, 3, 14), date(2025, 3, 17), 1),  # Friday to Monday
            (date(2025, 1, 17), date(2025, 1, 21), 1),  # Friday to Tuesday over a holiday
            (date(2025, 1, 8), date(2025, 1, 10), 1),  # over the closed 9th
            (date(2025, 7, 3), date(2025, 7, 7), 1),  # half day, holiday, weekend
            (date(2025, 3, 17), date(2025, 3, 24), 5),  # a week
            (date(2025, 3, 17), date(2025, 3, 14), -1),
            (date(2014, 6, 20), date(2014, 6, 21), 0),  # Saturday expiry, last traded on Friday
            (date(2014, 6, 19), date(2014, 6, 21), 1),
            (date(2014, 6, 23), date(2014, 6, 21), -1),
        ],
    )
    def test_it_counts_sessions(self, today: date, expiry: date, expected: int) -> None:
        assert sessions.dte(today, expiry) == expected

    def test_on_a_saturday_what_expired_on_friday_is_past(self) -> None:
        assert sessions.dte(date(2025, 3, 15), date(2025, 3, 14)) == -1

    def test_on_a_saturday_monday_is_the_session_that_counts_as_today(self) -> None:
        assert sessions.dte(date(2025, 3, 15), date(2025, 3, 17)) == 0

    def test_an_expiry_outside_the_table_is_an_error(self) -> None:
        with pytest.raises(OutsideTable, match="2029-01-19"):
            sessions.dte(date(2026, 11, 20), date(2029, 1, 19))

    @given(session_days, session_days, session_days)
    def test_it_adds_up_over_sessions(self, first: date, second: date, third: date) -> None:
        assert sessions.dte(first, second) + sessions.dte(second, third) == sessions.dte(first, third)


class TestCutoffs:
    def test_on_a_normal_day_the_setting_stands(self) -> None:
        # 14:00 EDT = 18:00 UTC.
        assert sessions.cutoff_ns(trading(date(2025, 3, 17)), time(14)) == utc_ns(2025, 3, 17, 18)

    def test_before_christmas_two_o_clock_becomes_eleven(self) -> None:
        # The close moves by 3 h; 11:00 EST = 16:00 UTC.
        assert sessions.cutoff_ns(trading(date(2024, 12, 24)), time(14)) == utc_ns(2024, 12, 24, 16)

    def test_before_independence_day_two_o_clock_becomes_eleven(self) -> None:
        # 11:00 EDT = 15:00 UTC.
        assert sessions.cutoff_ns(trading(date(2025, 7, 3)), time(14)) == utc_ns(2025, 7, 3, 15)

    def test_half_past_three_becomes_half_past_twelve_on_a_half_day(self) -> None:
        assert sessions.cutoff_ns(trading(date(2025, 7, 3)), time(15, 30)) == utc_ns(2025, 7, 3, 16, 30)

    @pytest.mark.parametrize("day", [date(2025, 3, 17), date(2025, 7, 3)])
    def test_it_is_never_later_than_five_minutes_before_the_close(self, day: date) -> None:
        assert sessions.cutoff_ns(trading(day), time(15, 58)) == sessions.exit_ns(trading(day))

    def test_what_is_open_is_sold_five_minutes_before_the_close(self) -> None:
        # 15:55 EDT = 19:55 UTC; on the half day 12:55 EDT = 16:55 UTC.
        assert sessions.exit_ns(trading(date(2025, 3, 17))) == utc_ns(2025, 3, 17, 19, 55)
        assert sessions.exit_ns(trading(date(2025, 7, 3))) == utc_ns(2025, 7, 3, 16, 55)


class TestTime:
    def test_noon_in_summer_is_four_hours_behind_utc(self) -> None:
        assert sessions.at(date(2025, 7, 1), time(12)) == utc_ns(2025, 7, 1, 16)

    def test_microseconds_of_a_wall_time_are_exact(self) -> None:
        assert sessions.at(date(2025, 7, 1), time(12, 0, 0, 1)) == utc_ns(2025, 7, 1, 16) + 1_000

    def test_a_time_that_occurs_twice_is_the_first_unless_folded(self) -> None:
        # 2025-11-02 01:30 is first EDT (05:30 UTC), then EST (06:30 UTC).
        assert sessions.at(date(2025, 11, 2), time(1, 30)) == utc_ns(2025, 11, 2, 5, 30)
        assert sessions.at(date(2025, 11, 2), time(1, 30, fold=1)) == utc_ns(2025, 11, 2, 6, 30)

    def test_a_time_that_does_not_occur_counts_by_the_old_clock(self) -> None:
        # 2025-03-09 02:30 as EST is 07:30 UTC, which is 03:30 EDT.
        assert sessions.at(date(2025, 3, 9), time(2, 30)) == utc_ns(2025, 3, 9, 7, 30)

    def test_a_wall_time_with_a_zone_of_its_own_is_refused(self) -> None:
        with pytest.raises(ValueError, match="has a time zone"):
            sessions.at(date(2025, 3, 17), time(14, tzinfo=UTC))

    def test_a_moment_without_zone_is_refused(self) -> None:
        with pytest.raises(ValueError, match="has no time zone"):
            sessions.ns(datetime(2025, 3, 17, 12, tzinfo=UTC).replace(tzinfo=None))

    def test_a_moment_of_any_zone_is_the_same_instant(self) -> None:
        # 09:30 EDT = 13:30 UTC = 19:00 in India.
        india = timezone(timedelta(hours=5, minutes=30))
        assert sessions.ns(datetime(2025, 3, 17, 19, tzinfo=india)) == utc_ns(2025, 3, 17, 13, 30)
        assert sessions.ns(datetime(2025, 3, 17, 9, 30, tzinfo=sessions.NEW_YORK)) == utc_ns(2025, 3, 17, 13, 30)

    def test_nanoseconds_below_a_microsecond_are_dropped_downwards(self) -> None:
        assert sessions.utc(1_999) == datetime(1970, 1, 1, microsecond=1, tzinfo=UTC)
        assert sessions.utc(-1) == datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)

    def test_new_york_is_aware_and_local(self) -> None:
        moment = sessions.new_york(utc_ns(2025, 3, 17, 13, 30))
        assert moment.isoformat() == "2025-03-17T09:30:00-04:00"

    @given(st.datetimes(timezones=st.just(UTC)))
    def test_a_moment_survives_the_way_to_nanoseconds_and_back(self, moment: datetime) -> None:
        assert sessions.utc(sessions.ns(moment)) == moment

    @given(st.integers(min_value=-(2**63), max_value=2**63 - 1))
    def test_nanoseconds_survive_the_way_through_both_zones_to_the_microsecond(self, at_ns: int) -> None:
        assert sessions.ns(sessions.utc(at_ns)) == sessions.ns(sessions.new_york(at_ns)) == at_ns - at_ns % 1_000

    @given(session_days, st.times())
    def test_a_wall_time_of_a_session_comes_back_as_it_was(self, day: date, clock: time) -> None:
        there = sessions.new_york(sessions.at(day, clock))
        assert (there.date(), there.time()) == (day, clock)
