"""What a tape file is made of: frames, the first one a header, the last one an index.

    header frame | event frame | event frame | ... | closing frame | trailer

A frame is magic (4 bytes), payload length (u32), seq (u64) and the CRC32 of those 16 bytes; then the payload and the
CRC32 of the payload; all little endian. The trailer is its magic, the byte offset of the closing frame (u64) and the
CRC32 of those 12 bytes. So every byte of the file stands under a check. A file without a closing frame is a tape
that is still written, or whose writer died.

The header frame has seq 0, the closing frame has the seq that the next event would have had. Events count from 1; those
of a folder's segments count on, and a segment's header says with which it begins.
"""

from struct import Struct
from typing import Final
from zlib import crc32

import msgspec
from msgspec import msgpack

from operators.events import AnyEvent, Bar, Chain, RunStarted, is_history
from operators.schema import schema_hash

FORMAT_VERSION: Final = 1
PROGRAM: Final = "scalp"
PROGRAM_VERSION: Final = "0.1.0"
KNOWN_SCHEMAS: Final = {
    "d7bf52a031344ff2": "scalp 0.1.0",
    "ffc6ae039d8031bb": "scalp 0.1.0 with option chains",
    "d89a31d0b8cd4ad1": "scalp 0.1.0 with what an engine writes",
    "37276987c8d58f3e": "scalp 0.1.0 with what a broker says",
    "fb7c6f1553bf1485": "scalp 0.1.0 with splits",
}
"""Schema hash of the events to the first program that wrote it. A line is added when fields are appended, and none
is ever removed: the decoder fills the fields that an old tape lacks with their defaults."""

HEADER: Final = b"ScH\x01"
EVENT: Final = b"ScE\x96"
CLOSING: Final = b"ScC\x5a"
TRAILER: Final = b"ScT\xe7"

HEAD: Final = Struct("<4sIQI")
BODY: Final = Struct("<4sIQ")
CHECK: Final = Struct("<I")
TRAIL: Final = Struct("<4sQI")
OVERHEAD: Final = HEAD.size + CHECK.size
MAX_PAYLOAD: Final = 16 * 1024 * 1024
"""An option chain of 10,000 contracts takes under 2 MB: a longer payload is a fault, and memory stays bounded."""
INDEX_EVERY: Final = 4096


class NotATape(ValueError):
    """The file is something else, or was cut before its first event."""


class WrongVersion(ValueError):
    """A tape of a format or of an event schema that this program does not know."""


class Corrupt(ValueError):
    """The bytes of a tape are not what was written; `offset` is where the bad frame starts."""

    def __init__(self, name: str, offset: int, found: str) -> None:
        super().__init__(f"{name} is corrupt at byte {offset}: {found}; restore it from a copy or import it again")
        self.offset = offset
        self.found = found


class Source(msgspec.Struct, frozen=True):
    """A file that was imported: its name without folder, its rows of data and the SHA-256 of its bytes."""

    name: str
    rows: int
    sha256: str


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a tape before its first event.

    `cadences` gives the seconds between items of a stream, 0 if it is event driven; `marks` say what in the tape
    was not recorded (MODELLED, SIMULATED). `first_seq` is the place of its first event: 1, or more in a later segment;
    `market_events` counts those of a feed in the segments before it, `run` repeats the newest RunStarted before it.
    Segments that end before event `kept_from` may have been dropped when this one began, and no others.
    """

    version: int = FORMAT_VERSION
    schema_hash: str = msgspec.field(default_factory=schema_hash)
    program: str = PROGRAM
    program_version: str = PROGRAM_VERSION
    cadences: dict[str, float] = {}
    marks: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    first_seq: int = 1
    market_events: int = 0
    run: RunStarted | None = None
    kept_from: int = 1


class IndexEntry(msgspec.Struct, frozen=True, array_like=True):
    """Where the frame of one event starts."""

    seq: int
    at_ns: int
    offset: int


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """What is known after the last event; `tickers` counts bars and `chains` snapshots, `rejected` refused rows."""

    events: int
    history_events: int
    first_at_ns: int | None
    last_at_ns: int | None
    tickers: dict[str, int]
    rejected: dict[str, int]
    index: tuple[IndexEntry, ...]
    chains: dict[str, int] = {}


class Tally:
    """Counts events as they are written or read; the same events at the same offsets give the same closing frame."""

    def __init__(self) -> None:
        self.events = 0
        self.history = 0
        self.first: int | None = None
        self.last: int | None = None
        self.tickers: dict[str, int] = {}
        self.chains: dict[str, int] = {}
        self.index: list[IndexEntry] = []

    def add(self, event: AnyEvent, offset: int) -> None:
        """Counts one event whose frame starts at `offset`."""
        if self.events % INDEX_EVERY == 0:
            self.index.append(IndexEntry(event.seq, event.at_ns, offset))
            self.first = event.at_ns if self.first is None else self.first
        self.events += 1
        self.last = event.at_ns
        if isinstance(event, Bar):
            self.tickers[event.ticker] = self.tickers.get(event.ticker, 0) + 1
        elif isinstance(event, Chain):
            self.chains[event.underlying] = self.chains.get(event.underlying, 0) + 1
        self.history += is_history(event)

    def closing(self, rejected: dict[str, int]) -> Closing:
        """The closing payload of a tape with exactly these events."""
        return Closing(
            events=self.events,
            history_events=self.history,
            first_at_ns=self.first,
            last_at_ns=self.last,
            tickers=dict(sorted(self.tickers.items())),
            rejected=dict(sorted(rejected.items())),
            index=tuple(self.index),
            chains=dict(sorted(self.chains.items())),
        )


def frame(magic: bytes, seq: int, payload: bytes) -> bytes:
    """The bytes of one frame. Raises ValueError for a payload over MAX_PAYLOAD."""
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"event {seq} takes {len(payload)} bytes, a frame holds {MAX_PAYLOAD}: split it")
    start = BODY.pack(magic, len(payload), seq)
    return b"".join((start, CHECK.pack(crc32(start)), payload, CHECK.pack(crc32(payload))))


def trailer(closing_offset: int) -> bytes:
    """The last bytes of a finished tape, from which a reader finds the closing frame."""
    start = TRAIL.pack(TRAILER, closing_offset, 0)[: -CHECK.size]
    return start + CHECK.pack(crc32(start))


def closing_offset(end: bytes) -> int | None:
    """Where the closing frame starts, from the last bytes of a file; None if they are no whole trailer."""
    if len(end) != TRAIL.size or not end.startswith(TRAILER):
        return None
    offset: int = TRAIL.unpack(end)[1]
    return offset if trailer(offset) == end else None


_encoder = msgpack.Encoder(order="deterministic")


def encode_part(part: Header | Closing) -> bytes:
    """MessagePack map of a header or closing payload; the same content gives the same bytes."""
    return _encoder.encode(part)


class _Versions(msgspec.Struct):
    """The two fields that every version of the header has, read before any other field is believed."""

    version: int
    schema_hash: str


def decode_header(payload: bytes, name: str) -> Header:
    """The header of a tape; raises WrongVersion, or Corrupt if it is no header at all."""
    try:
        found = msgpack.decode(payload, type=_Versions)
        if found.version != FORMAT_VERSION:
            raise WrongVersion(
                f"{name} has tape format {found.version}, this program reads format {FORMAT_VERSION}:"
                " use the program version that wrote it"
            )
        if found.schema_hash not in KNOWN_SCHEMAS:
            raise WrongVersion(
                f"{name} has event schema {found.schema_hash}, this program knows {', '.join(KNOWN_SCHEMAS)}:"
                " use the program version that wrote it, or a later one"
            )
        return msgpack.decode(payload, type=Header)
    except msgspec.DecodeError as error:
        raise Corrupt(name, 0, f"the header cannot be read ({error})") from error


def decode_closing(payload: bytes, name: str, offset: int) -> Closing:
    """The closing payload of a tape; raises Corrupt."""
    try:
        return msgpack.decode(payload, type=Closing)
    except msgspec.DecodeError as error:
        raise Corrupt(name, offset, f"the closing frame cannot be read ({error})") from error
