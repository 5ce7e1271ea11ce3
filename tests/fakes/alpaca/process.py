"""The fake as a process of its own, and a handle to it for tests."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

import requests

from tests.fakes.alpaca.server import urls

ROOT: Final = Path(__file__).parents[3]
START_SECONDS, CALL_SECONDS = 30.0, 20.0


class Calls:
    """The own calls of a fake that listens on a port."""

    def __init__(self, port: int) -> None:
        self.port, self.urls = port, urls(port)
        self._session = requests.Session()

    def next(self, count: int = 1) -> dict[str, Any]:
        """Releases events of the tape."""
        return self.call("POST", "next", {"count": count})

    def until(self, at_ns: int) -> dict[str, Any]:
        """Releases all events up to an instant."""
        return self.call("POST", "next", {"until_ns": at_ns})

    def faults(self, *faults: dict[str, Any]) -> None:
        """More faults."""
        self.call("POST", "faults", list(faults))

    def splits(self, *actions: dict[str, Any]) -> None:
        """The corporate actions that it knows from now on."""
        self.call("POST", "splits", list(actions))

    def reset(self, **options: Any) -> None:
        """A new account at the tape's start, with some other options than it was started with."""
        self.call("POST", "reset", options)

    def wait(self, seconds: float) -> None:
        """Moves the fake's clock on."""
        self.call("POST", "wait", {"seconds": seconds})

    def drop(self, stream: str, mid_frame: bool = True) -> int:
        """Ends the connections of a stream."""
        return int(self.call("POST", "drop", {"stream": stream, "mid_frame": mid_frame})["dropped"])

    def until_connected(self, stream: str, count: int, seconds: float) -> bool:
        """Whether so many connections of a stream wait for messages, at the latest after so many seconds."""
        return bool(self.call("POST", "connected", {"stream": stream, "count": count, "seconds": seconds})["reached"])

    def state(self) -> dict[str, Any]:
        """All that it knows."""
        return self.call("GET", "state")

    def call(self, method: str, action: str, body: Any = None) -> dict[str, Any]:
        """One of the fake's own calls. Raises requests.HTTPError with the fake's words."""
        url = f"http://127.0.0.1:{self.port}/fake/{action}"
        answer = self._session.request(method, url, json=body, timeout=CALL_SECONDS)
        if answer.status_code >= requests.codes.bad_request:
            raise requests.HTTPError(answer.text, response=answer)
        return dict(answer.json())


class Alpaca(Calls):
    """A running fake. Raises AssertionError with its words if it does not come up."""

    def __init__(self, tape: Path, *words: str) -> None:
        command = [sys.executable, "-m", "tests.fakes.alpaca", "--tape", str(tape), "--json", *words]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment()
        )
        super().__init__(self._port())

    @classmethod
    @contextmanager
    def on(cls, tape: Path, *words: str) -> Iterator[Self]:
        """A fake for as long as a block runs."""
        fake = cls(tape, *words)
        try:
            yield fake
        finally:
            fake.stop()

    def stop(self) -> str:
        """Ends the process; gives all that it wrote on stderr."""
        self._session.close()
        self.process.terminate()
        try:
            return self.process.communicate(timeout=START_SECONDS)[1]
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.communicate()[1]

    def _port(self) -> int:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], START_SECONDS)
        line = self.process.stdout.readline() if ready else ""
        if not line:
            self.process.kill()
            raise AssertionError(f"the fake did not come up: {self.process.communicate()[1]}")
        return int(json.loads(line)["port"])


def _environment() -> dict[str, str]:
    """Without what measures coverage: the fake is no part of the program."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COV")}
