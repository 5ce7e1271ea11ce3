"""The fake Alpaca fills what the paper exchange fills: same quotes, same orders, same executions at the same times."""

from collections import Counter
from pathlib import Path
from typing import ClassVar, NamedTuple

import pytest
from alpaca.trading.requests import LimitOrderRequest

from flows.market.generate import generate
from flows.market.plan import FIRST, planned
from flows.tape.reader import Tape
from operators.blotter import Blotter
from operators.config import EngineSettings
from operators.contracts import parse_occ
from operators.intents import AnyScalp
from operators.orders import Action, Fill, Order
from tests.alpaca_clients import limit, trading
from tests.fakes.alpaca.process import Alpaca
from tests.play import Line, started

EQUITY_USD = 10_000_000
"""Enough that orders are larger than what is shown: they fill in parts, rest, and are cancelled."""
CASH_USD = "100000000"
"""More than the desk spends: here the question is who is filled, not who may buy."""


class Asked(NamedTuple):
    """An order that the desk sent, or a cancel that it asked for, at an instant of the tape."""

    at_ns: int
    client_id: str
    order: LimitOrderRequest | None


class Filled(NamedTuple):
    """An execution on either side."""

    client_id: str
    quantity: int
    price_micros: int
    at_ns: int


class Overheard(Blotter):
    """A blotter that also writes down what it is asked to send and to cancel, and what the paper exchange fills."""

    asked: ClassVar[list[Asked]] = []
    filled: ClassVar[list[Filled]] = []

    def send(
        self, scalp: AnyScalp, action: Action, quantity: int, limit_micros: int | None, reason: str | None
    ) -> Order:
        order = super().send(scalp, action, quantity, limit_micros, reason)
        assert limit_micros is not None
        asked = limit(order.symbol, order.side, quantity, limit_micros / 1e6, order.order_id)
        self.asked.append(Asked(self.book.now_ns, order.order_id, asked))
        return order

    def cancel(self, order: Order, reason: str) -> None:
        if order.open and not order.cancel_asked:
            self.asked.append(Asked(self.book.now_ns, order.order_id, None))
        super().cancel(order, reason)

    def fill(self, order: Order, fill: Fill) -> None:
        self.filled.append(Filled(order.order_id, fill.quantity, fill.price_micros, fill.at_ns))
        super().fill(order, fill)


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated session in which options and funds are traded, filled in parts, repriced and cancelled."""
    path = tmp_path_factory.mktemp("paper") / "market.tape"
    plan = planned("QQQ,SPY", "", FIRST, seed=1, sessions=1, contracts=30, chain_seconds=15, quotes_per_second=0.2)
    generate(plan, path)
    return path


@pytest.fixture
def desk(tape: Path, monkeypatch: pytest.MonkeyPatch) -> type[Overheard]:
    """What the desk asked over the session, and what the paper exchange filled."""
    for heard in (Overheard.asked, Overheard.filled):
        heard.clear()
    monkeypatch.setattr("operators.desk.Blotter", Overheard)
    read = Tape(tape)
    events = list(read.events())
    Line().play(
        [started(events[0].at_ns, mode="both", equity_usd=EQUITY_USD, cadences=dict(read.header.cadences)), *events]
    )
    return Overheard


def play(fake: Alpaca, asked: list[Asked]) -> None:
    """Asks the same of the fake, each at the same instant of the tape, and lets the tape end."""
    client = trading(fake)
    names: dict[str, str] = {}
    for one in asked:
        fake.until(one.at_ns)
        if one.order is not None:
            names[one.client_id] = str(client.submit_order(one.order).id)
        else:
            client.cancel_order_by_id(names[one.client_id])
    fake.next(1_000_000)


def test_the_same_orders_get_the_same_fills_at_the_same_times(tape: Path, desk: type[Overheard]) -> None:
    latency = str(EngineSettings().paper_latency_ms)
    with Alpaca.on(tape, "--lock-step", "--latency-ms", latency, "--cash", CASH_USD) as fake:
        play(fake, desk.asked)
        state = fake.state()
    fills = [
        Filled(fill["client_id"], fill["quantity"], fill["price_micros"], fill["at_ns"]) for fill in state["fills"]
    ]
    assert fills == desk.filled
    assert state["accepted"] == {one.client_id: 1 for one in desk.asked if one.order is not None}


def test_the_session_has_something_to_compare(desk: type[Overheard]) -> None:
    sent = {one.client_id: one.order for one in desk.asked if one.order is not None}
    symbols = {order.symbol for order in sent.values()}
    filled = Counter(fill.client_id for fill in desk.filled)
    assert len(desk.filled) >= 30
    assert any(parse_occ(symbol) is not None for symbol in symbols)
    assert any(parse_occ(symbol) is None for symbol in symbols)
    assert max(filled.values()) > 1, "no order was filled in parts"
    assert sum(one.order is None for one in desk.asked) >= 10, "too few cancels"
