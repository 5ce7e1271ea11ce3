"""What Prometheus reads of a running engine: on loopback, with what its line has made."""

import re
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from flows.engine.metrics import Ages, Metrics, Port, stream_ages
from flows.records.database import open_database
from flows.records.ledger import Ledger
from flows.records.marks import Mark
from flows.records.recorder import Recorder
from flows.records.waiting import Waiting
from operators.config import EngineSettings, ScalpConfig
from operators.steps import Desks
from tests.builders import Stage, ny
from tests.commands import complaint, scalp
from tests.journals import LIMIT_SECONDS, QUOTE, makes
from tests.rows import order, signal
from tests.ui.running import free_port


@pytest.fixture
def metrics(tmp_path: Path) -> Iterator[Metrics]:
    """Of a journal with one event and of a ledger's thread that is not started."""
    (tmp_path / "tape").mkdir()
    database = open_database(f"sqlite:///{tmp_path}/records.db", create=True)
    making = makes(tmp_path / "tape")
    journal = next(making)()
    journal.start()
    journal.put(QUOTE)
    assert journal.drained(LIMIT_SECONDS)
    recorder = Recorder(
        Ledger(database), Mark("paper:test", "t", 1, 0), lambda: True, lambda _: None, Waiting(tmp_path)
    )
    yield Metrics(journal, recorder, Ages(lambda: 0.25, lambda: 1.5, lambda: {"quote": 0.5, "SPY": 12.0}))
    next(making, None)
    database.dispose()


def scraped(metrics: Metrics) -> dict[str, float]:
    """The samples by name and labels, as a scrape over HTTP gives them."""
    number = free_port()
    with closing(Port(number)) as port:
        port.show(metrics.registry)
        with urllib.request.urlopen(f"http://127.0.0.1:{number}/metrics", timeout=LIMIT_SECONDS) as answer:
            text = answer.read().decode()
    rows = re.findall(r"^(scalp_[^ ]+) (\S+)$", text, re.M)
    return {name: float(value) for name, value in rows}


def test_an_order_is_counted_with_its_way_from_the_event_that_caused_it(metrics: Metrics) -> None:
    metrics.take(order(action="first", state="sending", tape_seq=1))
    found = scraped(metrics)
    assert found['scalp_orders_total{action="first"}'] == 1.0
    assert found["scalp_tick_to_order_seconds_count"] == 1.0


def test_an_order_that_only_changes_is_not_counted_again(metrics: Metrics) -> None:
    metrics.take(order(action="first", state="filled", tape_seq=1))
    assert scraped(metrics).get('scalp_orders_total{action="first"}') is None


def test_an_order_of_an_event_long_past_has_no_latency(metrics: Metrics) -> None:
    metrics.take(order(state="sending", tape_seq=2))
    assert scraped(metrics)["scalp_tick_to_order_seconds_count"] == 0.0


def test_refusals_are_counted_by_code(metrics: Metrics) -> None:
    metrics.take(signal(code="macro", decision="refused"))
    metrics.take(signal(code=None, decision="entered"))
    found = {name: value for name, value in scraped(metrics).items() if name.startswith("scalp_refusals_total")}
    assert found == {'scalp_refusals_total{code="macro"}': 1.0}


def test_queue_tape_lag_and_ledger_are_read_when_asked(metrics: Metrics) -> None:
    found = scraped(metrics)
    names = ("queue_events", "tape_events", "event_lag_seconds", "silence_seconds", "ledger_records")
    assert [found[f"scalp_{name}"] for name in names] == [0.0, 1.0, 0.25, 1.5, 0.0]
    assert found["scalp_ledger_lag_seconds"] == 0.0


def test_each_stream_has_its_age(metrics: Metrics) -> None:
    found = {name: value for name, value in scraped(metrics).items() if name.startswith("scalp_stream_age_seconds")}
    assert found == {
        'scalp_stream_age_seconds{stream="quote"}': 0.5,
        'scalp_stream_age_seconds{stream="SPY"}': 12.0,
    }


def test_a_streams_age_is_that_of_its_newest_quote_and_one_never_heard_has_none() -> None:
    stage = Stage()
    stage.quote("10:00")
    stage.quote("10:00:02", symbol="SPXL")
    desks = Desks(ScalpConfig(), EngineSettings())
    desks.books["paper:test"] = stage.desk
    assert stage.book.stream("SPY").newest_ns == 0
    assert stream_ages(desks, ny("10:00:03.5", stage.day)) == {"quote": 1.5}


def test_a_port_that_is_taken_is_told_before_the_engine_begins(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        number = taken.getsockname()[1]
        said = complaint(scalp("run", "--state", tmp_path / "state", "--metrics-port", number))
    assert said == (
        f"port {number} on 127.0.0.1 cannot be had for metrics: Address already in use; "
        "name another --metrics-port, or end what listens there"
    )
    assert not (tmp_path / "state").exists()


def test_a_start_that_fails_gives_its_port_back(tmp_path: Path) -> None:
    number = free_port()
    (tmp_path / "file").touch()
    assert "file is a file" in complaint(scalp("run", "--state", tmp_path / "file", "--metrics-port", number))
    socket.create_server(("127.0.0.1", number)).close()


@pytest.mark.parametrize(
    ("number", "wrong"), [(-1, "greater than or equal to 0"), (65536, "less than or equal to 65535")]
)
def test_a_number_that_is_no_port_is_bad_usage(tmp_path: Path, number: int, wrong: str) -> None:
    said = complaint(scalp("run", "--state", tmp_path / "state", f"--metrics-port={number}"))
    assert said == f"Invalid value for '--metrics-port': Input should be {wrong} (see --help)"
