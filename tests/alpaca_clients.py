"""The real clients of alpaca-py, unmodified, at the fake: no retry of their own, a timeout, streams in a thread."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Protocol, Self

from alpaca.data.historical import OptionHistoricalDataClient, StockHistoricalDataClient
from alpaca.data.live import OptionDataStream, StockDataStream
from alpaca.trading.client import TradingClient
from alpaca.trading.models import Order
from alpaca.trading.requests import LimitOrderRequest
from alpaca.trading.stream import TradingStream

from tests.fakes.alpaca.process import Alpaca

KEYS = ("some-key", "some-secret")
TIMEOUT_SECONDS = 5.0
WAIT_SECONDS = 15.0
MOMENT_SECONDS = 0.01
BACK_OFF_SECONDS = 0.05
"""Between two connections of a stream; a second in the client, which tests need not wait for."""


class Stream(Protocol):
    """What the three streams have in common."""

    _ws: Any

    def _run_forever(self) -> Coroutine[Any, Any, None]: ...
    async def stop_ws(self) -> None: ...


def trading(fake: Alpaca, timeout: float = TIMEOUT_SECONDS) -> TradingClient:
    return _bounded(TradingClient(*KEYS, url_override=fake.urls["TradingClient"]), timeout)


def options(fake: Alpaca, *, raw: bool = False) -> OptionHistoricalDataClient:
    url = fake.urls["OptionHistoricalDataClient"]
    return _bounded(OptionHistoricalDataClient(*KEYS, url_override=url, raw_data=raw), TIMEOUT_SECONDS)


def stocks(fake: Alpaca) -> StockHistoricalDataClient:
    url = fake.urls["StockHistoricalDataClient"]
    return _bounded(StockHistoricalDataClient(*KEYS, url_override=url), TIMEOUT_SECONDS)


def _bounded(client: Any, timeout: float) -> Any:
    client._retry = 0
    client._session.request = partial(client._session.request, timeout=timeout)
    return client


def limit(symbol: str, side: str, quantity: int, price: float, client_id: str) -> LimitOrderRequest:
    return LimitOrderRequest(
        symbol=symbol, side=side, qty=quantity, limit_price=price, time_in_force="day", client_order_id=client_id
    )


def buy(client: TradingClient, symbol: str, quantity: int, price: float, client_id: str) -> Order:
    return client.submit_order(limit(symbol, "buy", quantity, price, client_id))


def sell(client: TradingClient, symbol: str, quantity: int, price: float, client_id: str) -> Order:
    return client.submit_order(limit(symbol, "sell", quantity, price, client_id))


class Heard:
    """What handlers of streams got, and streams that run in a thread of their own as long as the block does."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._running: list[tuple[Stream, asyncio.Task[None]]] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(WAIT_SECONDS)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(WAIT_SECONDS)
        self._loop.close()

    async def handler(self, message: Any) -> None:
        """Give this to subscribe_...: it only keeps what it gets."""
        with self._changed:
            self.messages.append(message)
            self._changed.notify_all()

    def run(self, stream: Any) -> Any:
        """Runs a stream that was subscribed to something."""
        stream._reconnect_min_backoff = BACK_OFF_SECONDS
        asyncio.run_coroutine_threadsafe(self._begin(stream), self._loop).result(WAIT_SECONDS)
        return stream

    def until(self, count: int) -> list[Any]:
        """The messages, once there are so many."""
        self.wait(lambda: len(self.messages) >= count, f"{count} messages")
        return self.messages

    def wait(self, holds: Callable[[], bool], what: str) -> None:
        """Waits until something holds. Raises AssertionError with what there was instead."""
        ends = time.monotonic() + WAIT_SECONDS
        while not (found := holds()) and time.monotonic() < ends:
            with self._changed:
                self._changed.wait(MOMENT_SECONDS)
        assert found, f"no {what} within {WAIT_SECONDS} s, but {self.messages}"

    async def _begin(self, stream: Stream) -> None:
        self._running.append((stream, asyncio.create_task(stream._run_forever())))

    async def _end(self) -> None:
        """Lets each stream end by itself: a client that is cancelled while it connects leaves its socket open."""
        for stream, task in self._running:
            await stream.stop_ws()
            if stream._ws is not None:
                await stream._ws.close()
            await asyncio.wait_for(task, WAIT_SECONDS / 2)
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        if rest:
            await asyncio.wait(rest, timeout=WAIT_SECONDS / 4)


Handler = Callable[[Any], Awaitable[None]]


def updates(fake: Alpaca, handler: Handler, *, raw: bool = True) -> TradingStream:
    stream = TradingStream(*KEYS, url_override=fake.urls["TradingStream"], raw_data=raw)
    stream.subscribe_trade_updates(handler)
    return stream


def stock_stream(fake: Alpaca, **words: Any) -> StockDataStream:
    return StockDataStream(*KEYS, url_override=fake.urls["StockDataStream"], **words)


def option_stream(fake: Alpaca, **words: Any) -> OptionDataStream:
    return OptionDataStream(*KEYS, url_override=fake.urls["OptionDataStream"], **words)


def connected(fake: Alpaca, stream: str, count: int = 1) -> None:
    """Waits until so many connections of a stream are let in and wait for messages."""
    reached = fake.until_connected(stream, count, WAIT_SECONDS)
    assert reached, f"no {count} connections of {stream} within {WAIT_SECONDS} s: {fake.state()['connections']}"
