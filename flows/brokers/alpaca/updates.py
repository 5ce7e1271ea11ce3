"""The stream of trade updates: connected again whenever it breaks, mute sockets noticed, and read without trust."""

import asyncio
import json
import logging
import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, NamedTuple

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from flows.backoff import USUAL, Backoff
from flows.brokers.alpaca import wording
from flows.brokers.alpaca.keys import Keys
from flows.brokers.alpaca.reaching import LOOK, address, unreached
from flows.brokers.alpaca.wording import Unreadable, field, shown
from flows.brokers.port import Connection, Heard
from flows.engine.telling import tell
from operators.answers import Answer, Execution

HEALTHY_SECONDS: Final = 60.0
"""A connection that held so long begins anew with the shortest wait."""
CLOSE_SECONDS: Final = 1.0
"""How long the end of a connection waits for the other side's."""
FILLS: Final = ("fill", "partial_fill")
EVENTS: Final = frozenset({
    *FILLS,
    *("new", "canceled", "expired", "done_for_day", "replaced", "rejected", "held", "accepted", "pending_new"),
    *("stopped", "pending_cancel", "pending_replace", "calculated", "suspended", "order_replace_rejected"),
    *("order_cancel_rejected", "restated"),
})  # fmt: skip
"""Events of which the order's own status says all; any other is told of besides."""
_QUIET: Final = logging.getLogger("websockets.alpaca")
_QUIET.setLevel(logging.INFO)
"""At debug level the library writes down every frame, and the first of ours holds the keys."""


class Pace(NamedTuple):
    """How long to wait: for a connection and each step of the login, between pings and for a pong, to connect again."""

    login_seconds: float = 10.0
    ping_seconds: float = 5.0
    backoff: Backoff = USUAL


class _Refused(Exception):
    """The login failed; the message is Alpaca's."""


class Updates:
    """The stream of one account; `put` gets what it tells, and Connection when it comes up or cannot."""

    def __init__(self, stream: str, keys: Keys, pace: Pace, put: Callable[[Heard], None]) -> None:
        self.up = False
        self._stream, self._keys, self._pace, self._put = stream, keys, pace, put
        self._said: Connection | None = None

    async def run(self) -> None:
        """Listens until it is cancelled."""
        failures, loop = 0, asyncio.get_running_loop()
        while True:
            began = loop.time()
            reason = await self._listen()
            self._connection(Connection(False, reason))
            failures = 1 if loop.time() - began >= HEALTHY_SECONDS else failures + 1
            await asyncio.sleep(self._pace.backoff.seconds(failures, random.random()))  # noqa: S311  # no secret

    async def _listen(self) -> str:
        """Why the connection ended, or that there was none."""
        pace = self._pace
        try:
            async with connect(
                self._stream,
                open_timeout=pace.login_seconds,
                ping_interval=pace.ping_seconds,
                ping_timeout=pace.ping_seconds,
                close_timeout=CLOSE_SECONDS,
                logger=_QUIET,
            ) as socket:
                async with asyncio.timeout(pace.login_seconds):
                    await self._log_in(socket)
                self._connection(Connection(True))
                while True:
                    for heard in read(await socket.recv(decode=False)):
                        self._put(heard)
        except TimeoutError:
            return f"Alpaca's stream at {address(self._stream)} did not answer within {pace.login_seconds:g} s: {LOOK}"
        except OSError as fault:
            return unreached(address(self._stream), fault)
        except (WebSocketException, _Refused) as fault:
            return f"{type(fault).__name__.strip('_')}: {fault}"

    async def _log_in(self, socket: ClientConnection) -> None:
        """Shows the keys and asks for the updates. Raises _Refused."""
        key, secret = self._keys.words
        shown = {"key_id": key, "secret_key": secret}
        await socket.send(json.dumps({"action": "authenticate", "data": shown}))
        told = parsed(await socket.recv(decode=False))
        if _status(told) != "authorized":
            raise _Refused(f"the login to Alpaca's stream: {_status(told) or 'no answer that can be read'}")
        await socket.send(json.dumps({"action": "listen", "data": {"streams": ["trade_updates"]}}))
        told = parsed(await socket.recv(decode=False))
        if not isinstance(told, dict) or told.get("stream") != "listening":
            raise _Refused("Alpaca's stream does not tell of trade updates")

    def _connection(self, now: Connection) -> None:
        self.up = now.up
        if now != self._said:
            self._said = now
            self._put(now)


def parsed(frame: bytes | str) -> Any:
    """The JSON of a frame, binary or text, None for anything else; numbers that are none are None."""
    try:
        return json.loads(frame, parse_float=Decimal, parse_constant=lambda _: None)
    except (ValueError, ArithmeticError, RecursionError):
        return None


def read(frame: bytes | str) -> list[Answer | Execution]:
    """What a frame tells of an order: a fill of it, and its state. What cannot be read is told and skipped."""
    told = parsed(frame)
    if isinstance(told, dict) and told.get("stream") != "trade_updates":
        return []
    try:
        data = field(told, "data")
        event, order, at = field(data, "event"), field(data, "order"), field(data, "timestamp")
        state = wording.answer(order, at)
    except Unreadable as fault:
        tell("W120", detail=str(fault))
        return []
    if not isinstance(event, str) or event not in EVENTS:
        tell("W120", detail=f"an update is called {shown(event)}", order=state.client_order_id)
        return [state]
    return [*_fill(event, data, order, state), state]


def _fill(event: str, data: Any, order: Any, state: Answer) -> list[Execution]:
    if event not in FILLS:
        return []
    told = {**order, "qty": field(data, "qty"), "price": field(data, "price")}
    ids, total, at = (
        (state.broker_order_id, state.client_order_id),
        field(order, "filled_qty"),
        field(data, "timestamp"),
    )
    try:
        return [wording.execution(*ids, told, total, at)]
    except Unreadable as fault:
        tell("W120", detail=str(fault), order=state.client_order_id)
        return []


def _status(told: Any) -> str:
    """What a login was answered: the status, or the words of an error."""
    told = told[0] if isinstance(told, list) and told else told
    data = told.get("data") if isinstance(told, dict) else None
    found = [one.get(name) for one in (data, told) if isinstance(one, dict) for name in ("status", "error", "msg")]
    return next((text for text in found if isinstance(text, str)), "")
