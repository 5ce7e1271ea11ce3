"""/fake/...: what a test asks and tells the fake itself; no key is needed, and nothing of it is part of Alpaca.

POST /fake/next {"count": 1, "until_ns": null}   the next events of the tape; tells the last one and the messages sent
POST /fake/faults [...]                          more faults; DELETE takes away all that are left
POST /fake/splits [...]                          the corporate actions that it knows from now on
POST /fake/reset {"latency_ms": 0}               a new account at the tape's start, with some other options
POST /fake/wait {"seconds": 2}                   the fake's clock moves on
POST /fake/connected {"stream": "option", "count": 1, "seconds": 5}   waits for connections that subscribed
POST /fake/drop {"stream": "option", "mid_frame": true}   ends connections now
POST /fake/liquidate {"everything": false}       the broker sells now
GET  /fake/state                                 counts, orders, fills, positions, connections, requests
"""

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec
from tornado.web import RequestHandler

from operators.events import Bar, Chain, Contracts, Quote
from tests.fakes.alpaca import actions, rendered
from tests.fakes.alpaca.faults import BadScript, parsed
from tests.fakes.alpaca.streams import DataSocket

if TYPE_CHECKING:
    from tests.fakes.alpaca.server import Fake

MOMENT_SECONDS: Final = 0.005


class Control(RequestHandler):
    """The fake's own calls."""

    def initialize(self, fake: "Fake") -> None:
        self.fake, self.broker, self.player = fake, fake.broker, fake.player
        self.hub, self.updates = fake.hub, fake.updates

    async def get(self, action: str) -> None:
        self._tell(self._state() if action == "state" else None)

    async def delete(self, action: str) -> None:
        self.broker.script.faults.clear()
        self._tell({} if action == "faults" else None)

    async def post(self, action: str) -> None:
        if action in ("faults", "splits"):
            self._set(action, self.request.body)
            return
        asked = json.loads(self.request.body or b"{}")
        match action:
            case "next":
                self._tell(await self._next(asked.get("count", 1), asked.get("until_ns")))
            case "reset":
                self.fake.reset(asked)
                self._tell({})
            case "wait":
                self.broker.wait(asked["seconds"])
                self._tell({})
            case "connected":
                self._tell({"reached": await self._connected(asked["stream"], asked["count"], asked["seconds"])})
            case "drop":
                self._tell({"dropped": self.hub.drop(asked["stream"], asked.get("mid_frame", True))})
            case "liquidate":
                self.broker.exchange.liquidate(asked.get("everything", False))
                self._tell({})
            case _:
                self._tell(None)

    def _set(self, what: str, script: bytes) -> None:
        try:
            if what == "faults":
                self.broker.add(parsed(script))
            else:
                self.broker.actions = actions.parsed(script)
        except BadScript as fault:
            self.set_status(400)
            self.finish({"message": str(fault)})
            return
        self._tell({})

    async def _connected(self, stream: str, count: int, seconds: float) -> bool:
        """Whether so many connections are ready within the seconds."""
        ends = time.monotonic() + seconds
        while self.hub.ready(stream) < count and time.monotonic() < ends:
            await asyncio.sleep(MOMENT_SECONDS)
        return self.hub.ready(stream) >= count

    async def _next(self, count: int, until_ns: int | None) -> dict[str, Any]:
        """Releases `count` events, or all up to an instant of the tape (which then has come)."""
        before, sent, event = self.updates.sent, {"stock": 0, "option": 0}, None
        released = 0
        while released < count if until_ns is None else True:
            if until_ns is not None and not self.player.ahead(until_ns):
                self.broker.exchange.reach(until_ns)
                break
            found = self.player.next()
            if found is None:
                break
            event, told = found
            released += 1
            sent = {stream: number + told[stream] for stream, number in sent.items()}
            await asyncio.sleep(0)
        return {
            "released": released,
            "ended": self.player.ended,
            "seq": self.player.last_seq,
            "now_ns": self.broker.exchange.now_ns,
            "event": None if event is None else type(event).__name__,
            "symbol": _symbol(event),
            "sent": sent | {"trade_updates": self.updates.sent - before},
        }

    def _state(self) -> dict[str, Any]:
        account, market = self.broker.account, self.broker.market
        return {
            "now_ns": self.broker.exchange.now_ns,
            "played": self.player.played,
            "ended": self.player.ended,
            "accepted": dict(account.accepted),
            "orders": [rendered.order(listed, market) for listed in account.orders.values()],
            "foreign": [listed.client_id for listed in account.orders.values() if listed.foreign],
            "fills": msgspec.to_builtins(account.fills),
            "positions": {symbol: held.quantity for symbol, held in sorted(account.positions.items())},
            "expired": msgspec.to_builtins(account.expired),
            "cash_micros": account.cash_micros,
            "updates": [f"{told['event']} {told['order']['client_order_id']}" for told in self.updates.told],
            "requests": dict(self.broker.requests),
            "connections": {name: len(self.hub.of(name)) for name in ("stock", "option", "trade_updates")},
            "subscriptions": {name: self._quotes(name) for name in ("stock", "option")},
            "faults": [msgspec.to_builtins(fault) for fault in self.broker.script.faults],
        }

    def _quotes(self, stream: str) -> list[str]:
        """The symbols of which the connections of a stream want quotes."""
        found = (socket for socket in self.hub.of(stream) if isinstance(socket, DataSocket))
        return sorted({symbol for socket in found for symbol in socket.wanted["quotes"]})

    def _tell(self, answer: dict[str, Any] | None) -> None:
        if answer is None:
            self.set_status(404)
            answer = {"message": f"no such call: {self.request.method} {self.request.path}"}
        self.finish(answer)


def _symbol(event: object) -> str | None:
    match event:
        case Quote():
            return event.symbol
        case Bar():
            return event.ticker
        case Chain() | Contracts():
            return event.underlying
    return None
