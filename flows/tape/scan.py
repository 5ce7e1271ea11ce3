"""Walks the frames of a tape file in bounded memory, and judges what stands where no whole event does.

A torn tail is what a crash leaves: a last frame that ends beyond the file, or zeros up to the file's end. Everything
else that is not a whole frame with good checks and the next seq is corruption. The length of a frame is believed only
after its header CRC, so a flipped bit in it cannot pass for a torn tail.
"""

from collections.abc import Iterator
from os import SEEK_END
from typing import BinaryIO, Final, Literal, NamedTuple
from zlib import crc32

from flows.tape import frames
from flows.tape.frames import (
    BODY,
    CHECK,
    CLOSING,
    EVENT,
    HEAD,
    MAX_PAYLOAD,
    OVERHEAD,
    TRAIL,
    Closing,
    Corrupt,
    Header,
)

BLOCK: Final = 64 * 1024
"""About 700 events: blocks and events stay in the processor's cache (measured a quarter faster than 1 MiB)."""

Ending = Literal["open", "torn", "closed"]


class Batch(NamedTuple):
    """Payloads of whole, consecutive event frames: the seq of the first and the byte offset of its frame."""

    seq: int
    offset: int
    payloads: list[bytes]

    def offset_of(self, index: int) -> int:
        """Where the frame of one payload starts."""
        return self.offset + sum(len(payload) + OVERHEAD for payload in self.payloads[:index])


def whole_events(block: bytes, seq: int) -> tuple[list[bytes], int]:
    """Payloads of the good event frames from the start of the block, and the bytes they take.

    Stops without complaint at the first thing that is anything else.
    """
    payloads: list[bytes] = []
    start, limit = 0, len(block) - CHECK.size
    while start <= limit - HEAD.size:
        body = start + HEAD.size
        magic, length, number, check = HEAD.unpack_from(block, start)
        end = body + length
        if crc32(block[start : body - CHECK.size]) != check or magic != EVENT or number != seq or end > limit:
            break
        payload = block[body:end]
        if crc32(payload) != CHECK.unpack_from(block, end)[0]:
            break
        payloads.append(payload)
        start = end + CHECK.size
        seq += 1
    return payloads, start


def file_size(file: BinaryIO) -> int:
    """Bytes of an open file."""
    return file.seek(0, SEEK_END)


def read_header(file: BinaryIO, name: str) -> tuple[Header, int]:
    """The header of a tape and where its first event frame starts; raises NotATape, WrongVersion or Corrupt."""
    size = file_size(file)
    file.seek(0)
    start = file.read(HEAD.size)
    magic, length, seq, check = HEAD.unpack(start.ljust(HEAD.size, b"\0"))
    good = crc32(frames.HEADER + start[4:16]) == check
    if len(start) < HEAD.size or (magic != frames.HEADER and not good):
        raise frames.NotATape(f"{name} is not a tape: it starts with {start[:4]!r} and holds {size} bytes")
    cut = frames.NotATape(f"{name} is not a usable tape: it holds {size} bytes and was cut inside its header")
    if not good and zeros_to_end(file, HEAD.size):
        raise cut
    if magic != frames.HEADER or not good or seq != 0 or length > MAX_PAYLOAD:
        raise Corrupt(name, 0, "the header frame fails its CRC")
    end = OVERHEAD + length
    file.seek(HEAD.size)
    payload, check_bytes = file.read(length), file.read(CHECK.size)
    if end > size or (check_bytes == b"\0" * CHECK.size and zeros_to_end(file, end)):
        raise cut
    if check_bytes != CHECK.pack(crc32(payload)):
        raise Corrupt(name, 0, "the header payload fails its CRC")
    return frames.decode_header(payload, name), end


def read_closing(file: BinaryIO, name: str) -> tuple[Closing, int] | None:
    """The closing frame of a finished tape and where it starts; None if the file does not end with a trailer."""
    size = file_size(file)
    file.seek(max(0, size - TRAIL.size))
    offset = frames.closing_offset(file.read(TRAIL.size))
    if offset is None:
        return None
    file.seek(min(offset, size))
    found = file.read(size - TRAIL.size - offset) if offset < size - TRAIL.size else b""
    payload = found[HEAD.size : -CHECK.size]
    seq = HEAD.unpack_from(found)[2] if len(found) > OVERHEAD else 0
    if len(payload) > MAX_PAYLOAD or found != frames.frame(CLOSING, seq, payload):
        raise Corrupt(name, offset, "the closing frame fails its checks")
    return frames.decode_closing(payload, name, offset), offset


def zeros_to_end(file: BinaryIO, offset: int) -> bool:
    """Whether the file holds nothing but zeros from `offset` on, read in blocks."""
    file.seek(offset)
    return all(not any(block) for block in iter(lambda: file.read(BLOCK), b""))


class Scan:
    """One pass over the event frames of an open file; afterwards `ending` and `torn_offset` say how it ended.

    `offset` is where the next frame starts and `seq` its number. With a `limit`, the offset of the closing frame of
    a finished tape, whole events must fill the bytes up to it.
    """

    def __init__(self, file: BinaryIO, name: str, offset: int, seq: int, limit: int | None = None) -> None:
        self.file, self.name, self.offset, self.seq, self.limit = file, name, offset, seq, limit
        self.size = file_size(file)
        self.ending: Ending = "open"
        self.torn_offset: int | None = None
        self.closing: Closing | None = None

    def batches(self) -> Iterator[Batch]:
        """Whole event frames, a block at a time; raises Corrupt where one is bad, after the good ones before it."""
        self.file.seek(self.offset)
        left = (self.size if self.limit is None else self.limit) - self.offset
        block = b""
        while True:
            more = self.file.read(min(max(BLOCK, len(block)), left))
            left -= len(more)
            block += more
            payloads, used = whole_events(block, self.seq)
            if payloads:
                batch = Batch(self.seq, self.offset, payloads)
                self.seq, self.offset, block = self.seq + len(payloads), self.offset + used, block[used:]
                yield batch
            elif not more or not self._unfinished(block):
                self.ending = self._judge(block)
                return

    def _unfinished(self, block: bytes) -> bool:
        """Whether the block holds the start of a good event frame and must only grow."""
        if len(block) < HEAD.size:
            return True
        magic, length, seq, check = HEAD.unpack_from(block)
        if magic != EVENT or seq != self.seq or length > MAX_PAYLOAD or check != crc32(block[: BODY.size]):
            return False
        return len(block) < int(length) + OVERHEAD

    def _judge(self, block: bytes) -> Ending:
        """How the tape ends with this block, which starts with no whole event."""
        if not block:
            return "closed" if self.limit is not None else "open"
        if self.limit is not None:
            self._refuse_before_closing(block)
        if len(block) < HEAD.size:
            return self._judge_stub(block)
        magic, length, seq, check = HEAD.unpack_from(block)
        if check != crc32(block[: BODY.size]):
            return self._torn_by_zeros(block[: BODY.size], self.offset, "the frame header fails its CRC")
        if magic not in (EVENT, CLOSING) or length > MAX_PAYLOAD:
            raise Corrupt(self.name, self.offset, f"no event frame but magic {magic!r} with {length} bytes")
        if seq != self.seq:
            raise Corrupt(self.name, self.offset, f"seq {seq} stands where {self.seq} must follow")
        if self.offset + OVERHEAD + length > self.size:
            return self._torn(self.offset)
        self.file.seek(self.offset + HEAD.size)
        payload, found = self.file.read(length), self.file.read(CHECK.size)
        if found != CHECK.pack(crc32(payload)):
            return self._torn_by_zeros(payload, self.offset + HEAD.size, "the payload fails its CRC")
        return self._judge_trailer(payload, self.offset + OVERHEAD + length)

    def _refuse_before_closing(self, block: bytes) -> None:
        found = block[: HEAD.size].hex(" ")
        raise Corrupt(self.name, self.offset, f"no whole event {self.seq} before the closing frame, but {found}")

    def _judge_stub(self, block: bytes) -> Ending:
        start = block.rstrip(b"\0")[: len(EVENT)]
        if not EVENT.startswith(start) and not CLOSING.startswith(start):
            raise Corrupt(self.name, self.offset, f"{len(block)} bytes that start no frame: {block.hex(' ')}")
        return self._torn(self.offset)

    def _judge_trailer(self, payload: bytes, offset: int) -> Ending:
        """How the tape ends after a good closing frame whose trailer is not the last thing in the file."""
        self.closing = frames.decode_closing(payload, self.name, self.offset)
        expected = frames.trailer(self.offset)
        self.file.seek(offset)
        found = self.file.read(TRAIL.size)
        if found == expected:
            offset += TRAIL.size
            if not zeros_to_end(self.file, offset):
                raise Corrupt(self.name, offset, f"{self.size - offset} bytes after the end of the tape")
            return self._torn(offset)
        cut = len(found) < TRAIL.size or self._zeroed(expected[: -CHECK.size], offset)
        if not expected.startswith(found.rstrip(b"\0")) or not cut:
            raise Corrupt(self.name, offset, f"no trailer but {found.hex(' ')}")
        return self._torn(offset)

    def _torn(self, offset: int) -> Ending:
        self.torn_offset = offset
        return "torn"

    def _torn_by_zeros(self, checked: bytes, offset: int, found: str) -> Ending:
        """The verdict on a frame of which a part fails its CRC: torn if zeros took the CRC, else corrupt."""
        if not self._zeroed(checked, offset):
            raise Corrupt(self.name, self.offset, found)
        self.file.seek(self.offset)
        return self._judge_stub(self.file.read(BODY.size))

    def _zeroed(self, checked: bytes, offset: int) -> bool:
        """Whether zeros up to the file's end begin in the CRC after these bytes, or before it.

        Fewer zeros than a CRC has bytes prove nothing: one flipped bit can make the last byte of a good file zero.
        """
        check_offset = offset + len(checked)
        self.file.seek(check_offset)
        kept = self.file.read(CHECK.size).rstrip(b"\0")
        zeros = check_offset + len(kept)
        written = CHECK.pack(crc32(checked)).startswith(kept)
        return written and self.size - zeros >= CHECK.size and zeros_to_end(self.file, zeros)
