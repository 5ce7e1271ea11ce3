"""Whole engines whose database goes away while they hold positions: exits and kill go on, and nothing is missing."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flows.engine.watch import BEHIND
from operators.events import Bar, Checkpoint, Intent
from tests.commands import complaint, process, scalp
from tests.kills import market_tape
from tests.lives import LIMIT_SECONDS, Place, begin
from tests.onlookers import (
    Life,
    Onlooker,
    await_file,
    await_mark,
    await_sale,
    await_told,
    command,
    minutes_after,
    told,
)
from tests.outages import Full, FullServer, Hanging, Locked, Outage, Stopped, fill
from tests.servers import Postgres

pytestmark = pytest.mark.slow
SPEED, SLOWLY = 400.0, 120.0
"""A session takes 39 s. The first position is held from its minute 18 to 40, another would come at minute 72."""
IN_MEMORY = 30
"""Records; a quarter of an hour makes more."""
DISK = "64m"


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return market_tape(tmp_path_factory.mktemp("market") / "market.tape")


@contextmanager
def running(folder: Path) -> Iterator[Postgres]:
    """A server that runs, with its data in a folder."""
    server = Postgres(folder)
    server.start()
    yield server
    if server.started:
        server.wake()
        server.stop("immediate")


@pytest.fixture
def postgres_programs() -> None:
    if not list(Path("/usr/lib/postgresql").glob("*/bin")):
        say = pytest.fail if os.environ.get("SCALP_REQUIRE_ALL") else pytest.skip
        say("no programs of a PostgreSQL server in /usr/lib/postgresql")


@pytest.fixture
def postgres(postgres_programs: None) -> Iterator[Postgres]:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as server:
        yield server


@pytest.fixture
def postgres_on_a_small_disk(postgres_programs: None, small_disk: Path) -> Iterator[Postgres]:
    with running(small_disk) as server:
        yield server


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of some MB, in memory; only root may mount one."""
    folder = Path(tempfile.mkdtemp())
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", folder], check=False)
    if made.returncode != 0:
        pytest.skip("no small disk can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)
    folder.rmdir()


@pytest.fixture
def outage(request: pytest.FixtureRequest, tmp_path: Path) -> Outage:
    if request.param == "locked":
        return Locked(tmp_path)
    if request.param == "full":
        return Full(request.getfixturevalue("small_disk"))
    if request.param == "full server":
        return FullServer(request.getfixturevalue("small_disk"), request.getfixturevalue("postgres_on_a_small_disk"))
    server = request.getfixturevalue("postgres")
    if request.param == "hanging":
        return Hanging(server)
    return Stopped(server, "immediate" if request.param == "crashed" else "fast")


@pytest.fixture
def speed() -> float:
    return SPEED


@pytest.fixture
def life(market: Path, outage: Outage, speed: float, tmp_path: Path) -> Iterator[Life]:
    place = Place(tmp_path / "state", outage.url, market, speed, in_memory=IN_MEMORY, log=tmp_path / "log")
    engine = begin(place)
    onlooker = Onlooker(place, engine)
    bought = onlooker.await_event(lambda event: isinstance(event, Intent) and event.side == "buy")
    onlooker.await_event(lambda event: isinstance(event, Bar) and event.at_ns > bought.at_ns)  # it was filled meanwhile
    yield Life(place, engine, onlooker)
    onlooker.close()
    engine.kill()
    engine.join(LIMIT_SECONDS)


def of_kinds(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("outage", names, indirect=True)


@of_kinds("locked", "full", "stopped", "crashed", "hanging", "full server")
def test_entries_stop_with_a_reason_exits_go_on_and_all_is_in_the_database_afterwards(
    life: Life, outage: Outage
) -> None:
    gone = life.lose(outage)
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
    codes = told(life.log)
    # Who hangs tells nothing.
    assert ("W102" in codes, "W101" in codes) == (True, not isinstance(outage, Hanging))
    assert codes.count("W101") == codes.count("I003")
    one, again = life.digests()
    assert one == again


@pytest.mark.parametrize("speed", [SLOWLY])  # not before its own exit
@of_kinds("locked", "crashed", "hanging")
def test_a_kill_by_file_sells_all_while_the_database_is_away(life: Life, outage: Outage) -> None:
    gone = life.lose(outage)
    (life.place.state / "kill").touch()
    killed = life.onlooker.await_event(command("kill"))
    sold = life.onlooker.await_event(lambda event: isinstance(event, Intent) and event.side == "sell")
    life.onlooker.await_event(command("reduce"))
    outage.end()
    life.onlooker.await_event(command("restore"))
    assert life.end() == 0
    exits = [row for row in life.orders() if row["side"] == "sell" and row["tape_seq"] > gone.seq]
    assert {row["reason"] for row in exits} == {"risk"}
    assert "filled" in [row["state"] for row in exits]
    assert life.held() == []
    assert killed.seq < sold.seq
    assert '"trading": "HALTED"' in {row["tape_seq"]: row["after"] for row in life.audited()}[killed.seq]
    one, again = life.digests()
    assert one == again


@of_kinds("full", "hanging")
def test_one_that_is_stopped_while_its_database_is_away_says_so_and_the_next_start_brings_all_in(
    life: Life, outage: Outage
) -> None:
    life.lose(outage)
    life.onlooker.await_event(command("reduce"))
    assert life.end() == 1
    assert "the next start brings them in" in life.log.read_text(encoding="utf-8")
    outage.end()
    again = begin(life.place)
    await_mark(life.place, again, life.onlooker.seq)
    assert life._replace(engine=again).end() == 0
    one, rebuilt = life.digests()
    assert one == rebuilt


def test_a_full_disk_under_the_tape_is_waited_for_while_the_engine_shows_life(
    market: Path, small_disk: Path, tmp_path: Path
) -> None:
    place = Place(small_disk / "state", f"sqlite:///{tmp_path}/live.db", market, SPEED, log=tmp_path / "log")
    engine = begin(place)
    life = Life(place, engine, Onlooker(place, engine))
    life.onlooker.await_event(lambda event: isinstance(event, Intent) and event.side == "buy")
    ballast = fill(small_disk)
    await_told(life, "W103")
    full_at = life.onlooker.catch_up()
    beaten = life.beaten_at()
    while life.beaten_at() <= beaten:
        assert engine.is_alive()
        engine.join(0.1)
    assert life.onlooker.catch_up() == full_at
    ballast.unlink()
    life.onlooker.await_event(minutes_after(full_at.at_ns, 10))
    await_told(life, "I004")
    assert life.end() == 0
    life.onlooker.close()
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
    assert re.search(r"this engine held \d+ QQQ260302C00680000: no exit is watched meanwhile", said)
    assert f"`scalp rebuild --state {place.state} --database {interim}` and start with --database {interim}" in said
    assert scalp("rebuild", "--state", place.state, "--database", interim).code == 0
    other = Life(place._replace(database=interim), begin(place._replace(database=interim)), life.onlooker)
    await_sale(other)
    assert other.end() == 0
    outage.end()
    again = begin(place)
    await_mark(place, again, max(row["tape_seq"] for row in other.orders()))
    assert life._replace(engine=again).end() == 0
    one, rebuilt = life.digests()
    assert one == rebuilt
