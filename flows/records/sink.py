"""The end of the line: records are gathered and written in batches, the last one when the line closes."""

from collections.abc import Callable

from bytewax.outputs import DynamicSink, StatelessSinkPartition

from flows.records.ledger import Ledger
from operators.records import Record

ROWS = 2_000
"""Records gathered before a write: a commit costs milliseconds, a row microseconds."""
Keyed = tuple[str, Record]


class _Partition(StatelessSinkPartition[Keyed]):
    def __init__(self, ledger: Ledger, closed: Callable[[], None]) -> None:
        self._ledger, self._closed = ledger, closed
        self._records: list[Record] = []

    def write_batch(self, items: list[Keyed]) -> None:
        self._records += [record for _, record in items]
        if len(self._records) >= ROWS:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._closed()

    def _flush(self) -> None:
        self._ledger.write(self._records)
        self._records = []


class LedgerSink(DynamicSink[Keyed]):
    """Writes all records to one ledger; `closed` is called after the last write, also when the line broke."""

    def __init__(self, ledger: Ledger, closed: Callable[[], None]) -> None:
        self._ledger, self._closed = ledger, closed

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Partition:
        """The only partition: the source has refused more workers."""
        return _Partition(self._ledger, self._closed)
