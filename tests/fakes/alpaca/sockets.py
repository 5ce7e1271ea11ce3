"""What all websockets share: messages meet the script on their way out, and a connection may end in mid-frame."""

from typing import TYPE_CHECKING, Any, Final

from tornado.websocket import WebSocketClosedError, WebSocketHandler

from tests.fakes.alpaca.data import NOISE, shaped
from tests.fakes.alpaca.rest import cut

if TYPE_CHECKING:
    from tests.fakes.alpaca.server import Fake

HALF_A_FRAME: Final = bytes([0x82, 126, 0x03, 0xE8]) + bytes(500)
"""A binary frame that promises 1,000 bytes and brings 500."""
Message = dict[str, Any]


class Socket(WebSocketHandler):
    """One connection to a stream; `encoded` makes a frame of messages."""

    stream_name = ""

    def initialize(self, fake: "Fake") -> None:
        self.broker, self.hub = fake.broker, fake.hub
        self.known = False
        self._late: list[Message] = []

    @property
    def ready(self) -> bool:
        """Whether it was let in and asked for something."""
        raise NotImplementedError

    def open(self, *_: str) -> None:
        self.hub.sockets.append(self)

    def on_close(self) -> None:
        if self in self.hub.sockets:
            self.hub.sockets.remove(self)

    def encoded(self, messages: list[Message]) -> bytes | str:
        raise NotImplementedError

    def named(self, message: Message) -> tuple[str, str]:
        """What a message is called in the script, and of which symbol it speaks."""
        raise NotImplementedError

    def send(self, messages: list[Message]) -> int:
        """Sends messages as the script lets them pass, in one frame; gives how many went out."""
        passed: list[Message] = []
        for message in messages:
            end = self._pass(message, passed)
            if end:
                self.end(mid_frame=end == "drop_mid_frame")
                return 0
        if passed:
            self.put(passed)
        return len(passed)

    def put(self, messages: list[Message]) -> None:
        """Sends messages as they are."""
        frame = self.encoded(messages)
        try:
            self.write_message(frame, binary=isinstance(frame, bytes))
        except WebSocketClosedError:
            self.on_close()

    def end(self, mid_frame: bool) -> None:
        """Ends the connection without a word, in the middle of a frame or between two."""
        stream = self.ws_connection.stream if self.ws_connection is not None else None
        self.on_close()
        if stream is None or stream.closed():
            return
        if mid_frame:
            stream.write(HALF_A_FRAME)
        else:
            cut(stream.socket)
        stream.close()

    def _pass(self, message: Message, passed: list[Message]) -> str:
        """Puts a message, as the script has it, with those that pass; gives the fault that ends the connection."""
        faults = self.broker.script.of_message(self.stream_name, *self.named(message))
        kinds = {fault.kind for fault in faults}
        ends = kinds & {"drop_mid_frame", "close"}
        if ends:
            return ends.pop()
        message = shaped(message, kinds) if "T" in message else message | {"data": _update(message["data"], kinds)}
        if "delay" in kinds:
            self._late.append(message)
        elif not kinds & {"lose", "mute"}:
            passed += [message, *([message] if "duplicate" in kinds else []), *self._late]
            self._late = []
        return ""


def _update(data: Message, kinds: set[str]) -> Message:
    """A trade update as the script wants it: of an unknown event, with a price that is none or has a float's noise."""
    if "unknown_event" in kinds:
        data = data | {"event": "audited"}
    if "price" in data and kinds & {"nan", "float_noise"}:
        data = data | {"price": "NaN" if "nan" in kinds else repr(float(data["price"]) + NOISE)}
    return data


class Hub:
    """The connections of all streams."""

    def __init__(self) -> None:
        self.sockets: list[Socket] = []

    def of(self, stream: str) -> list[Socket]:
        """Those of a stream that were let in."""
        return [socket for socket in self.sockets if socket.stream_name == stream and socket.known]

    def ready(self, stream: str) -> int:
        """How many of a stream were let in and asked for something."""
        return sum(socket.ready for socket in self.of(stream))

    def drop(self, stream: str, mid_frame: bool) -> int:
        """Ends the connections of a stream; gives how many there were."""
        found = [socket for socket in self.sockets if socket.stream_name == stream]
        for socket in found:
            socket.end(mid_frame)
        return len(found)
