"""Engines that are started, killed by SIGKILL and started again, each in a process of its own."""

import multiprocessing
import os
import signal
import time
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from flows import points
from flows.engine.process import Engine, Plan
from flows.engine.rebuild import rebuild
from flows.engine.recording import beginning
from flows.engine.telling import libraries_tell
from flows.feeds.faults import Fault
from flows.feeds.recorded import RecordedFeed
from flows.records.database import open_database, reading
from flows.records.queries import NOT_HASHED_TABLES, Plain, plain, recorded, records_sha256, rows_of
from flows.records.tables import metadata
from flows.records.waiting import IN_MEMORY
from flows.runs import Options, prepare
from flows.settings import load
from flows.tape.segments import Segments, segment_paths
from operators.events import OF_AN_ENGINE, AnyEvent, Checkpoint, Intent, encode

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["tests.lives"])

Row = tuple[str, tuple[tuple[str, Plain], ...]]
FAST = 1e6
LIMIT_SECONDS = 60.0
SEGMENT_BYTES = 1_000_000
"""Small, so that a life sees many rolls."""


class Place(NamedTuple):
    """Where an engine lives: its folder, its database, the tape that is its market.

    Of an engine that drops segments all are kept in the folder `whole` too.
    """

    state: Path
    database: str
    market: Path
    speed: float = FAST
    faults: frozenset[Fault] = frozenset()
    in_memory: int = IN_MEMORY
    log: Path | None = None
    """Where a life says what happens, instead of on stderr."""
    values: tuple[str, ...] = ()
    segment_bytes: int = SEGMENT_BYTES

    @property
    def tape(self) -> Path:
        return self.state / "tape"

    @property
    def whole(self) -> Path:
        return self.state.with_suffix(".whole") if self.values else self.tape

    def feed(self) -> RecordedFeed:
        return RecordedFeed(self.market, self.speed, self.faults)

    def plan(self) -> Plan:
        settings = load(None, self.values)
        return Plan(self.state, self.database, "test", "both", settings, self.speed, self.segment_bytes, self.in_memory)


def live(place: Place, point: str = "", times: int = 1) -> None:
    """One life; ends with the feed, or at a point."""
    if point:
        points.arm(point, times)
    if place.log is not None:
        os.dup2(os.open(place.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
    libraries_tell()
    engine = Engine(place.plan(), lambda _: place.feed())
    if place.whole != place.tape:
        _keep_all(engine, place)
    engine.run()


def _keep_all(engine: Engine, place: Place) -> None:
    """Gives each segment a second name before its first checkpoint is known, so before it can be dropped."""
    place.whole.mkdir(exist_ok=True)
    heard = engine.journal.checkpoint

    def link(path: Path) -> None:
        with suppress(FileExistsError):
            os.link(path, place.whole / path.name)

    def hear(checkpoint: Checkpoint, path: Path, offset: int) -> None:
        link(path)
        heard(checkpoint, path, offset)

    for path in segment_paths(place.tape):
        link(path)
    engine.journal.checkpoint = hear


def begin(place: Place, point: str = "", times: int = 1) -> BaseProcess:
    """Starts a life."""
    process = _forks.Process(target=live, args=(place, point, times))
    process.start()
    return process


def killed_at(place: Place, point: str, times: int) -> bool:
    """Whether a life was killed at the point; else it came to the feed's end."""
    process = begin(place, point, times)
    process.join(LIMIT_SECONDS)
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode != 0


def killed_after(place: Place, seconds: float) -> bool:
    """Whether a life was killed after so many seconds; else it came to the feed's end before."""
    process = begin(place)
    process.join(seconds)
    with suppress(ProcessLookupError):
        process.kill()
    process.join(LIMIT_SECONDS)
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode != 0


def live_out(place: Place) -> float:
    """Lives to the feed's end; gives the seconds that it took."""
    began = time.monotonic()
    process = begin(place)
    process.join(LIMIT_SECONDS)
    assert process.exitcode == 0, process.exitcode
    return time.monotonic() - began


def market_of(events: list[AnyEvent]) -> list[bytes]:
    """What a feed brought, without place and time on the tape."""
    return [encode(replace(event, seq=0, at_ns=0)) for event in events if not isinstance(event, OF_AN_ENGINE)]


def check(place: Place, market: list[bytes]) -> int:
    """All is there once: events of the feed, intents, and the database is that of a replay. Gives the intents."""
    tape = list(Segments(place.whole).events())
    assert [event.seq for event in tape] == list(range(1, len(tape) + 1))
    assert market_of(tape) == market
    orders = [event.client_order_id for event in tape if isinstance(event, Intent)]
    assert len(set(orders)) == len(orders)
    again = f"sqlite:///{place.state.with_suffix('.again.db')}"
    run, flow = prepare([place.whole], Options(database=again))
    run.execute(flow)
    assert run.echoes is not None
    assert run.echoes.missing == []
    run.engine.dispose()
    digests = [records_sha256(open_database(url, create=False), "paper:test") for url in (place.database, again)]
    assert digests[0] == digests[1]
    return len(orders)


def check_left(place: Place) -> int:
    """What is left of a tape replays as it was recorded, and its database is a part of the engine's. Gives its rows."""
    left = f"sqlite:///{place.state.with_suffix('.left.db')}"
    made = rebuild(place.state, left)
    some, all_ = (rows(url) for url in (left, place.database))
    # Of a row that changes the engine has the same last state, of a fact the same content.
    assert some <= all_
    begun = beginning(Segments(place.tape)).restored.from_seq
    late = {row for row in all_ if dict(row[1]).get("tape_seq", 0) > begun}
    assert (late <= some, bool(made.missing)) == (True, begun > 0)
    return len(late)


def rows(url: str) -> set[Row]:
    """All that is recorded in a database: each row with its table."""
    engine = open_database(url, create=False)
    found = set[Row]()
    with reading(engine) as connection:
        for name in set(metadata.tables) - set(NOT_HASHED_TABLES):
            table, names = metadata.tables[name], recorded(metadata.tables[name])
            select = rows_of(engine, table, "paper:test", [table.c[column] for column in names])
            found |= {(name, tuple(zip(names, map(plain, row), strict=True))) for row in connection.execute(select)}
    engine.dispose()
    return found
