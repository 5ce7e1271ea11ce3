"""Builders for stories of signals: candidates and option scalps as rows, and what `scalp explain` says of them."""

from typing import Any

from sqlalchemy import Engine

from flows.records.ledger import Ledger
from operators.records import CandidateRecord, OptionsScalpRecord, Record
from tests.commands import scalp
from tests.rows import BOOK, option_scalp, run

PUT = "SPY260105P00600000"


def candidate(position: int = 1, **changes: Any) -> CandidateRecord:
    """A put that was chosen; unnamed figures are unknown."""
    row: dict[str, Any] = {"book_id": BOOK, "signal_id": "s1", "leg": "option", "position": position, "symbol": PUT}
    row |= {"chosen": position == 1, "lost_by": None, "measured": None, "limit_value": None}
    return CandidateRecord(**(row | changes))


def bought_put(**changes: Any) -> OptionsScalpRecord:
    """The option scalp of `tests.rows`, of signal s1: 2 contracts at 1.20, sold at 0.90."""
    levels = '{"stop": "0.600000", "target": "1.500000"}'
    return OptionsScalpRecord(**(option_scalp("s1", metadata_json=levels, entry_delta=-0.4) | changes))


def explained(engine: Engine, url: str, *records: Record, signal_id: str = "s1") -> str:
    """What the command says of a signal after these records were written."""
    Ledger(engine).write([run(), *records])
    said = scalp("explain", signal_id, "--database", url)
    assert (said.code, said.err) == (0, "")
    return said.out
