"""HTTP: which path is answered by what, and what the script does to an answer before and after it is true."""

import asyncio
import json
import re
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler

from tests.fakes.alpaca import actions, data, trading
from tests.fakes.alpaca.broker import Broker
from tests.fakes.alpaca.faults import Fault
from tests.fakes.alpaca.orders import Refused
from tests.fakes.alpaca.trading import Answer, Call, nothing

if TYPE_CHECKING:
    from tests.fakes.alpaca.server import Fake

Answering = Callable[[Broker, Call], Answer]
ROUTES: Final[tuple[tuple[str, str, Answering], ...]] = (
    ("GET", "/v2/account", trading.account),
    ("GET", "/v2/clock", trading.clock),
    ("GET", "/v2/calendar", trading.calendar),
    ("GET", "/v2/assets", trading.assets),
    ("GET", "/v2/assets/([^/]+)", trading.asset),
    ("POST", "/v2/orders", trading.submit),
    ("GET", "/v2/orders", trading.orders),
    ("DELETE", "/v2/orders", trading.cancel_all),
    ("GET", "/v2/orders:by_client_order_id", trading.order_by_client_id),
    ("GET", "/v2/orders/([^/]+)", trading.order),
    ("DELETE", "/v2/orders/([^/]+)", trading.cancel),
    ("GET", "/v2/account/activities/FILL", trading.activities),
    ("GET", "/v2/positions", trading.positions),
    ("GET", "/v2/positions/([^/]+)", trading.position),
    ("GET", "/v2/options/contracts", data.contracts),
    ("GET", "/v1beta1/options/snapshots/([^/]+)", data.chain),
    ("GET", "/v1beta1/options/bars", data.option_bars),
    ("GET", "/v1beta1/options/quotes/latest", data.option_quotes),
    ("GET", "/v2/stocks/bars", data.stock_bars),
    ("GET", "/v2/stocks/quotes/latest", data.stock_quotes),
    ("GET", "/v1/corporate-actions", actions.corporate_actions),
)
HTML: Final = "<html><head><title>{0}</title></head><body><h1>{0}</h1><hr>nginx</body></html>"
REFUSALS: Final[dict[str, Refused]] = {
    "429": Refused(429, 42910000, "too many requests."),
    "unauthorized": Refused(401, 40110000, "request is not authorized"),
    "buying_power": Refused(403, 40310000, "insufficient buying power"),
    "market_closed": Refused(422, 42210000, "options orders are only allowed during market hours"),
    "permission": Refused(403, 40310000, "account not eligible to trade option contracts"),
    "bad_tick": Refused(
        422, 42210000, "invalid limit_price: price increment does not fulfill minimum pricing criteria"
    ),
}
WINDOW_SECONDS: Final = 60.0
KEYS: Final = ("APCA-API-KEY-ID", "APCA-API-SECRET-KEY")


class Rest(RequestHandler):
    """Every request of the client; `broker` answers."""

    def initialize(self, fake: "Fake") -> None:
        self.broker = fake.broker

    async def get(self) -> None:
        await self._serve()

    async def post(self) -> None:
        await self._serve()

    async def delete(self) -> None:
        await self._serve()

    async def patch(self) -> None:
        await self._serve()

    async def _serve(self) -> None:
        method, path = self.request.method or "", self.request.path
        query = {key: self.get_query_argument(key) for key in self.request.query_arguments}
        body = _read(self.request.body)
        for header, value in self.broker.asked(method, path).items():
            self.set_header(header, value)
        symbol = str(body.get("symbol", "")) if isinstance(body, dict) else ""
        faults = self.broker.script.of_request(method, path, symbol, "page_token" in query)
        reply = next((fault for fault in faults if fault.layer == "reply"), None)
        if reply is not None:
            await self._fail(reply.kind, reply.seconds)
            return
        try:
            answer = self._answer(method, Call(path, query, body, "", faults))
        except Refused as refused:
            await self._refuse(refused)
            return
        await self._tell(answer, faults)

    def _answer(self, method: str, call: Call) -> Answer:
        if not all(self.request.headers.get(key) for key in KEYS):
            raise REFUSALS["unauthorized"]
        for verb, pattern, answering in ROUTES:
            match = re.fullmatch(pattern, call.path)
            if verb == method and match is not None:
                named = match.group(1) if match.groups() else ""
                try:
                    return answering(self.broker, call._replace(named=named))
                except ValueError as fault:
                    raise Refused(422, 42210000, f"a value cannot be read: {fault}") from fault
        raise Refused(404, 40410000, f"endpoint not found: {method} {call.path}")

    async def _tell(self, answer: Answer, faults: list[Fault]) -> None:
        """Answers, and lets happen what follows: after the answer, or before it where the script says so."""
        slow = next((fault for fault in faults if fault.layer == "late" or fault.kind == "ack_late"), None)
        if slow is None:
            await self._write(answer)
            return
        answer.then()
        answer.then = nothing
        if slow.seconds:
            await asyncio.sleep(slow.seconds)
        if slow.kind in ("hang_after", "ack_late"):
            await self._write(answer)
        else:
            await self._fail(slow.kind.removesuffix("_after"))

    async def _write(self, answer: Answer) -> None:
        self.set_status(answer.status)
        if answer.body is not None:
            self.set_header("Content-Type", "application/json; charset=UTF-8")
            self.write(json.dumps(answer.body))
        else:
            self.clear_header("Content-Type")
        await _finished(self, answer.then)

    async def _fail(self, kind: str, seconds: float = 0.0) -> None:
        if kind == "reset":
            reset(self)
        elif kind in REFUSALS:
            if kind == "429":
                self.set_header("X-Ratelimit-Remaining", "0")
                self.set_header("X-Ratelimit-Reset", str(int(time.time() + (seconds or WINDOW_SECONDS))))
            await self._refuse(REFUSALS[kind])
        else:
            status = int({"page_fails": "500"}.get(kind, kind))
            self.set_status(status)
            self.set_header("Content-Type", "text/html")
            self.write(HTML.format(status))
            await _finished(self)

    async def _refuse(self, refused: Refused) -> None:
        await self._write(Answer({"code": refused.code, "message": refused.message}, refused.status))


async def _finished(handler: RequestHandler, then: Callable[[], None] = nothing) -> None:
    """Sends what was written, and lets happen what follows before any other request is read.

    Who waited too long for the answer is gone, and that is all right.
    """
    sent = handler.finish()
    then()
    with suppress(StreamClosedError):
        await sent


def reset(handler: RequestHandler) -> None:
    """Ends the connection so that the other side sees a reset, without an answer, if it is there still."""
    handler._auto_finish = False
    stream = handler.detach()
    if not stream.closed():
        cut(stream.socket)
    stream.close()


def cut(own: socket.socket) -> None:
    """Lets closing a socket send a reset."""
    own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _read(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None
