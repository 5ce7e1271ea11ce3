"""Who runs a broker's thread: a tape in memory instead of an engine."""

import threading
import time
from collections.abc import Callable
from typing import Any

from flows.brokers.lanes import Lanes
from flows.brokers.reconciling import Standing
from flows.brokers.thread import BrokerThread, Tape
from operators.answers import Answer, Execution
from operators.events import AnyEvent, Command

LIMIT_SECONDS = 30.0


class Engine:
    """What an engine gives the thread: a tape in memory, and a desk that holds what was executed."""

    def __init__(self, broker: Any, lanes: Lanes | None = None, account_id: str = "X1", since_ns: int = 0) -> None:
        self.broker, self.tape, self.news = broker, list[AnyEvent](), threading.Condition()
        self.thread = BrokerThread(
            broker,
            account_id,
            Tape(self.put, lambda *_: True),
            self.standing,
            lambda: 0,
            since_ns,
            lanes or Lanes(100, 50.0),
        )

    def put(self, event: AnyEvent) -> None:
        with self.news:
            self.tape.append(event)
            self.news.notify_all()

    def standing(self) -> Standing:
        held: dict[str, int] = {}
        for event in list(self.tape):
            if isinstance(event, Execution):
                sign = 1 if event.side == "buy" else -1
                held[event.symbol] = held.get(event.symbol, 0) + sign * event.quantity
        return Standing(held, ())

    def until(self, seen: Callable[[list[AnyEvent]], bool]) -> None:
        """Waits until the tape holds something, or something else is seen."""
        ends = time.monotonic() + LIMIT_SECONDS
        with self.news:
            while not (found := seen(self.tape)) and time.monotonic() < ends:
                self.news.wait(0.01)
        assert found, self.tape

    @property
    def commands(self) -> list[str]:
        return [event.action for event in self.tape if isinstance(event, Command)]


def said(state: str) -> Callable[[list[AnyEvent]], bool]:
    return lambda tape: any(isinstance(event, Answer) and event.state == state for event in tape)


def restored(tape: list[AnyEvent]) -> bool:
    """Whether entries may be made: every reason why not was lifted."""
    said = [event for event in tape if isinstance(event, Command)]
    standing = [event.argument for event in said if event.action == "reduce"]
    return bool(said) and sorted(standing) == sorted(event.argument for event in said if event.action == "restore")
