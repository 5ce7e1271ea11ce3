"""Plays a tape: what was known before its first live item at once, then event by event, told to or at a speed."""

import asyncio
from collections.abc import Callable, Iterator
from itertools import chain

from flows.engine import recording
from flows.tape.pace import Pace
from flows.tape.segments import AnyTape
from operators.events import SECOND_NS, AnyEvent, Bar, Chain, Quote, is_history
from tests.fakes.alpaca.broker import Broker

MOMENT_SECONDS = 0.02


class Player:
    """Gives the tape's market to the broker, and then to `publish`, which tells how many messages it sent."""

    def __init__(self, tape: AnyTape, broker: Broker, publish: Callable[[AnyEvent], dict[str, int]]) -> None:
        self.broker, self.publish = broker, publish
        self.played, self.last_seq, self.ended = 0, 0, False
        self._events: Iterator[AnyEvent] = recording.market(tape)
        self._begin()

    def next(self) -> tuple[AnyEvent, dict[str, int]] | None:
        """Releases one event, and tells what it sent to each stream; None at the tape's end."""
        event = next(self._events, None)
        if event is None:
            self.ended = True
            return None
        self.broker.exchange.on(event)
        self.played, self.last_seq = self.played + 1, event.seq
        return event, self.publish(event)

    def ahead(self, until_ns: int) -> bool:
        """Whether the next event comes at or before an instant."""
        event = next(self._events, None)
        if event is None:
            self.ended = True
            return False
        self._events = chain([event], self._events)
        return event.at_ns <= until_ns

    async def run(self, speed: float) -> None:
        """Plays to the end, `speed` times as fast as the tape's own time; between events time passes too."""
        pace = Pace(speed)
        for event in self._events:
            while (seconds := pace.due_in(event)) > 0.0:
                await asyncio.sleep(min(seconds, MOMENT_SECONDS))
                self.broker.exchange.reach(event.at_ns - 1 - max(round(pace.due_in(event) * speed * SECOND_NS), 0))
            self.broker.exchange.on(event)
            self.played, self.last_seq = self.played + 1, event.seq
            self.publish(event)
            pace.take(event)
            await asyncio.sleep(0)
        self.ended = True

    def _begin(self) -> None:
        """All before the first quote, chain or bar of the day: history, contracts, and what time it is."""
        for event in self._events:
            if isinstance(event, Quote | Chain | Bar) and not is_history(event):
                self._events = chain([event], self._events)
                self.broker.exchange.reach(event.at_ns - 1)
                return
            self.broker.market.take(event)
            self.broker.exchange.now_ns = event.at_ns
            self.last_seq = event.seq
        self.ended = True
