"""What an engine says while it runs: JSON, one object a line on stderr, each with a code of docs/operations.md."""

import logging
import sys
from typing import Final, Literal

import structlog
from structlog.typing import Processor

Level = Literal["info", "warning", "error"]

CODES: Final[dict[str, tuple[Level, str]]] = {
    "I001": ("info", "the engine runs"),
    "I002": ("info", "the engine ended in order"),
    "I003": ("info", "the database takes records again"),
    "I004": ("info", "the tape is written again"),
    "I005": ("info", "segments older than tape_keep_days were dropped"),
    "I006": ("info", "the engine goes on with changed settings"),
    "I007": ("info", "a reason for no entries is gone"),
    "I011": ("info", "a stream of the market is connected"),
    "I012": ("info", "contracts were listed"),
    "W101": ("warning", "the database does not take records; they wait"),
    "W102": ("warning", "entries ended: the database is behind"),
    "W103": ("warning", "the tape cannot be written; events wait"),
    "W104": ("warning", "a kill file was found"),
    "W105": ("warning", "the start had orders to write that a killed run had decided"),
    "W106": ("warning", "the day's loss is near its limit"),
    "W107": ("warning", "the desk ended entries"),
    "W108": ("warning", "records are left to the next start: there is no room to keep them"),
    "W109": ("warning", "old segments of the tape cannot be dropped; they stay"),
    "W110": ("warning", "a library has something to say"),
    "W111": ("warning", "the broker refuses to let a position go"),
    "W120": ("warning", "a broker's update cannot be used as it is"),
    "W121": ("warning", "a stream of the market broke; it is begun again"),
    "W122": ("warning", "the market allows one connection to a stream, and there is one; ours is tried again"),
    "W123": ("warning", "bars that closed during a break cannot be had yet"),
    "W124": ("warning", "something that the market told was left out"),
    "E201": ("error", "the engine failed"),
}
"""Every code with its level and meaning; what to do stands in docs/operations.md."""

PROCESSORS: Final[list[Processor]] = [
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.EventRenamer("message"),
    structlog.processors.JSONRenderer(sort_keys=False),
]


def tell(code: str, **facts: object) -> None:
    """Says one thing with its facts. Raises KeyError for a code that is not listed."""
    level, meaning = CODES[code]
    log = structlog.wrap_logger(structlog.PrintLogger(sys.stderr), processors=PROCESSORS)
    log.msg(meaning, code=code, level=level, **facts)


class _Libraries(logging.Handler):
    """What libraries log, in the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        tell("W110", library=record.name, detail=record.getMessage())


def libraries_tell() -> None:
    """Warnings of libraries are told as an engine's own from now on: by themselves they would stand on stderr bare."""
    root = logging.getLogger()
    if not any(isinstance(one, _Libraries) for one in root.handlers):
        root.addHandler(_Libraries(logging.WARNING))


class Changes:
    """Tells when something begins and when it is over, once each."""

    def __init__(self, begins: str, ends: str) -> None:
        self._begins, self._ends, self._said = begins, ends, ""

    def look(self, wrong: str) -> None:
        """What is wrong now, empty for nothing."""
        if wrong and not self._said:
            tell(self._begins, detail=wrong)
        elif not wrong and self._said:
            tell(self._ends)
        self._said = wrong
