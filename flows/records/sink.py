"""The end of the line: its records go to the scribe."""

from bytewax.outputs import DynamicSink, StatelessSinkPartition

from flows.records.scribe import Scribe
from operators.records import Record

Keyed = tuple[str, Record]


class _Partition(StatelessSinkPartition[Keyed]):
    def __init__(self, scribe: Scribe) -> None:
        self._scribe = scribe

    def write_batch(self, items: list[Keyed]) -> None:
        self._scribe.take([record for _, record in items])

    def close(self) -> None:
        self._scribe.close()


class LedgerSink(DynamicSink[Keyed]):
    """Hands all records to a scribe."""

    def __init__(self, scribe: Scribe) -> None:
        self._scribe = scribe

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Partition:
        """The only partition: the source has refused more workers."""
        return _Partition(self._scribe)
