"""The stream of trade updates: JSON, in binary frames as of a paper account or in text frames as of a live one."""

import json
from typing import TYPE_CHECKING, Any

from tests.fakes.alpaca.sockets import Hub, Message, Socket

if TYPE_CHECKING:
    from tests.fakes.alpaca.server import Fake


class UpdateSocket(Socket):
    """One connection to `/stream`; the option `frames` is binary, text, or both in turns."""

    stream_name = "trade_updates"

    def initialize(self, fake: "Fake") -> None:
        super().initialize(fake)
        self.frames, self.listens, self._written = fake.options.frames, False, 0

    def on_message(self, frame: bytes | str) -> None:
        try:
            asked = json.loads(frame)
        except ValueError:
            asked = {}
        data = asked.get("data") or {}
        if asked.get("action") == "authenticate":
            fault = self.broker.script.at_login(self.stream_name)
            self.known = fault is None and bool(data.get("key_id") and data.get("secret_key"))
            status = "authorized" if self.known else "unauthorized"
            self.put([{"stream": "authorization", "data": {"status": status, "action": "authenticate"}}])
        elif asked.get("action") == "listen" and self.known:
            self.listens = "trade_updates" in data.get("streams", ())
            self.put([{"stream": "listening", "data": {"streams": data.get("streams", [])}}])

    @property
    def ready(self) -> bool:
        return self.known and self.listens

    def encoded(self, messages: list[Message]) -> bytes | str:
        text = json.dumps(messages[0])
        self._written += 1
        return text if self.frames == "text" or (self.frames == "both" and self._written % 2) else text.encode()

    def put(self, messages: list[Message]) -> None:
        """A frame holds one message."""
        for message in messages:
            super().put([message])

    def named(self, message: Message) -> tuple[str, str]:
        return message["data"]["event"], message["data"]["order"]["symbol"]


class Updates:
    """Tells every listening connection what happened to an order, and remembers what it told."""

    def __init__(self, hub: Hub) -> None:
        self.hub, self.told, self.sent = hub, list[dict[str, Any]](), 0

    def on_update(self, _event: str, _symbol: str, data: dict[str, Any]) -> None:
        """One update."""
        self.told.append(data)
        for socket in self.hub.of("trade_updates"):
            assert isinstance(socket, UpdateSocket)
            if socket.ready:
                self.sent += socket.send([{"stream": "trade_updates", "data": data}])
