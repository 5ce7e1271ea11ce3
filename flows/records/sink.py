"""The end of a replay's line: its records go to the scribe, its echoes are compared with those of a recording."""

from bytewax.outputs import DynamicSink, StatelessSinkPartition

from flows.engine.echoes import Echoes
from flows.records.scribe import Scribe
from operators.records import Record
from operators.steps import Outcome

Keyed = tuple[str, Outcome]


class _Partition(StatelessSinkPartition[Keyed]):
    def __init__(self, scribe: Scribe, echoes: Echoes | None) -> None:
        self._scribe, self._echoes = scribe, echoes

    def write_batch(self, items: list[Keyed]) -> None:
        if self._echoes is not None:
            for _, outcome in items:
                self._echoes.take(outcome)
        self._scribe.take([outcome for _, outcome in items if isinstance(outcome, Record)])

    def close(self) -> None:
        self._scribe.close()


class LedgerSink(DynamicSink[Keyed]):
    """Hands all records to a scribe, and all outcomes to the echoes of a recording if there are any."""

    def __init__(self, scribe: Scribe, echoes: Echoes | None) -> None:
        self._partition = _Partition(scribe, echoes)

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _Partition:
        """The only partition: the source has refused more workers."""
        return self._partition
