"""Whole engines whose database goes away while they hold positions: exits and kill go on, and nothing is missing."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

import pytest
import sqlalchemy as sa
from sqlalchemy import RowMapping

from flows.engine.rebuild import rebuild
from flows.engine.watch import BEHIND
from flows.records.database import open_database, reading
from flows.records.faults import DatabaseUnavailable
from flows.records.marks import mark_of
from flows.records.queries import records_sha256
from flows.records.tables import audit, orders
from operators.events import AnyEvent, Bar, Checkpoint, Command, Intent
from tests.commands import complaint, process
from tests.kills import market_tape
from tests.lives import LIMIT_SECONDS, Place, begin
from tests.outages import Full, Hanging, Locked, Onlooker, Outage, Stopped, files_without_a_name, told
from tests.servers import Postgres

pytestmark = pytest.mark.slow
SPEED = 600.0
"""A session takes 39 s. The first position is held from its minute 18 to 40, another would come at minute 72."""
IN_MEMORY = 30
"""Records; a quarter of an hour makes more."""
DISK = "8m"


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return market_tape(tmp_path_factory.mktemp("market") / "market.tape")


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    if not list(Path("/usr/lib/postgresql").glob("*/bin")):
        say = pytest.fail if os.environ.get("SCALP_REQUIRE_ALL") else pytest.skip
        say("no programs of a PostgreSQL server in /usr/lib/postgresql")
    with tempfile.TemporaryDirectory() as folder:
        server = Postgres(Path(folder))
        server.start()
        yield server
        if server.started:
            server.wake()
            server.stop("immediate")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of few MB, in memory; only root may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", folder], check=False)
    if made.returncode != 0:
        pytest.skip("no small disk can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def outage(request: pytest.FixtureRequest, tmp_path: Path) -> Outage:
    if request.param == "locked":
        return Locked(tmp_path)
    if request.param == "full":
        return Full(request.getfixturevalue("small_disk"))
    server = request.getfixturevalue("postgres")
    if request.param == "hanging":
        return Hanging(server)
    return Stopped(server, "immediate" if request.param == "crashed" else "fast")


class Life(NamedTuple):
    """An engine with an open position, and who looks on."""

    place: Place
    engine: BaseProcess
    onlooker: Onlooker

    def end(self) -> int:
        """Ends it in order, within five seconds; gives its exit code."""
        assert self.engine.pid is not None
        os.kill(self.engine.pid, signal.SIGTERM)
        self.engine.join(5.0)
        assert self.engine.exitcode is not None
        return self.engine.exitcode

    def orders(self) -> list[RowMapping]:
        """All orders in the database, as they were sent."""
        return self._rows(orders)

    def audited(self) -> list[RowMapping]:
        """What the desk answered to commands."""
        return self._rows(audit)

    def _rows(self, table: sa.Table) -> list[RowMapping]:
        database = open_database(self.place.database, create=False)
        with reading(database) as connection:
            found = list(connection.execute(sa.select(table).order_by(table.c.tape_seq)).mappings())
        database.dispose()
        return found

    def digests(self) -> tuple[str, str]:
        """Of the database, and of one that is rebuilt from the tape."""
        database = open_database(self.place.database, create=False)
        digest = records_sha256(database, "paper:test")
        database.dispose()
        return digest, rebuild(self.place.state, f"sqlite:///{self.place.state}-again.db").records_sha256


@pytest.fixture
def life(market: Path, outage: Outage, tmp_path: Path) -> Iterator[Life]:
    place = Place(tmp_path / "state", outage.url, market, SPEED, in_memory=IN_MEMORY, log=tmp_path / "log")
    engine = begin(place)
    onlooker = Onlooker(place, engine)
    bought = onlooker.await_event(lambda event: isinstance(event, Intent) and event.side == "buy")
    onlooker.await_event(lambda event: isinstance(event, Bar) and event.at_ns > bought.at_ns)  # it was filled meanwhile
    yield Life(place, engine, onlooker)
    onlooker.close()
    engine.kill()
    engine.join(LIMIT_SECONDS)


def command(action: str) -> Callable[[AnyEvent], bool]:
    return lambda event: isinstance(event, Command) and event.action == action


def minutes_after(begun_ns: int, minutes: int) -> Callable[[AnyEvent], bool]:
    return lambda event: isinstance(event, Bar) and event.at_ns >= begun_ns + minutes * 60_000_000_000


def await_file(life: Life, there: bool) -> None:
    """Waits until records wait in a file, or none do."""
    until = time.monotonic() + LIMIT_SECONDS
    while (files_without_a_name(life.engine, life.place.state) > 0) is not there:
        assert time.monotonic() < until
        life.engine.join(0.02)


def await_mark(place: Place, engine: BaseProcess, seq: int) -> None:
    """Waits until the database has all up to an event."""
    database, until = open_database(place.database, create=False), time.monotonic() + LIMIT_SECONDS
    while (mark := mark_of(database, "paper:test")) is None or mark.tape_seq < seq:
        assert engine.is_alive()
        assert time.monotonic() < until
        engine.join(0.05)
    database.dispose()


def await_sale(life: Life) -> None:
    """Waits until the database has a filled order to sell."""
    until, sold = time.monotonic() + LIMIT_SECONDS, False
    while not sold:
        assert life.engine.is_alive()
        assert time.monotonic() < until
        life.engine.join(0.1)
        with suppress(DatabaseUnavailable):  # it is not made yet
            sold = ("sell", "filled") in [(row["side"], row["state"]) for row in life.orders()]


def of_kinds(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("outage", names, indirect=True)


@of_kinds("locked", "full", "stopped", "crashed", "hanging")
def test_entries_stop_with_a_reason_exits_go_on_and_all_is_in_the_database_afterwards(
    life: Life, outage: Outage
) -> None:
    outage.begin()
    gone = life.onlooker.catch_up()
    reduced = life.onlooker.await_event(command("reduce"))
    life.onlooker.await_event(minutes_after(gone.at_ns, 60))
    await_file(life, True)
    back_at = life.onlooker.seq
    outage.end()
    restored = life.onlooker.await_event(command("restore"))
    await_file(life, False)
    assert life.end() == 0
    sent = life.orders()
    exits = [row for row in sent if row["side"] == "sell" and gone.seq < row["tape_seq"] <= back_at]
    assert [row["state"] for row in exits].count("filled") >= 1
    bought = [row["tape_seq"] for row in sent if row["side"] == "buy"]
    assert [seq for seq in bought if reduced.seq < seq < restored.seq] == []
    said = {row["tape_seq"]: row["after"] for row in life.audited()}
    assert BEHIND in said[reduced.seq]
    assert '"trading": "ACTIVE"' in said[restored.seq]
    codes = told(life.place.log)
    # Who hangs tells nothing.
    assert ("W102" in codes, "W101" in codes) == (True, not isinstance(outage, Hanging))
    assert codes.count("W101") == codes.count("I003")
    one, again = life.digests()
    assert one == again


@of_kinds("locked", "crashed", "hanging")
def test_a_kill_by_file_sells_all_while_the_database_is_away(life: Life, outage: Outage) -> None:
    outage.begin()
    gone = life.onlooker.catch_up()
    (life.place.state / "kill").touch()
    killed = life.onlooker.await_event(command("kill"))
    sold = life.onlooker.await_event(lambda event: isinstance(event, Intent) and event.side == "sell")
    life.onlooker.await_event(command("reduce"))
    outage.end()
    life.onlooker.await_event(command("restore"))
    assert life.end() == 0
    (exit_order,) = [row for row in life.orders() if row["side"] == "sell" and row["tape_seq"] > gone.seq]
    assert (exit_order["state"], exit_order["reason"]) == ("filled", "risk")
    assert killed.seq < sold.seq
    assert '"trading": "HALTED"' in {row["tape_seq"]: row["after"] for row in life.audited()}[killed.seq]
    one, again = life.digests()
    assert one == again


@of_kinds("full", "hanging")
def test_one_that_is_stopped_while_its_database_is_away_says_so_and_the_next_start_brings_all_in(
    life: Life, outage: Outage
) -> None:
    outage.begin()
    life.onlooker.await_event(command("reduce"))
    assert life.end() == 1
    assert "the next start brings them in" in life.place.log.read_text(encoding="utf-8")
    outage.end()
    again = begin(life.place)
    await_mark(life.place, again, life.onlooker.seq)
    assert life._replace(engine=again).end() == 0
    one, rebuilt = life.digests()
    assert one == rebuilt


@of_kinds("locked", "crashed")
def test_a_start_without_its_database_says_what_is_held_and_goes_on_with_another(
    life: Life, outage: Outage, tmp_path: Path
) -> None:
    bought = life.onlooker.seq
    life.onlooker.await_event(lambda event: isinstance(event, Checkpoint) and event.at_seq > bought)
    life.engine.kill()
    life.engine.join(LIMIT_SECONDS)
    outage.begin()
    place = life.place
    words = ("--account", "test", "--feed", f"replay:{place.market}", "--speed", SPEED, "--database", place.database)
    said = complaint(process("run", "--state", place.state, *words, cwd=tmp_path))
    interim = f"sqlite:///{place.state}/interim.db"
    assert "this engine held 8 QQQ260302C00680000: no exit is watched meanwhile" in said
    assert f"name another database, e.g. --database {interim}, which the tape fills" in said
    other = Life(place._replace(database=interim), begin(place._replace(database=interim)), life.onlooker)
    await_sale(other)
    assert other.end() == 0
    outage.end()
    again = begin(place)
    await_mark(place, again, max(row["tape_seq"] for row in other.orders()))
    assert life._replace(engine=again).end() == 0
    one, rebuilt = life.digests()
    assert one == rebuilt
