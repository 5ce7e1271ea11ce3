"""The end of the line: records are gathered and written in batches, the last one when the line closes."""

from typing import Protocol

from bytewax.outputs import DynamicSink, StatelessSinkPartition

from flows.records.faults import UnusableDatabase
from flows.records.ledger import Ledger
from operators.records import Record

ROWS = 2_000
"""Records gathered before a write: a commit costs milliseconds, a row microseconds."""
Keyed = tuple[str, Record]


class Keeper(Protocol):
    """Who runs the line: it hears of a database that failed, and of the end."""

    ledger: Ledger

    def failed(self, fault: Exception) -> None:
        """Nothing more is written, for this reason."""

    def closed(self) -> None:
        """The last record was written, or the line broke."""


class _Partition(StatelessSinkPartition[Keyed]):
    def __init__(self, keeper: Keeper, rows: int) -> None:
        self._keeper, self._rows = keeper, rows
        self._records: list[Record] = []
        self._failed = False

    def write_batch(self, items: list[Keyed]) -> None:
        self._records += [record for _, record in items]
        if len(self._records) >= self._rows:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._keeper.closed()

    def _flush(self) -> None:
        """Writes what was gathered. A fault is told and not raised: close() is called on the way out of Bytewax."""
        records, self._records = self._records, []
        if self._failed or not records:
            return
        try:
            self._keeper.ledger.write(records)
        except UnusableDatabase as fault:
            self._failed = True
            self._keeper.failed(fault)


class LedgerSink(DynamicSink[Keyed]):
    """Writes all records to the ledger of its keeper: many at a time, or each batch `at_once` for who looks on."""

    def __init__(self, keeper: Keeper, at_once: bool = False) -> None:
        self._keeper, self._rows = keeper, 1 if at_once else ROWS

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Partition:
        """The only partition: the source has refused more workers."""
        return _Partition(self._keeper, self._rows)
