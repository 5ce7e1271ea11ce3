"""What Prometheus may read of a running engine, on loopback alone."""

import time
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, make_wsgi_app, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from flows.records.recorder import Recorder
from flows.tape.journal import Journal
from operators.records import OrderRecord, SignalRecord
from operators.steps import Desks, Outcome

LOOPBACK: Final = "127.0.0.1"
LATENCIES: Final = (0.0002, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.064, 0.25, 1.0)
"""Seconds; the promise is 0.6 ms for half of the orders and 4 ms for 99 of 100."""


class Ages(NamedTuple):
    """What only the line knows, in seconds: how late its newest event came, how long ago, and the age of each stream.

    A stream's age is that of its newest quote, by the clock of the feed.
    """

    lag: Callable[[], float]
    silence: Callable[[], float]
    streams: Callable[[], dict[str, float]]


class TakenPort(ValueError):
    """A port that cannot be had; the message says why and what to do."""


class Port:
    """A port on loopback that answers Prometheus, 0 for none: had before an engine begins, which is shown once it runs.

    Raises TakenPort.
    """

    def __init__(self, number: int) -> None:
        self._server = None
        try:
            if number:
                self._server, self._thread = start_http_server(number, LOOPBACK, CollectorRegistry())
        except OSError as fault:
            raise TakenPort(
                f"port {number} on {LOOPBACK} cannot be had for metrics: {fault.strerror}; "
                "name another --metrics-port, or end what listens there"
            ) from fault

    def show(self, registry: CollectorRegistry) -> None:
        """Answers with these from now on."""
        if self._server is not None:
            self._server.set_app(make_wsgi_app(registry))

    def close(self) -> None:
        """Answers no more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()


class Metrics:
    """Counts orders and refusals of a live line; queue, lags and ages are read when they are asked for."""

    def __init__(self, journal: Journal, recorder: Recorder, ages: Ages) -> None:
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
        self._gauge("scalp_event_lag_seconds", "from when the newest event happened to its place on the tape", ages.lag)
        self._gauge("scalp_silence_seconds", "wall time since an event entered the line", ages.silence)
        self.registry.register(_StreamAges(ages.streams))
        self._gauge(
            "scalp_ledger_lag_seconds", "how long the oldest record has waited", lambda: recorder.behind_seconds
        )
        self._gauge("scalp_ledger_records", "records that are not in the database", lambda: float(recorder.waiting))

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


def stream_ages(desks: Desks, now_ns: int) -> dict[str, float]:
    """Seconds since the newest quote of each stream that was heard, the oldest of all books; for any thread."""
    ages: dict[str, float] = {}
    for desk in list(desks.books.values()):
        for name, stream in list(desk.book.streams.items()):
            if stream.newest_ns:
                ages[name] = max(ages.get(name, 0.0), (now_ns - stream.newest_ns) / 1e9)
    return ages


class _StreamAges(Collector):
    """The streams there are now, one sample each."""

    def __init__(self, ages: Callable[[], dict[str, float]]) -> None:
        self._ages = ages

    def collect(self) -> Iterator[GaugeMetricFamily]:
        found = GaugeMetricFamily("scalp_stream_age_seconds", "age of a stream's newest quote", labels=["stream"])
        for name, age in self._ages().items():
            found.add_metric([name], age)
        yield found
