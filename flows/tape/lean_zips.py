"""Reads recorded chains: zip files with one CSV file a contract, whose name says which contract it is."""

import hashlib
import re
import struct
import zlib
from collections.abc import Iterator
from datetime import date
from io import TextIOWrapper
from itertools import chain
from lzma import LZMAError
from pathlib import Path
from typing import Final, NamedTuple
from zipfile import BadZipFile, ZipFile, ZipInfo

from flows.tape.frames import Source
from flows.tape.lean_files import TEN_THOUSANDTHS, BadLean
from operators.contracts import occ_symbol

UNREADABLE: Final = (
    *(
        BadZipFile,
        zlib.error,
        LZMAError,
        struct.error,
        EOFError,
        OSError,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ),
)
"""What reading a damaged, encrypted or oddly packed archive raises."""


class Contract(NamedTuple):
    """What an entry's name says: strike in dollars. Contracts sort by expiry, strike, call before put."""

    expiry: date
    strike: float
    put: bool
    symbol: str


class Entry(NamedTuple):
    """One file of an archive: its name, and its lines that are not empty, numbered from 1."""

    name: str
    lines: Iterator[tuple[int, str]]


def survey(path: Path) -> Source:
    """Reads a file once, for its rows and its digest; raises BadLean if it cannot be read."""
    rows = sum(1 for entry in _entries(path) for _ in entry.lines)
    with path.open("rb") as file:
        return Source(path.name, rows, hashlib.file_digest(file, "sha256").hexdigest())


def contracts_in(path: Path, root: str) -> list[Contract]:
    """The contracts that a file of options names; raises BadLean as `option_entries` does."""
    with _opened(path) as archive:
        found = [_contract(path, name, root) for name in archive.namelist()]
    if len(set(found)) < len(found):
        twice = next(contract for contract in found if found.count(contract) > 1)
        raise BadLean(f"{path.name} holds {twice.symbol} twice")
    return found


def option_entries(path: Path, root: str) -> Iterator[tuple[Contract, Entry]]:
    """The entries of a file of options, each to be read to its end before the next.

    Raises BadLean for a damaged file, and for an entry that is not of this root and of the file's date, kind and style.
    """
    for entry in _entries(path):
        yield _contract(path, entry.name, root), entry


def only_entry(path: Path, ticker: str) -> Entry:
    """The one entry of a file of the underlying; raises BadLean if there are others, or it has another name."""
    expected = "_minute_".join(_stem(path, ticker)) + ".csv"
    with _opened(path) as archive:
        names = archive.namelist()
    if names != [expected]:
        raise BadLean(f"{path.name} holds {', '.join(names[:2]) or 'no entry'}, expected {expected} alone")
    return Entry(expected, chain.from_iterable(entry.lines for entry in _entries(path)))


def _stem(path: Path, name: str) -> tuple[str, str]:
    """What stands before and after `_minute_` in the names of entries, by the name of their file."""
    day, _, rest = path.name.partition(".")[0].partition("_")
    return f"{day}_{name.lower()}", rest


def _contract(path: Path, entry: str, root: str) -> Contract:
    expected = "_minute_".join(_stem(path, root))
    match = re.fullmatch(rf"{expected}_(call|put)_([0-9]{{1,9}})_([0-9]{{8}})\.csv", entry)
    if match is None:
        raise BadLean(f"{path.name} holds {entry}, expected {expected}_call_STRIKE_EXPIRY.csv (or put)")
    side, strike, expiry = match[1], int(match[2]) / TEN_THOUSANDTHS, match[3]
    try:
        last = date(int(expiry[:4]), int(expiry[4:6]), int(expiry[6:]))
        contract = Contract(last, strike, side == "put", occ_symbol(root, last, -1 if side == "put" else 1, strike))
    except ValueError as error:
        raise BadLean(f"{path.name} holds {entry}: {error}") from error
    if f"{last:%Y%m%d}" < entry[:8]:
        raise BadLean(f"{path.name} holds {entry}, a contract that expired before that day")
    return contract


def _opened(path: Path) -> ZipFile:
    try:
        return ZipFile(path)
    except UNREADABLE as error:
        raise _unreadable(path, error) from error


def _entries(path: Path) -> Iterator[Entry]:
    with _opened(path) as archive:
        for info in archive.infolist():
            yield Entry(info.filename, _lines(path, archive, info))


def _lines(path: Path, archive: ZipFile, info: ZipInfo) -> Iterator[tuple[int, str]]:
    """The CRC is checked as the last line is read. What is not ASCII becomes a mark that no number has."""
    try:
        with archive.open(info) as file:
            for number, line in enumerate(TextIOWrapper(file, "ascii", errors="replace"), 1):
                if text := line.strip():
                    yield number, text
    except UNREADABLE as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> BadLean:
    return BadLean(f"{path.name} cannot be read as a zip file ({error}): restore it from a copy")
