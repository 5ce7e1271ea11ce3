"""Records that have no room in memory, in a file without a name: nothing of it outlives the process.

A crash loses nothing with it: the next start makes the same records anew from the tape.
"""

import os
import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

import msgspec

from operators.records import Record

HEAD: Final = struct.Struct("<dI")
"""When a chunk came (monotonic seconds), and how many bytes of records follow."""
MARK: Final = ""
"""Stands where a record has the name of its table: what follows is a mark."""


class Chunk(NamedTuple):
    """Records and marks that came together, in line order; `came` is when (monotonic seconds)."""

    came: float
    records: Sequence[Record | int]


class Spill:
    """A queue of chunks on disk; one thread appends, one reads, and whoever owns it keeps `pass_over` from `append`.

    `waiting` counts the records that were not passed over, `since` is when about the oldest of them came. Raises
    OSError where the disk fails or has no room, and then the file is of no use any more.
    """

    def __init__(self, folder: Path) -> None:
        self.waiting, self.since = 0, 0.0
        self._folder = folder
        self._file: BinaryIO | None = None
        self._read_at = self._end = 0
        self._kinds: dict[str, type[Record]] = {}
        self._encoder = msgspec.msgpack.Encoder()

    def append(self, chunk: Chunk) -> None:
        """Puts a chunk behind all others."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115  # until it is drained
        data = self._encoder.encode([self._named(one) for one in chunk.records])
        frame = HEAD.pack(chunk.came, len(data)) + data
        written = 0
        while written < len(frame):
            written += os.pwrite(self._file.fileno(), frame[written:], self._end + written)
        self._end += written
        self.since = self.since if self.waiting else chunk.came
        self.waiting += len(chunk.records)

    def read(self) -> tuple[Chunk, int]:
        """The oldest chunk and its size in bytes; there has to be one."""
        assert self._file is not None, "only what was appended is read"
        came, size = HEAD.unpack(self._bytes(HEAD.size, self._read_at))
        rows: list[tuple[str, msgspec.Raw]] = msgspec.msgpack.decode(
            self._bytes(size, self._read_at + HEAD.size), type=list[tuple[str, msgspec.Raw]]
        )
        return Chunk(came, [self._record(name, raw) for name, raw in rows]), HEAD.size + size

    def pass_over(self, chunk: Chunk, size: int) -> None:
        """Goes on behind the chunk that was read; a file that is drained gives its room back."""
        self._read_at += size
        self.since = chunk.came
        self.waiting -= len(chunk.records)
        if self._read_at == self._end:
            self.close()

    def close(self) -> None:
        """Gives the room back, whatever still waits."""
        if self._file is not None:
            self._file.close()
        self._file, self._read_at, self._end, self.waiting = None, 0, 0, 0

    def _named(self, one: Record | int) -> tuple[str, Any]:
        if isinstance(one, int):
            return MARK, one
        self._kinds[one.table] = type(one)
        return one.table, one

    def _record(self, name: str, raw: msgspec.Raw) -> Record | int:
        kind: type[Record] | type[int] = int if name == MARK else self._kinds[name]
        return msgspec.msgpack.decode(raw, type=kind)

    def _bytes(self, size: int, at: int) -> bytes:
        assert self._file is not None, "only an open file is read"
        data = os.pread(self._file.fileno(), size, at)
        if len(data) != size:
            raise OSError(f"{len(data)} of {size} bytes of waiting records could be read at {at}")
        return data
