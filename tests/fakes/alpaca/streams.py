"""The streams of market data: msgpack, one connection each, quotes and bars of what was subscribed to."""

from typing import TYPE_CHECKING, Any, Final

import msgpack

from operators.contracts import parse_occ
from operators.events import AnyEvent, Bar, Chain, Quote
from operators.prices import known
from tests.fakes.alpaca import rendered
from tests.fakes.alpaca.broker import Broker
from tests.fakes.alpaca.sockets import Hub, Message, Socket

if TYPE_CHECKING:
    from tests.fakes.alpaca.server import Fake

CHANNELS: Final[dict[str, tuple[str, ...]]] = {
    "stock": (
        "trades",
        "quotes",
        "bars",
        "updatedBars",
        "dailyBars",
        "statuses",
        "lulds",
        "corrections",
        "cancelErrors",
    ),
    "option": ("trades", "quotes"),
}
STOCK_SYMBOLS: Final = 1_000_000
SECOND_NS: Final = 1_000_000_000


class DataSocket(Socket):
    """One connection to `/v2/FEED` (stock) or `/v1beta1/FEED` (option)."""

    def initialize(self, fake: "Fake", stream: str) -> None:
        super().initialize(fake)
        self.stream_name = stream
        self.most_symbols = fake.options.option_symbols if stream == "option" else STOCK_SYMBOLS
        self.wanted: dict[str, set[str]] = {channel: set() for channel in CHANNELS[stream]}

    def open(self, *_: str) -> None:
        super().open()
        self.put([{"T": "success", "msg": "connected"}])

    def on_message(self, frame: bytes | str) -> None:
        try:
            asked = msgpack.unpackb(frame)
        except (ValueError, TypeError, msgpack.UnpackException):
            asked = None
        if not isinstance(asked, dict):
            self._error(400, "invalid syntax")
        elif asked.get("action") == "auth":
            self._log_in(asked)
        elif not self.known:
            self._error(401, "not authenticated")
        elif asked.get("action") in ("subscribe", "unsubscribe"):
            self._subscribe(asked)
        else:
            self._error(400, "invalid syntax")

    @property
    def ready(self) -> bool:
        return self.known and any(self.wanted.values())

    def encoded(self, messages: list[Message]) -> bytes:
        return bytes(msgpack.packb(messages))

    def named(self, message: Message) -> tuple[str, str]:
        return message["T"], message.get("S", "")

    def wants(self, channel: str, symbol: str) -> bool:
        """Whether a message was subscribed to."""
        wanted = self.wanted.get(channel, set())
        return symbol in wanted or "*" in wanted

    def _log_in(self, asked: dict[str, Any]) -> None:
        fault = self.broker.script.at_login(self.stream_name)
        if self.known:
            self._error(403, "already authenticated")
        elif not (asked.get("key") and asked.get("secret")) or (fault is not None and fault.kind == "refuse_auth"):
            self._error(402, "auth failed")
        elif fault is not None or self.hub.of(self.stream_name):
            self._error(406, "connection limit exceeded")
        else:
            self.known = True
            self.put([{"T": "success", "msg": "authenticated"}])

    def _subscribe(self, asked: dict[str, Any]) -> None:
        changed = {channel: set(asked.get(channel) or ()) for channel in self.wanted}
        if self.stream_name == "option" and "*" in changed["quotes"]:
            self._error(410, "invalid subscribe action for this feed")
            return
        add = asked["action"] == "subscribe"
        wanted = {name: have | changed[name] if add else have - changed[name] for name, have in self.wanted.items()}
        if len(wanted["quotes"]) > self.most_symbols:
            self._error(405, "symbol limit exceeded")
            return
        self.wanted = wanted
        self.put([{"T": "subscription"} | {channel: sorted(symbols) for channel, symbols in wanted.items()}])

    def _error(self, code: int, message: str) -> None:
        self.put([{"T": "error", "code": code, "msg": message}])


class Publisher:
    """Tells the streams what an event of the tape says."""

    def __init__(self, broker: Broker, hub: Hub) -> None:
        self.broker, self.hub = broker, hub

    def publish(self, event: AnyEvent) -> dict[str, int]:
        """Sends an event to whoever subscribed to it; gives the number of messages that each stream got."""
        sent = {"stock": 0, "option": 0}
        for stream in sent:
            for socket in self.hub.of(stream):
                assert isinstance(socket, DataSocket)
                messages = self._messages(socket, stream, event)
                sent[stream] += socket.send(messages) if messages else 0
        return sent

    def _messages(self, socket: DataSocket, stream: str, event: AnyEvent) -> list[Message]:
        match event:
            case Bar() if stream == "stock" and not event.history and socket.wants("bars", event.ticker):
                at = _stamp(rendered.bar_began_ns(event))
                return [{"T": "b", "S": event.ticker, **rendered.bar(event), "t": at}]
            case Quote() if socket.wants("quotes", event.symbol):
                return [_quote(event, stream)] if (parse_occ(event.symbol) is not None) is (stream == "option") else []
            case Chain() if stream == "option":
                quotes = self.broker.market.quotes_of(event, socket.wanted["quotes"])
                return [_quote(quote, stream) for quote in quotes if known(quote.bid) or known(quote.ask)]
        return []


def _quote(told: Quote, stream: str) -> Message:
    condition: object = "A" if stream == "option" else ["R"]
    tape = {} if stream == "option" else {"z": "C"}
    return {"T": "q", "S": told.symbol, **rendered.quote(told), "c": condition, "t": _stamp(told.event_ns), **tape}


def _stamp(at_ns: int) -> msgpack.Timestamp:
    return msgpack.Timestamp(*divmod(at_ns, SECOND_NS))
