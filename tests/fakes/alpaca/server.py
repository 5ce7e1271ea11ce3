"""All of it on one port of 127.0.0.1."""

import asyncio
from pathlib import Path
from typing import Any, Final, NamedTuple

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from flows.tape.segments import open_tape
from tests.fakes.alpaca.broker import Broker
from tests.fakes.alpaca.control import Control
from tests.fakes.alpaca.faults import Fault
from tests.fakes.alpaca.player import Player
from tests.fakes.alpaca.rest import Rest
from tests.fakes.alpaca.sockets import Hub
from tests.fakes.alpaca.streams import DataSocket, Publisher
from tests.fakes.alpaca.updates import Updates, UpdateSocket

HOST: Final = "127.0.0.1"


class TakenPort(Exception):
    """A port that cannot be had; the message says why and what to do."""


class Options(NamedTuple):
    """How the fake runs; without a speed it plays in lock step."""

    tape: Path
    port: int = 0
    speed: float | None = None
    faults: tuple[Fault, ...] = ()
    frames: str = "binary"
    latency_ms: int = 0
    cash_usd: int = 100_000
    options_level: int = 2
    option_symbols: int = 1_000


class Fake:
    """A broker with its tape, ready to be served; `begin` starts it anew."""

    def __init__(self, options: Options) -> None:
        self._started_with = options
        self.begin(options)
        given = {"fake": self}
        self.application = Application(
            [
                (r"/v2/(?:iex|sip|delayed_sip)", DataSocket, {**given, "stream": "stock"}),
                (r"/v1beta1/(?:indicative|opra)", DataSocket, {**given, "stream": "option"}),
                (r"/stream", UpdateSocket, given),
                (r"/fake/(\w+)", Control, given),
                (r".*", Rest, given),
            ],
            log_function=lambda _: None,
        )

    def begin(self, options: Options) -> None:
        """Begins with an account that has done nothing, at the tape's start, with no connection."""
        tape, self.hub, self.options = open_tape(options.tape), Hub(), options
        self.broker = Broker(tape.header.cadences, options.latency_ms, options.cash_usd, options.options_level)
        self.updates = Updates(self.hub)
        self.broker.on_update = self.updates.on_update
        self.player = Player(tape, self.broker, Publisher(self.broker, self.hub).publish)
        self.broker.add(list(options.faults))

    def reset(self, changes: dict[str, Any]) -> None:
        """Ends all connections, and begins anew with some other options, the script as it was at the start."""
        for stream in ("stock", "option", "trade_updates"):
            self.hub.drop(stream, mid_frame=False)
        self.begin(self._started_with._replace(**changes))

    async def serve(self, begun: asyncio.Future[int] | None = None) -> None:
        """Serves for ever; `begun` gets the port. Raises TakenPort."""
        port = self.options.port
        try:
            (socket,) = bind_sockets(port, address=HOST)
        except OSError as fault:
            raise TakenPort(
                f"port {port} on {HOST} cannot be had: {fault.strerror}; name another --port, or end what listens there"
            ) from fault
        server = HTTPServer(self.application)
        server.add_sockets([socket])
        if begun is not None:
            begun.set_result(socket.getsockname()[1])
        if self.options.speed is not None:
            await self.player.run(self.options.speed)
        await asyncio.Event().wait()


def urls(port: int) -> dict[str, str]:
    """What to give to each client as its url_override."""
    return {
        "TradingClient": f"http://{HOST}:{port}",
        "StockHistoricalDataClient": f"http://{HOST}:{port}",
        "OptionHistoricalDataClient": f"http://{HOST}:{port}",
        "CorporateActionsClient": f"http://{HOST}:{port}",
        "StockDataStream": f"ws://{HOST}:{port}/v2/iex",
        "OptionDataStream": f"ws://{HOST}:{port}/v1beta1/indicative",
        "TradingStream": f"ws://{HOST}:{port}/stream",
    }
