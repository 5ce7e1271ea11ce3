"""A feed of Alpaca's market on the fake, in the fake's own time: what it put, what it said, how it ended."""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, TypeVar

import pytest

from flows.brokers.alpaca.keys import ANY
from flows.feeds.alpaca.asking import Access
from flows.feeds.alpaca.feed import AlpacaFeed, Wanted
from operators.events import AnyEvent
from tests.alpaca_market import OPENING
from tests.fakes.alpaca.process import Alpaca

WAIT_SECONDS = 15.0
MOMENT_SECONDS = 0.01
PATIENT_SECONDS = 60.0
Kind = TypeVar("Kind")


class Clock:
    """The time of the fake: it stands until a test moves both."""

    def __init__(self) -> None:
        self.now_ns = OPENING

    def __call__(self) -> int:
        return self.now_ns


class Live:
    """A feed that runs in a thread. `gate` holds its tape back while it is not set."""

    def __init__(self, fake: Alpaca, capsys: pytest.CaptureFixture[str], wanted: Wanted, passed: int) -> None:
        self.fake, self.clock, self.put, self.gate = fake, Clock(), list[AnyEvent](), threading.Event()
        self.fault: Exception | None = None
        self.gate.set()
        access = Access(ANY, address=fake.urls["TradingClient"])
        self.feed = AlpacaFeed(access, wanted, self.clock)
        self.stopping = threading.Event()
        self._capsys, self._told, self._passed = capsys, list[dict[str, Any]](), passed
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self.feed.run(self._take, self.stopping, self._passed)
        except Exception as fault:
            self.fault = fault

    def _take(self, event: AnyEvent) -> None:
        assert self.gate.wait(WAIT_SECONDS)
        self.put.append(event)

    def until(self, at_ns: int) -> None:
        """Plays the market to an instant."""
        self.fake.until(at_ns)
        self.clock.now_ns = at_ns

    def of(self, kind: type[Kind], **fields: object) -> list[Kind]:
        """What was put of a kind, with these fields."""
        found = [event for event in self.put if isinstance(event, kind)]
        return [event for event in found if all(getattr(event, name) == value for name, value in fields.items())]

    def told(self, code: str, **facts: object) -> list[dict[str, Any]]:
        """What was said with a code."""
        lines = self._capsys.readouterr().err.splitlines()
        self._told += [json.loads(line) for line in lines if line.startswith("{")]
        found = [line for line in self._told if line["code"] == code]
        return [line for line in found if all(line[name] == value for name, value in facts.items())]

    def wait(self, holds: Callable[[], object], what: str) -> None:
        """Waits until something holds. Raises AssertionError with what there was instead."""
        ends = time.monotonic() + WAIT_SECONDS
        while not (found := holds()) and time.monotonic() < ends:
            time.sleep(MOMENT_SECONDS)
        self.told("")
        kinds = [type(event).__name__ for event in self.put[-5:]]
        assert found, f"no {what} within {WAIT_SECONDS} s, but {kinds}, {self._told}, {self.fault!r}"

    def subscribed(self, symbols: Iterable[str]) -> None:
        """Waits until the fake's stream of options has these subscriptions."""
        wanted = sorted(symbols)
        self.wait(lambda: self.fake.state()["subscriptions"]["option"] == wanted, f"subscriptions {wanted}")

    def connected(self, stream: str) -> None:
        """Waits until the fake has a connection of a stream that has subscribed."""
        assert self.fake.until_connected(stream, 1, WAIT_SECONDS), self.told("W121")

    def stop(self) -> None:
        """Ends the feed."""
        self.stopping.set()
        self.gate.set()
        self.thread.join(WAIT_SECONDS)
        assert not self.thread.is_alive()


@contextmanager
def live(
    fake: Alpaca, capsys: pytest.CaptureFixture[str], *, passed: int = 0, until_ns: int = OPENING,
    held: Iterable[str] = (), closes: Mapping[str, int] = MappingProxyType({}), **changes: Any,
) -> Iterator[Live]:  # fmt: skip
    """A feed of SPY and TQQQ for as long as a block runs; it is patient with silence unless told otherwise."""
    wanted = Wanted(("SPY", "TQQQ"), chain_seconds=0.05, silent_seconds=PATIENT_SECONDS)._replace(**changes)
    made = Live(fake, capsys, wanted, passed)
    made.clock.now_ns, made.feed.held = until_ns, lambda: frozenset(held)
    made.feed.closes = lambda: dict(closes)
    made.thread.start()
    try:
        yield made
    finally:
        made.stop()
