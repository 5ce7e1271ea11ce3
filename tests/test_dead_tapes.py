"""Whole engines whose tape cannot be written: told to stop they end, say what is missing, and the next one has it."""

import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import pytest

from flows.market.generate import generate
from flows.market.plan import FIRST, planned
from flows.records.database import ensure, open_database
from flows.tape.reader import Tape
from flows.tape.segments import Segments
from tests.lives import LIMIT_SECONDS, Place, check, live_out, market_of

pytestmark = pytest.mark.slow
SCALP: Final = Path(sys.executable).with_name("scalp")
ROOM: Final = 1_000_000
"""Bytes that a file may have: the market's history fits, its session does not; nor does the database need so many."""
SAID: Final = re.compile(
    r"scalp: the tape cannot be written \(\[Errno 27] File too large\): (\d+) events are not on it, and no order among "
    r"them was sent; mend that and start again, which goes on behind event (\d+)"
)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """So many events that its feed does not end while the tape takes none."""
    path = tmp_path_factory.mktemp("market") / "market.tape"
    words: dict[str, Any] = {"contracts": 30, "chain_seconds": 30, "quotes_per_second": 0.3}
    generate(planned("QQQ,SPY", "", FIRST, seed=4, sessions=1, **words), path)
    return path


@pytest.fixture
def place(market: Path, tmp_path: Path) -> Place:
    """Its database has its tables: to make them takes a log of nearly as many bytes as a file may have."""
    place = Place(tmp_path / "state", f"sqlite:///{tmp_path}/live.db", market, log=tmp_path / "log")
    database = open_database(place.database, create=True)
    ensure(database)
    database.dispose()
    return place


def await_told(process: subprocess.Popen[bytes], log: Path) -> None:
    """Waits until a program has told that its tape cannot be written."""
    until = time.monotonic() + LIMIT_SECONDS
    while "W103" not in log.read_text(encoding="utf-8"):
        assert process.poll() is None, log.read_text(encoding="utf-8")
        assert time.monotonic() < until
        time.sleep(0.02)


def ends_without_room(place: Place, number: int, *words: str) -> tuple[int, int]:
    """Stops a program whose files may not grow, once it says so; what it says is missing, and the last event there."""
    assert place.log is not None
    place.log.unlink(missing_ok=True)
    command = [str(SCALP), *words, "--state", str(place.state), "--feed", f"replay:{place.market}", "--speed", "1e6"]
    with place.log.open("wb") as log, subprocess.Popen(command, stderr=log, stdout=log) as process:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (ROOM, ROOM))
        try:
            await_told(process, place.log)
            process.send_signal(number)
            assert process.wait(5.0) == 3
        finally:
            process.kill()
    found = SAID.fullmatch(place.log.read_text(encoding="utf-8").splitlines()[-1])
    assert found is not None, place.log.read_text(encoding="utf-8")
    assert sum(1 for _ in Segments(place.tape).events()) == int(found[2])
    return int(found[1]), int(found[2])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_one_that_is_stopped_ends_with_3_and_the_next_one_has_all_once(place: Place, number: int) -> None:
    words = ("run", "--account", "test", "--database", place.database)
    missing, last = ends_without_room(place, number, *words)
    assert missing > 10_000  # as many as may wait
    # The next one has no room for its own beginning: that, its clock and its end are missing.
    missing, again = ends_without_room(place, number, *words)
    assert (again, 2 <= missing < 100) == (last, True)
    live_out(place._replace(log=None))
    assert check(place, market_of(list(Tape(place.market).events()))) > 0


def test_a_recording_that_is_stopped_ends_with_3_and_goes_on_from_there(place: Place) -> None:
    missing, last = ends_without_room(place, signal.SIGTERM, "record")
    assert (missing > 10_000, last > 0) == (True, True)
