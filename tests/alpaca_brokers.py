"""The broker of Alpaca at the fake, with short waits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr

from flows.backoff import Backoff
from flows.brokers.alpaca.broker import Alpaca
from flows.brokers.alpaca.keys import Keys, Place
from flows.brokers.alpaca.updates import Pace
from flows.brokers.port import Connection, Heard
from operators.answers import Answer
from operators.events import Intent
from tests.ears import Ear
from tests.fakes.alpaca import process

KEYS = Keys(SecretStr("some-key"), SecretStr("some-secret"))
TIMEOUT_SECONDS = 0.3
LIMIT_SECONDS = 100.0
"""Of a fast loop: five seconds of a clock."""
PACE = Pace(login_seconds=100.0, ping_seconds=100.0, backoff=Backoff(0.2, 1.0))


def place(fake: process.Calls) -> Place:
    return Place(fake.urls["TradingClient"], fake.urls["TradingStream"])


def broker(fake: process.Calls, **words: Any) -> Alpaca:
    """Unstarted; words as of Alpaca."""
    usual = {"timeout_seconds": TIMEOUT_SECONDS, "limit_seconds": LIMIT_SECONDS, "pace": PACE}
    return Alpaca(words.pop("keys", KEYS), place(fake), **{**usual, **words})


@asynccontextmanager
async def connected(fake: process.Alpaca, **words: Any) -> AsyncIterator[tuple[Alpaca, Ear]]:
    """A broker whose stream is up, and what it tells."""
    made = broker(fake, **words)
    ear = Ear(made)
    try:
        await made.connect()
        await ear.until(lambda told: Connection(True) in told)
        yield made, ear
    finally:
        await ear.end()
        await made.close()


def buy(name: str, quantity: int = 50, limit_micros: int | None = 49_950_000, symbol: str = "TQQQ") -> Intent:
    """A purchase: at its usual limit it rests until 10:00:10."""
    return Intent(5, 0, 0, 4, name, symbol, "buy", quantity, limit_micros)


def sell(name: str, quantity: int = 50, limit_micros: int | None = 50_000_000, symbol: str = "TQQQ") -> Intent:
    """A sale, at its usual limit filled at once."""
    return Intent(9, 0, 0, 8, name, symbol, "sell", quantity, limit_micros)


def states(told: list[Heard], name: str) -> list[str]:
    """The states of an order that were told, in their order."""
    return [one.state for one in told if isinstance(one, Answer) and one.client_order_id == name]
