"""Plays a tape: what was known before its first live item at once, then event by event, told to or at a speed."""

import asyncio
from collections.abc import Callable

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
        self.played, self.last_seq = 0, 0
        self._events = recording.market(tape)
        self._coming = next(self._events, None)
        self._begin()

    @property
    def ended(self) -> bool:
        """Whether nothing is left."""
        return self._coming is None

    def ahead(self, until_ns: int) -> bool:
        """Whether the next event comes at or before an instant."""
        return self._coming is not None and self._coming.at_ns <= until_ns

    def next(self) -> tuple[AnyEvent, dict[str, int]] | None:
        """Releases one event, and tells what it sent to each stream; None at the tape's end."""
        event = self._coming
        if event is None:
            return None
        self._coming = next(self._events, None)
        self.broker.exchange.on(event)
        self.played, self.last_seq = self.played + 1, event.seq
        return event, self.publish(event)

    async def run(self, speed: float) -> None:
        """Plays to the end, `speed` times as fast as the tape's own time; between events time passes too."""
        pace = Pace(speed)
        while self._coming is not None:
            event = self._coming
            while (seconds := pace.due_in(event)) > 0.0:
                await asyncio.sleep(min(seconds, MOMENT_SECONDS))
                left_ns = round(max(pace.due_in(event), 0.0) * speed * SECOND_NS)
                self.broker.exchange.reach(event.at_ns - 1 - left_ns)
            self.next()
            pace.take(event)
            await asyncio.sleep(0)

    def _begin(self) -> None:
        """All before the first quote, chain or bar of the day: history, contracts, and what time it is."""
        while (event := self._coming) is not None:
            if isinstance(event, Quote | Chain | Bar) and not is_history(event):
                self.broker.exchange.reach(event.at_ns - 1)
                return
            self.broker.market.take(event)
            self.broker.exchange.now_ns, self.last_seq = event.at_ns, event.seq
            self._coming = next(self._events, None)
