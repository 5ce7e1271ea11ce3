"""The broker as a whole: market, account and exchange, the script of faults, and what was asked of it."""

import datetime as dt
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from operators import sessions
from operators.config import EngineSettings
from operators.events import Clock
from tests.fakes.alpaca import rendered
from tests.fakes.alpaca.account import Account
from tests.fakes.alpaca.exchange import Exchange, age_limits_ns
from tests.fakes.alpaca.faults import Fault, Script
from tests.fakes.alpaca.market import Market
from tests.fakes.alpaca.orders import Execution, Listed

if TYPE_CHECKING:
    from tests.fakes.alpaca.actions import Action

MILLISECOND_NS: Final = 1_000_000
RATE_LIMIT: Final = 200
"""Requests a minute that the trading API allows an account; told in headers, enforced only by the script."""


class Broker:
    """All that stands behind the protocol; `on_update` is set by the stream of trade updates."""

    def __init__(self, cadences: dict[str, float], latency_ms: int, cash_usd: int, options_level: int) -> None:
        settings = EngineSettings()
        limits = age_limits_ns(cadences, settings.quote_max_age_seconds, settings.chain_max_age_seconds)
        self.market, self.options_level = Market(), options_level
        self.account = Account(self.market, cash_usd * 1_000_000)
        self.exchange = Exchange(self.market, self.account, limits, self._tell, latency_ms * MILLISECOND_NS)
        self.script = Script(self.seconds)
        self.on_update: Callable[[str, str, dict[str, Any]], None] = lambda _event, _symbol, _data: None
        self.requests: Counter[str] = Counter()
        self.actions: list[Action] = []
        self._asked: deque[float] = deque()
        self._moved = 0.0

    def seconds(self) -> float:
        """The fake's clock: real seconds, and those that it was told to pass."""
        return time.monotonic() + self._moved

    def wait(self, seconds: float) -> None:
        """Lets seconds of the fake's clock pass at once."""
        self._moved += seconds

    def add(self, faults: list[Fault]) -> None:
        """Writes faults into the script; one of the clock is set for the next time it is so late in New York."""
        self.script.add(faults)
        for fault in (fault for fault in faults if fault.layer == "clock"):
            now_ns = self.exchange.now_ns
            day = sessions.new_york(now_ns).date()
            due_ns = sessions.at(day, dt.time.fromisoformat(fault.at))
            self.exchange.set(
                due_ns if due_ns > now_ns else sessions.at(day + dt.timedelta(1), dt.time.fromisoformat(fault.at)),
                "liquidate",
            )

    def asked(self, method: str, path: str) -> dict[str, str]:
        """Counts a request; gives the headers that tell how many are left this minute."""
        self.requests[f"{method} {path}"] += 1
        now = self.seconds()
        self._asked.append(now)
        while self._asked and self._asked[0] <= now - 60.0:
            self._asked.popleft()
        left = max(RATE_LIMIT - len(self._asked), 0)
        return {
            "X-Ratelimit-Limit": str(RATE_LIMIT),
            "X-Ratelimit-Remaining": str(left),
            "X-Ratelimit-Reset": str(int(time.time()) + 60),
        }

    def pass_time(self, at_ns: int) -> None:
        """The tape's time goes on without an event."""
        self.exchange.on(Clock(0, at_ns, at_ns))

    def _tell(self, event: str, listed: Listed, fill: Execution | None) -> None:
        told = rendered.update(event, listed, fill, self.market)
        self.on_update(event, listed.order.symbol, told)
