"""Fixtures of the fake Alpaca: one process a session, which begins anew for each test; ask with `pytest_plugins`."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from alpaca.trading.client import TradingClient

from tests.alpaca_clients import trading
from tests.alpaca_market import OPENING, market_tape
from tests.fakes.alpaca.process import Alpaca


@pytest.fixture(scope="session")
def alpaca_tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return market_tape(tmp_path_factory.mktemp("alpaca") / "market.tape")


@pytest.fixture(scope="session")
def alpaca_process(alpaca_tape: Path) -> Iterator[Alpaca]:
    """A fake in lock step; whatever happened to it, it has nothing to say in the end."""
    process = Alpaca(alpaca_tape, "--lock-step")
    try:
        yield process
    finally:
        said = process.stop()
    assert said == ""


@pytest.fixture
def fake(alpaca_process: Alpaca) -> Alpaca:
    """A new account at 10:00:01.5: SPY's call at 1.00 to 1.05, 10 contracts, TQQQ at 50.00 to 50.02, 100 shares.

    At 10:00:10 the call falls to 0.90 to 0.95, the fund to 49.90 to 49.92.
    """
    alpaca_process.reset()
    alpaca_process.until(OPENING)
    return alpaca_process


@pytest.fixture
def client(fake: Alpaca) -> TradingClient:
    return trading(fake)


@pytest.fixture
def no_error_records(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fails a test in which a library logged an error: clients swallow what they cannot read and say it there alone."""
    yield
    assert [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.ERROR] == []
