"""`scalp doctor`: what it finds at the fake Alpaca and on this machine, and what it says to do."""

import datetime as dt
import sqlite3
from pathlib import Path

import pytest

from flows import findings, foreseeing
from flows.brokers import judging
from flows.brokers.alpaca import keys
from flows.brokers.alpaca.health import DATA, Day, Health, Standing
from flows.examining import Asked, examined, feed_refused
from flows.feeds.choosing import Asked as FeedAsked
from flows.feeds.choosing import NoFeed, chosen
from flows.findings import Finding
from flows.records.database import ensure, head, open_database
from flows.settings import load
from operators.config import ScalpConfig
from operators.events import SECOND_NS, Mode
from operators.sessions import session
from tests.alpaca_brokers import KEYS, place
from tests.alpaca_clients import buy, trading
from tests.alpaca_market import OPENING
from tests.commands import complaint, scalp, told
from tests.fakes.alpaca.process import Alpaca
from tests.left_engines import ACCOUNT, Left, at, made
from tests.virtual import run_fast

pytest_plugins = ("tests.alpaca_fixtures", "tests.left_fixtures")
TODAY = dt.date(2026, 3, 2)
BEST = ("stock_feed=sip", "option_feed=opra")
USUAL = Day(dt.time(9, 30), dt.time(16))


def patient(broker: str, folder: Path, *, mode: Mode = "both", account: str = "", state: Path | None = None) -> Asked:
    url = f"sqlite:///{folder}/records.db"
    return Asked(broker, False, account, mode, state or folder / "state", url, load())


def found(asked: Asked, what: str) -> Finding:
    """The one finding of a thing."""
    (one,) = (finding for finding in examined(asked, TODAY, lambda: OPENING) if finding.what == what)
    return one


def at_fake(fake: Alpaca, folder: Path, what: str, **words: object) -> Finding:
    return found(patient(at(fake)[1], folder, **words), what)  # type: ignore[arg-type]  # options of one place


class TestCommand:
    def test_a_machine_that_is_well_ends_with_0(self, tmp_path: Path) -> None:
        where = ("--state", tmp_path / "state", "--database", f"sqlite:///{tmp_path}/records.db")
        said = scalp("doctor", *where)
        assert (said.code, said.err) == (0, "")
        lines = said.out.splitlines()
        asked = "keys, account, feeds, clock, calendar and positions"
        assert lines[0] == f"ok    broker: paper, inside the engine: {asked} are not asked for"
        assert lines[-3:] == [
            f"ok    state folder: {tmp_path}/state is not there yet, the first start makes it",
            "ok    tape: none yet, the first start begins it as paper:main",
            f"ok    database: {tmp_path}/records.db is not there yet, the first start makes it",
        ]
        assert list(tmp_path.iterdir()) == []

    def test_something_that_fails_ends_with_3(self, tmp_path: Path) -> None:
        said = scalp("doctor", "--state", tmp_path / "none" / "state", "--database", f"sqlite:///{tmp_path}/records.db")
        assert said.code == 3
        line = f"FAIL  state folder: the folder {tmp_path}/none does not exist: make it first"
        assert line in said.out.splitlines()

    def test_json_is_one_object(self, tmp_path: Path) -> None:
        where = ("--state", tmp_path / "state", "--database", f"sqlite:///{tmp_path}/records.db")
        summary = told(scalp("doctor", *where, "--json"))
        assert summary["failed"] is False
        assert summary["checks"][0]["what"] == "broker"
        assert set(summary["checks"][0]) == {"status", "what", "found", "to_do"}

    def test_another_word_for_a_broker_is_bad_usage(self) -> None:
        assert complaint(scalp("doctor", "--broker", "alpaka")).startswith("--broker alpaka: expected paper, alpaca")


class TestBroker:
    def test_an_account_that_is_well_has_all_of_it_said(self, fake: Alpaca, tmp_path: Path) -> None:
        asked = patient(at(fake)[1], tmp_path)._replace(settings=load(None, BEST))
        all_of_it = list(examined(asked, TODAY, lambda: OPENING))
        assert [str(one) for one in all_of_it if one.what in ("account", "options", "calendar", "positions")] == [
            f"ok    account: {ACCOUNT} may trade, 100,000.00 USD",
            "ok    options: level 2, --mode both",
            "ok    calendar: the broker's to 2026-03-31",
            "ok    positions: none, and no engine has begun here",
        ]
        assert {one.status for one in all_of_it} == {"ok"}

    def test_missing_keys_fail_and_the_rest_is_not_known(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(keys.KEY, raising=False)
        monkeypatch.setenv(keys.SECRET, "a-secret")
        first, second, *_ = examined(patient("alpaca", tmp_path), TODAY, lambda: OPENING)
        assert first == Finding("FAIL", "keys", f"no keys for Alpaca: set {keys.KEY} in the environment")
        assert (second.status, second.what, second.to_do) == ("warn", "broker", "mend the keys first")

    def test_refused_keys_fail(self, fake: Alpaca, tmp_path: Path) -> None:
        fake.faults({"kind": "unauthorized"})
        one = at_fake(fake, tmp_path, "keys")
        assert (one.status, one.found.partition(":")[0]) == ("FAIL", "Alpaca refuses the keys")

    def test_a_broker_that_does_not_answer_fails(self, fake: Alpaca, tmp_path: Path) -> None:
        fake.faults({"kind": "503", "count": 2})
        assert at_fake(fake, tmp_path, "keys").found == "alpaca-paper does not answer: HTTP 503: no reason given"
        assert at_fake(fake, tmp_path, "broker").to_do == "see that it can be reached, and ask again"

    def test_a_blocked_account_fails(self, fake: Alpaca, tmp_path: Path) -> None:
        fake.faults({"kind": "blocked", "count": 0})
        one = at_fake(fake, tmp_path, "account")
        assert (one.status, one.to_do) == ("FAIL", "ask Alpaca why")
        assert "status ACTIVE, trading_blocked" in one.found

    def test_an_account_without_money_fails(self, fake: Alpaca, tmp_path: Path) -> None:
        fake.reset(cash_usd=0)
        assert at_fake(fake, tmp_path, "account") == Finding(
            "FAIL", "account", f"{ACCOUNT} has 0.00 USD", "pay something in"
        )

    @pytest.mark.parametrize(("mode", "status"), [("options", "FAIL"), ("both", "FAIL"), ("leveraged_etf", "ok")])
    def test_a_level_that_buys_no_options_fails_where_they_are_traded(
        self, fake: Alpaca, tmp_path: Path, mode: Mode, status: str
    ) -> None:
        fake.reset(options_level=1)
        assert at_fake(fake, tmp_path, "options", mode=mode).status == status

    def test_another_account_than_the_one_named_fails(self) -> None:
        standing = Standing("A1", "", 1_000_000, 2)
        first, *_ = judging.account(standing, "A2", "both")
        assert str(first) == "FAIL  account: it is A1, not A2 - use that account's keys"

    def test_a_question_that_is_not_answered_fails_alone(self, fake: Alpaca, tmp_path: Path) -> None:
        fake.faults({"kind": "500", "path": "/v2/calendar"})
        assert at_fake(fake, tmp_path, "calendar") == Finding(
            "FAIL", "calendar", "not known: HTTP 500: no reason given", "ask again"
        )

    def test_trading_days_come_with_their_hours(self, fake: Alpaca) -> None:
        health = Health(KEYS, place(fake))
        days = run_fast(health.calendar(TODAY, TODAY + dt.timedelta(days=1)))
        health.close()
        assert days == {TODAY: USUAL, TODAY + dt.timedelta(days=1): USUAL}


class TestFeeds:
    def said(self, fake: Alpaca, folder: Path, what: str, *values: str) -> tuple[str, str, str]:
        """Status, finding and advice with these settings."""
        one = found(patient(at(fake)[1], folder)._replace(settings=load(None, values)), what)
        return one.status, one.found, one.to_do

    def test_sip_and_opra_are_well_where_they_are_permitted(self, fake: Alpaca, tmp_path: Path) -> None:
        shares, options = (self.said(fake, tmp_path, f"feed of {what}", *BEST) for what in ("shares", "options"))
        assert shares == ("ok", "stock_feed = sip, all exchanges", "")
        assert options == ("ok", "option_feed = opra, all exchanges", "")

    def test_sip_without_a_subscription_fails_and_says_what_is_permitted(self, fake: Alpaca, tmp_path: Path) -> None:
        fake.faults({"kind": "no_subscription", "count": 0})
        assert self.said(fake, tmp_path, "feed of shares", *BEST) == (
            "FAIL",
            "stock_feed = sip is not permitted, iex is",
            "set stock_feed to iex, or subscribe to sip at Alpaca",
        )

    def test_opra_without_a_subscription_fails_and_says_what_is_permitted(self, fake: Alpaca, tmp_path: Path) -> None:
        fake.faults({"kind": "no_subscription", "count": 0})
        assert self.said(fake, tmp_path, "feed of options", *BEST) == (
            "FAIL",
            "option_feed = opra is not permitted, indicative is",
            "set option_feed to indicative, or subscribe to opra at Alpaca",
        )

    def test_iex_and_indicative_warn_that_better_ones_are_to_be_had(self, fake: Alpaca, tmp_path: Path) -> None:
        shares, options = (self.said(fake, tmp_path, f"feed of {what}") for what in ("shares", "options"))
        assert (shares[0], shares[2]) == ("warn", "set stock_feed to sip")
        assert shares[1].endswith("; sip is permitted")
        assert (options[0], options[2]) == ("warn", "set option_feed to opra")
        assert options[1].endswith("; opra is permitted")

    def test_iex_and_indicative_warn_without_a_subscription(self, fake: Alpaca, tmp_path: Path) -> None:
        fake.faults({"kind": "no_subscription", "count": 0})
        shares, options = (self.said(fake, tmp_path, f"feed of {what}") for what in ("shares", "options"))
        assert (shares[0], shares[1].partition(",")[0]) == ("warn", "stock_feed = iex")
        assert shares[2] == "subscribe to sip at Alpaca, and set stock_feed to it"
        assert (options[0], options[1].partition(",")[0]) == ("warn", "option_feed = indicative")
        assert options[2] == "subscribe to opra at Alpaca, and set option_feed to it"

    @pytest.mark.parametrize(("permitted", "to_do"), [("indicative", "subscribe to opra at Alpaca"), ("opra", "")])
    def test_indicative_quotes_are_refused_for_real_money_as_the_start_does(self, permitted: str, to_do: str) -> None:
        refused = feed_refused(load(), "both", live=True)
        with pytest.raises(NoFeed) as start:
            chosen(FeedAsked("alpaca", live=True), load(), "both")
        assert refused == str(start.value)
        one = judging.option_feed("indicative", permitted, refused)
        assert one == Finding("FAIL", "feed of options", refused, to_do)
        assert feed_refused(load(None, BEST), "both", live=True) == ""

    def test_none_at_all_fails(self) -> None:
        for wanted in ("sip", "iex"):
            assert str(judging.stock_feed(wanted, "")) == (
                f"FAIL  feed of shares: stock_feed = {wanted} is not permitted, nor is any other - subscribe at Alpaca"
            )
        for wanted in ("opra", "indicative"):
            assert judging.option_feed(wanted, "", "").status == "FAIL"

    def test_a_mode_without_options_needs_no_feed_of_them(self, fake: Alpaca, tmp_path: Path) -> None:
        one = at_fake(fake, tmp_path, "feed of options", mode="leveraged_etf")
        assert (one.status, one.found) == ("ok", "--mode leveraged_etf needs none")

    def test_real_data_come_from_alpacas_own_address(self) -> None:
        from alpaca.common.enums import BaseURL

        assert BaseURL.DATA.value == DATA


class TestClock:
    def test_a_fakes_is_not_compared(self, fake: Alpaca, tmp_path: Path) -> None:
        assert at_fake(fake, tmp_path, "clock").found == "not compared: a fake's time is that of its tape"

    def test_it_is_told_in_nanoseconds(self, fake: Alpaca) -> None:
        health = Health(KEYS, place(fake))
        told_ns = run_fast(health.clock_ns())
        health.close()
        assert told_ns == OPENING

    @pytest.mark.parametrize(
        ("off_ns", "status"),
        [
            (0, "ok"),
            (SECOND_NS, "ok"),
            (SECOND_NS + 1, "warn"),
            (5 * SECOND_NS, "warn"),
            (5 * SECOND_NS + 1, "FAIL"),
        ],
    )
    @pytest.mark.parametrize("sign", [-1, 1])
    def test_more_than_a_second_off_warns_and_more_than_five_fail(self, off_ns: int, status: str, sign: int) -> None:
        assert judging.clock(OPENING + sign * off_ns, OPENING, OPENING).status == status

    def test_what_an_answer_may_have_taken_counts_for_nothing(self) -> None:
        # Asked at 0, answered after 4 s: 3 s are no fault, 6 s are 2 s too late.
        later_ns = OPENING + 4 * SECOND_NS
        assert judging.clock(OPENING + 3 * SECOND_NS, OPENING, later_ns) == Finding("ok", "clock", "as the broker's")
        one = judging.clock(OPENING + 6 * SECOND_NS, OPENING, later_ns)
        assert (one.status, one.found) == ("warn", "2.000 s off the broker's at least, limits 1 s and 5 s")


class TestCalendar:
    def days(self, first: dt.date) -> dict[dt.date, Day]:
        """Thirty days as our table has them, closing at 13:00 or 16:00."""
        days = [first + dt.timedelta(days=number) for number in range(30)]
        known = ((day, session(day)) for day in days)
        return {day: Day(dt.time(9, 30), dt.time(13 if one.early else 16)) for day, one in known if one is not None}

    def test_the_same_days_agree(self) -> None:
        assert judging.calendar(dt.date(2026, 12, 1), self.days(dt.date(2026, 12, 1))).status == "ok"

    def test_a_close_or_a_holiday_that_differs_fails_with_both_sides(self) -> None:
        first = dt.date(2026, 12, 1)
        told = self.days(first) | {dt.date(2026, 12, 24): USUAL}
        del told[dt.date(2026, 12, 2)]
        one = judging.calendar(first, told)
        assert one.status == "FAIL"
        assert one.found == (
            "2026-12-02: 09:30 to 16:00 here, closed at the broker; "
            "2026-12-24: 09:30 to 13:00 here, 09:30 to 16:00 at the broker"
        )

    def test_a_day_that_the_table_does_not_reach_fails(self) -> None:
        one = judging.calendar(dt.date(2028, 12, 20), {})
        assert (one.status, one.found.partition(",")[0]) == ("FAIL", "2029-01-01 is outside the session table")


class TestPositions:
    def test_what_an_engine_left_is_its_own(self, left: Left, tmp_path: Path) -> None:
        one = at_fake(left.fake, tmp_path, "positions", state=left.state)
        assert one == Finding("ok", "positions", f"as live:{ACCOUNT} believes")

    def test_another_number_fails(self, left: Left, tmp_path: Path) -> None:
        with left.bought_by_hand():
            one = at_fake(left.fake, tmp_path, "positions", state=left.state)
        assert (one.status, one.to_do) == ("FAIL", "see `scalp broker reconcile`")
        assert f"{left.symbol}: {left.quantity} here" in one.found

    def test_what_no_engine_holds_warns(self, fake: Alpaca, tmp_path: Path) -> None:
        buy(trading(fake), "TQQQ", 50, 50.02, "by-hand")
        one = at_fake(fake, tmp_path, "positions")
        assert (one.status, one.found) == ("warn", "not the engine's: 50 TQQQ")

    def test_an_order_in_our_name_without_an_engine_fails(self, fake: Alpaca, tmp_path: Path) -> None:
        buy(trading(fake), "TQQQ", 50, 49.95, "sc-20260302-1")
        assert at_fake(fake, tmp_path, "positions").found == (
            "order sc-20260302-1 to buy 50 TQQQ: unknown here, working with 0 filled at the broker"
        )

    def test_a_tape_that_cannot_be_read_fails(self, left: Left, tmp_path: Path) -> None:
        state = made(tmp_path, [])
        one = at_fake(left.fake, tmp_path, "positions", state=state)
        assert (one.status, one.found.partition(":")[0]) == ("FAIL", f"{state}/tape is no tape of an engine")


class TestStatements:
    @pytest.mark.parametrize(
        ("today", "status"),
        [("2027-11-01", "ok"), ("2027-11-02", "warn"), ("2027-12-31", "warn"), ("2028-01-01", "FAIL")],
    )
    def test_the_table_has_to_reach_sixty_days(self, today: str, status: str) -> None:
        assert findings.statements(dt.date.fromisoformat(today), ScalpConfig()).status == status

    def test_they_are_not_asked_for_where_no_rule_reads_them(self) -> None:
        config = ScalpConfig(no_scalp_around_fomc=False)
        assert findings.statements(dt.date(2030, 1, 1), config).status == "ok"


class TestDatabase:
    def test_one_at_head_is_well(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path}/records.db"
        engine = open_database(url, create=True)
        ensure(engine)
        engine.dispose()
        assert foreseeing.database(url) == Finding("ok", "database", f"at revision {head()}")

    def test_an_empty_one_is_left_empty(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path}/records.db"
        open_database(url, create=True).dispose()
        assert foreseeing.database(url).found == "empty, the first start makes the tables"
        assert foreseeing.database(url).found == "empty, the first start makes the tables"

    def test_an_old_one_fails_with_the_command_that_upgrades(self, tmp_path: Path) -> None:
        with sqlite3.connect(tmp_path / "records.db") as connection:
            connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
            connection.execute("INSERT INTO alembic_version VALUES ('140')")
        connection.close()
        one = foreseeing.database(f"sqlite:///{tmp_path}/records.db")
        assert one.status == "FAIL"
        assert f"is at 140, needs {head()}; run `scalp db upgrade" in one.found

    def test_one_that_cannot_be_reached_fails(self) -> None:
        one = foreseeing.database("postgresql://127.0.0.1:9/scalp")
        assert (one.status, one.what) == ("FAIL", "database")


class TestDisks:
    def test_under_a_gigabyte_warns(self) -> None:
        assert findings.room("disk", 999_999_999) == Finding(
            "warn", "disk", "999 MB free", "make room: 1,000 MB at least"
        )
        assert findings.room("disk", 1_000_000_000).status == "ok"

    def test_a_servers_is_not_asked(self, tmp_path: Path) -> None:
        *_, last = findings.disks(tmp_path, "postgresql://127.0.0.1:9/scalp")
        assert last == Finding("ok", "disk of the database", "on its server, not asked")


class TestFolder:
    def test_one_that_is_its_users_alone_is_well(self, left: Left) -> None:
        assert findings.folder(left.state).found == f"{left.state} is open to nobody else, and no engine runs on it"

    @pytest.mark.parametrize("name", [".", "tape"])
    def test_one_that_is_open_to_others_fails(self, tmp_path: Path, name: str) -> None:
        state = made(tmp_path, [])
        (state / name).chmod(0o755)
        one = findings.folder(state)
        assert one.status == "FAIL"
        assert "is open to others (mode 0755): close it with `chmod 700" in one.found
