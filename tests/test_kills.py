"""An engine killed at named points and at any time, and started again: nothing is lost and nothing is there twice."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.tape.reader import Tape
from tests.kills import KINDS, days_tape, market_tape, sweep

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return market_tape(tmp_path_factory.mktemp("market") / "market.tape")


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return days_tape(tmp_path_factory.mktemp("market") / "days.tape")


@pytest.fixture(scope="module")
def intents() -> Iterator[list[int]]:
    """How many orders each sweep found on its tape: kills of an engine that sends none would prove little."""
    found: list[int] = []
    yield found
    assert sum(found) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_or_doubled(kind: str, market: Path, days: Path, tmp_path: Path, intents: list[int]) -> None:
    market = days if KINDS[kind].keep_days else market
    result = sweep(kind, market, tmp_path, random.Random(f"{kind}, fixed"))
    assert result.kills >= KINDS[kind].kills
    assert (result.left > 0) == (KINDS[kind].keep_days > 0)
    assert result.events == Tape(market).info().events
    intents.append(result.intents)
