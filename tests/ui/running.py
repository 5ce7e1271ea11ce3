"""What the browser tests run: a paced replay, the page's server and a browser."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from dashboard.accounts import COOKIE, Accounts, Role, Visitor

ROOT = Path(__file__).parents[2]
SCALP = Path(sys.executable).with_name("scalp")
FAULTS = ("Traceback", "ERROR", "CRITICAL", "Exception")
# Without these the browser tries to reach its maker at every start.
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
)
Found = TypeVar("Found")


def until(answer: Callable[[], Found], seconds: float, what: str) -> Found:
    """The first answer that is true; raises TimeoutError after so many seconds."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        found = answer()
        if found:
            return found
        time.sleep(0.05)
    raise TimeoutError(f"{what} did not happen within {seconds} s")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port


class Process:
    """A program of ours with its own log; ended by SIGTERM, and by SIGKILL where that is what is tested."""

    def __init__(self, name: str, command: list[str], folder: Path, **environment: str) -> None:
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as out:
            self._running = subprocess.Popen(
                command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, env=os.environ | environment
            )

    @property
    def pid(self) -> int:
        return self._running.pid

    @property
    def alive(self) -> bool:
        return self._running.poll() is None

    def end(self, how: int = signal.SIGTERM) -> None:
        """Ends it and waits."""
        if self.alive:
            self._running.send_signal(how)
        self._running.wait(15)

    def faults(self) -> list[str]:
        """Lines of the log that speak of a fault."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [line for line in lines if any(word in line for word in FAULTS)]


class Login(NamedTuple):
    """The accounts of all pages of this process; `words` are their passwords."""

    file: Path
    accounts: Accounts
    words: dict[str, str]
    folder: tempfile.TemporaryDirectory[str]


@cache
def login() -> Login:
    """Made with the first page."""
    folder = tempfile.TemporaryDirectory()
    file, told = Path(folder.name) / "login.json", list[str]()
    accounts = Accounts(file, told.append)
    words = dict(line.removeprefix("login of the page: ").split(" ") for line in told[:2])
    return Login(file, accounts, words, folder)


def visiting(browser: Browser, name: Role | None = "operator", **options: Any) -> BrowserContext:
    """A browser's window of its own, logged in, or not if no name is given."""
    context = browser.new_context(**options)
    if name is not None:
        cookie = login().accounts.cookie(Visitor(name))
        context.add_cookies([{"name": COOKIE, "value": cookie, "domain": "127.0.0.1", "path": "/"}])
    return context


class PageServer(Process):
    """The page as `make demo` serves it; `state` is the folder of its engine."""

    def __init__(self, folder: Path, database: str, state: Path | None = None) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/app"
        where = ["--address", "127.0.0.1", "--port", str(port), f"--allow-websocket-origin=127.0.0.1:{port}"]
        door = ["--auth-module", "dashboard/login.py"]
        command = [sys.executable, "-m", "panel", "serve", "dashboard/app.py", *where, *door, "--warm"]
        told = {"SCALP_DATABASE": database, "SCALP_LOGIN": str(login().file), "SCALP_STATE": str(state or "")}
        super().__init__("page", command, folder, **told)

    def ready(self) -> "PageServer":
        """Waits until it answers."""

        def answers() -> bool:
            assert self.alive, f"the page's server ended: {self.log.read_text()}"
            try:
                with urllib.request.urlopen(self.url, timeout=2) as answer:
                    return bool(answer.status == 200)
            except (urllib.error.URLError, TimeoutError, ConnectionError):
                return False

        until(answers, 60, "an answer of the page's server")
        return self


def replay(folder: Path, tape: Path, database: str, speed: float, *more: str) -> Process:
    """A replay that can be looked on."""
    command = [str(SCALP), "replay", str(tape), "--speed", str(speed), "--database", database, *more]
    return Process("engine", command, folder)


def run(folder: Path, tape: Path, database: str, speed: float, *more: str) -> Process:
    """An engine that plays a tape as if it were live, on `state` in the folder."""
    feed = ["--feed", f"replay:{tape}", "--speed", str(speed), "--state", str(folder / "state")]
    return Process("engine", [str(SCALP), "run", *feed, "--database", database, *more], folder)


def generate(tape: Path, *more: str) -> Path:
    """A simulated market's tape."""
    subprocess.run([SCALP, "generate", "--out", tape, *more], check=True, capture_output=True)
    return tape


@contextmanager
def chromium(path: str) -> Iterator[Browser]:
    """The system's own browser, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield browser
        browser.close()
