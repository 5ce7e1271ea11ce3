"""What Prometheus may read of a running engine, on loopback alone."""

import time
from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from flows.records.recorder import Recorder
from flows.tape.journal import Journal
from operators.records import OrderRecord, SignalRecord
from operators.steps import Outcome

LOOPBACK: Final = "127.0.0.1"
LATENCIES: Final = (0.0002, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.064, 0.25, 1.0)
"""Seconds; the promise is 0.6 ms for half of the orders and 4 ms for 99 of 100."""


class Metrics:
    """Counts orders and refusals of a live line; queue, lags and ages are read when they are asked for."""

    def __init__(self, journal: Journal, recorder: Recorder, age_seconds: Callable[[], float]) -> None:
        self.registry = CollectorRegistry()
        self._journal = journal
        self._orders = Counter("scalp_orders", "orders sent", ["action"], registry=self.registry)
        self._refusals = Counter("scalp_refusals", "signals refused, by code", ["code"], registry=self.registry)
        self._latency = Histogram(
            "scalp_tick_to_order_seconds",
            "from the write of an event to the order that it caused",
            buckets=LATENCIES,
            registry=self.registry,
        )
        self._gauge("scalp_queue_events", "events that wait to be written", lambda: float(journal.waiting))
        self._gauge("scalp_tape_events", "place of the newest event", lambda: float(journal.written_seq))
        self._gauge("scalp_event_lag_seconds", "wall time since an event entered the line", age_seconds)
        self._gauge(
            "scalp_ledger_lag_seconds", "how long the oldest record has waited", lambda: recorder.behind_seconds
        )
        self._gauge("scalp_ledger_records", "records that are not in the database", lambda: float(recorder.waiting))

    def serve(self, port: int) -> Callable[[], None]:
        """Answers on loopback; gives what ends it. Raises OSError for a port that is taken."""
        server, thread = start_http_server(port, LOOPBACK, self.registry)

        def end() -> None:
            server.shutdown()
            server.server_close()
            thread.join()

        return end

    def take(self, outcome: Outcome) -> None:
        """Counts what a live line made."""
        if type(outcome) is OrderRecord and outcome.state == "sending":
            self._orders.labels(outcome.action).inc()
            written = self._journal.written_at(outcome.tape_seq)
            if written is not None:
                self._latency.observe(time.monotonic() - written)
        elif type(outcome) is SignalRecord and outcome.code is not None:
            self._refusals.labels(outcome.code).inc()

    def _gauge(self, name: str, meaning: str, read: Callable[[], float]) -> None:
        Gauge(name, meaning, registry=self.registry).set_function(read)
