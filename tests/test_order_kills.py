"""An engine with orders at a broker, killed at named points and at any time: no order twice, no fill lost."""

import random
from pathlib import Path

import pytest

from tests.order_kills import KINDS, RANDOM, market_tape, sweep

pytestmark = pytest.mark.slow
KILLS = 5


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return market_tape(tmp_path_factory.mktemp("market"))


@pytest.mark.parametrize(
    ("kind", "number"), [(kind, number) for kind in KINDS for number in range(5 if kind == RANDOM else 1)]
)
def test_no_order_is_doubled_and_no_fill_is_lost(kind: str, number: int, market: Path, tmp_path: Path) -> None:
    result = sweep(kind, market, tmp_path, random.Random(f"{kind} {number}, fixed"), KILLS)
    assert result.kills == KILLS
    assert result.intents > 0
