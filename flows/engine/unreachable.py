"""What a person should know whose engine cannot start because its database is away: what it holds, and the way out."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from flows.engine.hints import Hints
from flows.engine.state import StateFolder
from flows.records.faults import DatabaseUnavailable
from flows.tape.frames import Corrupt, NotATape, WrongVersion
from operators.book import BookState
from operators.carrying import positions
from operators.sessions import utc

INTERIM = "interim.db"


@contextmanager
def advising(folder: StateFolder, begun: bool) -> Iterator[None]:
    """Adds to a DatabaseUnavailable what an engine that has begun holds, and how its exits go on at once."""
    try:
        yield
    except DatabaseUnavailable as fault:
        if not begun:
            raise
        raise DatabaseUnavailable(
            f"{fault}. {_holds(folder)}: no exit is watched meanwhile. {_way_out(folder)}"
        ) from fault


def _holds(folder: StateFolder) -> str:
    """What the newest checkpoint on the tape holds; at most a minute of the market came after it."""
    try:
        found = Hints(folder.hints).find(folder.tape, sys.maxsize)
    except (Corrupt, NotATape, WrongVersion, OSError) as fault:
        return f"What it holds cannot be read ({fault})"
    if found is None:
        return "Its tape has no checkpoint yet, what it holds is not known"
    checkpoint, states = found
    books = [msgspec.msgpack.decode(data, type=BookState) for data in states.books.values()]
    held = [f"{quantity} {symbol}" for book in books for symbol, quantity in positions(book).items()]
    at = f"{utc(checkpoint.at_ns):%Y-%m-%d %H:%M:%S} UTC"
    return f"At {at} this engine held {', '.join(held) or 'nothing'}"


def _way_out(folder: StateFolder) -> str:
    database = shlex.quote(f"sqlite:///{folder.path / INTERIM}")
    made = f"scalp rebuild --state {shlex.quote(str(folder.path))} --database {database}"
    return (
        f"To go on at once make another one from the tape with `{made}` and start with --database {database}; "
        "this one is filled when it is named again"
    )
