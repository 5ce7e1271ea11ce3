"""What the browser tests ask for; without a browser they skip, or fail where SCALP_REQUIRE_ALL is set."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from tests.ui import running
from tests.ui.running import PageServer, Process

DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        say = pytest.fail if os.environ.get("SCALP_REQUIRE_ALL") else pytest.skip
        say("no chromium: apt install chromium")
    with running.chromium(path) as opened:
        yield opened


class Watched:
    """A page whose errors, and requests to anywhere but this machine, fail the test."""

    def __init__(self, page: Page) -> None:
        self.page, self.wrong, self.said = page, list[str](), list[str]()
        page.on("pageerror", lambda error: self.wrong.append(f"page error: {error}"))
        page.on("console", lambda said: self.said.append(said.text) if said.type == "error" else None)
        page.on("request", lambda asked: self._asked(asked.url))
        page.on("websocket", lambda socket: self._asked(socket.url))

    def _asked(self, url: str) -> None:
        where = urlsplit(url)
        if where.scheme in ("http", "https", "ws", "wss") and where.hostname != "127.0.0.1":
            self.wrong.append(f"request to {url}")


@pytest.fixture
def watched(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Watched]:
    """A tab of its own, of a desk's size and an operator's unless a test asks for another (`size`, `visitor`)."""
    wanted = request.node.get_closest_marker("size")
    name = request.node.get_closest_marker("visitor")
    size, who = wanted.args[0] if wanted else DESK, name.args[0] if name else "operator"
    context = running.visiting(browser, who, viewport=size, accept_downloads=True)
    opened = Watched(context.new_page())
    yield opened
    context.close()
    assert opened.wrong == []


@pytest.fixture
def page(watched: Watched) -> Iterator[Page]:
    """A tab that may write no error to its console either."""
    yield watched.page
    assert watched.said == []


@pytest.fixture
def bereft_page(watched: Watched) -> Page:
    """A tab that loses its server, of which the browser speaks in its console."""
    return watched.page


class Programs:
    """Engines and pages of one test, all on one database."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder, self.database, self.started = folder, database, list[Process]()

    def engine(self, tape: Path, speed: float) -> Process:
        """A replay that can be looked on."""
        self.started.append(running.replay(self.folder, tape, self.database, speed))
        return self.started[-1]

    def page(self) -> PageServer:
        """The page's server, once it answers."""
        server = PageServer(self.folder, self.database)
        self.started.append(server)
        return server.ready()

    def end(self) -> list[str]:
        """Ends all of them; what their logs say of faults."""
        for process in self.started:
            process.end()
        return [fault for process in self.started for fault in process.faults()]


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    """What a test runs, on a SQLite database; the log of none may speak of a fault."""
    started = Programs(tmp_path, f"sqlite:///{tmp_path / 'records.db'}")
    try:
        yield started
    finally:
        faults = started.end()
    assert faults == []


@pytest.fixture(scope="session")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulated sessions like that of `make demo`, two, so that none of the tests sees their end."""
    return running.generate(tmp_path_factory.mktemp("tape") / "market.tape", "--seed", "4", "--sessions", "2")
