"""A whole session at Alpaca, in lock step: the same signals, orders, prices and exits as on paper."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.brokers.alpaca.broker import Alpaca as Broker
from flows.engine import watch
from flows.engine.process import Engine, Plan
from flows.market.generate import generate
from flows.market.plan import FIRST, planned
from flows.records.database import open_database
from flows.records.queries import refusals, trades
from flows.runs import Options, prepare
from flows.settings import load
from flows.tape.segments import Segments
from operators.events import Intent
from tests.alpaca_brokers import KEYS, place
from tests.fakes.alpaca.process import Alpaca
from tests.lockstep import LIMIT_SECONDS, LockStep
from tests.order_lives import Beside

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loaded machine's database may be seconds behind: that ends entries, which is not what is looked at here."""
    monkeypatch.setattr(watch, "BEHIND_SECONDS", LIMIT_SECONDS)


WITHOUT_FEES = ("paper_fee_per_contract_usd=0", "paper_latency_ms=0")
"""The fake takes no fees, and an order is there at once."""


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("market") / "market.tape"
    generate(
        planned("QQQ,SPY", "", FIRST, seed=4, sessions=1, contracts=30, chain_seconds=60, quotes_per_second=0.02), path
    )
    return path


@pytest.fixture(scope="module")
def fake(market: Path) -> Iterator[Alpaca]:
    with Alpaca.on(market, "--lock-step") as running:
        yield running


def lived(folder: Path, feed: LockStep, at: Broker | None) -> Engine:
    folder.mkdir()
    plan = Plan(
        folder / "state", f"sqlite:///{folder}/records.db", "", "both", load(None, WITHOUT_FEES), 1e6, broker=at
    )
    feed.engine = Engine(plan, lambda _: feed)
    feed.engine.run()
    return feed.engine


def told(engine: Engine, folder: Path) -> tuple[list[dict[str, Any]], dict[str, int]]:
    database = open_database(f"sqlite:///{folder}/records.db", create=False)
    book_id = engine.started.book_id
    found = [dict(trade) for trade in trades(database, book_id)]
    refused = refusals(database, book_id)
    database.dispose()
    return found, refused


def test_it_trades_as_on_paper_and_its_tape_replays_as_recorded(market: Path, fake: Alpaca, tmp_path: Path) -> None:
    paper = lived(tmp_path / "paper", LockStep(market), None)
    there = lived(tmp_path / "alpaca", Beside(market, fake), Broker(KEYS, place(fake)))
    ours, theirs = told(there, tmp_path / "alpaca"), told(paper, tmp_path / "paper")
    assert len(ours[0]) > 3
    assert ours == theirs
    intents = [event.client_order_id for event in Segments(there.folder.tape).events() if isinstance(event, Intent)]
    state = fake.call("GET", "state")
    assert state["accepted"] == dict.fromkeys(intents, 1)
    assert state["positions"] == {}
    again = f"sqlite:///{tmp_path}/again.db"
    run, flow = prepare([there.folder.tape], Options(database=again, fills="recorded"))
    run.execute(flow)
    assert run.echoes is not None
    assert run.echoes.missing == []
    settings = load(None, WITHOUT_FEES)
    anew, flow = prepare([there.folder.tape], Options(settings=settings, database=again, fills="paper"))
    anew.execute(flow)
    assert [dict(trade) for trade in trades(anew.engine, anew.started.book_id)] == ours[0]
