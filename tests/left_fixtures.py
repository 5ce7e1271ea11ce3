"""The fixture `left`: one engine a session that was stopped while it held something; ask with `pytest_plugins`."""

from collections.abc import Iterator
from typing import Any

import pytest

from flows.engine.process import Engine, Plan
from flows.market.generate import generate
from flows.market.plan import FIRST, planned
from flows.settings import load
from tests.alpaca_brokers import broker
from tests.fakes.alpaca.process import Alpaca
from tests.left_engines import Beside, Left


@pytest.fixture(scope="session")
def left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Left]:
    folder = tmp_path_factory.mktemp("engine")
    market = folder / "market.tape"
    words: dict[str, Any] = {"seed": 4, "sessions": 1, "contracts": 30, "chain_seconds": 60, "quotes_per_second": 0.02}
    generate(planned("QQQ,SPY", "", FIRST, **words), market)
    with Alpaca.on(market, "--lock-step") as fake:
        feed = Beside(market, fake)
        plan = Plan(folder / "state", f"sqlite:///{folder}/records.db", "", "both", load(), 1e6, broker=broker(fake))
        feed.engine = Engine(plan, lambda _: feed)
        feed.engine.run()
        yield Left(fake, feed.engine)
