"""One connection to a stream of Alpaca by its own client: it ends with what broke it, and is not made again here.

The client's loop would connect again for ever and only log why, refused keys included. So its parts are driven from
here: log in, subscribe, hear. All of it runs in one asyncio loop.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from alpaca.data.enums import DataFeed, OptionsFeed
from alpaca.data.live import OptionDataStream, StockDataStream
from alpaca.data.live.websocket import DataStream
from reactivex import Observable, abc
from reactivex.disposable import Disposable

from flows.feeds.alpaca.asking import Access
from flows.feeds.alpaca.faults import Occupied, WrongKeys
from flows.feeds.alpaca.translating import Told
from operators.events import AnyEvent

Emit = Callable[[AnyEvent], None]
Handler = Callable[[Any], Coroutine[Any, Any, None]]
LOG_IN_SECONDS: Final = 10.0
SOCKET: Final = {"close_timeout": 1.0}
"""Seconds that a socket which is left waits for the other side's goodbye."""
OCCUPIED: Final = "connection limit exceeded"
REFUSED: Final = ("auth failed", "insufficient subscription")
"""What Alpaca says with its codes 406, 402 and 409; the client passes the words on and not the codes."""


def share_stream(access: Access) -> StockDataStream:
    """The client of the stream of shares, not connected yet."""
    path = f"/v2/{access.stocks}"
    return StockDataStream(
        *access.keys.words, raw_data=True, feed=DataFeed(access.stocks),
        websocket_params=dict(SOCKET), url_override=_address(access, path),
    )  # fmt: skip


def option_stream(access: Access) -> OptionDataStream:
    """The client of the stream of options, not connected yet."""
    path = f"/v1beta1/{access.options}"
    return OptionDataStream(
        *access.keys.words, raw_data=True, feed=OptionsFeed(access.options),
        websocket_params=dict(SOCKET), url_override=_address(access, path),
    )  # fmt: skip


def working(loop: asyncio.AbstractEventLoop, work: Callable[[Emit], Coroutine[Any, Any, None]]) -> Observable[AnyEvent]:
    """What a piece of work emits while it runs in the loop; who leaves cancels it. Subscribe in the loop's thread."""

    def subscribe(observer: abc.ObserverBase[AnyEvent], _: abc.SchedulerBase | None = None) -> abc.DisposableBase:
        async def run() -> None:
            try:
                await work(observer.on_next)
            except Exception as fault:
                observer.on_error(fault)
            else:
                observer.on_completed()

        task = loop.create_task(run())

        def leave() -> None:
            task.cancel()

        return Disposable(leave)

    return Observable(subscribe)


def handler(take: Callable[[Told], None]) -> Handler:
    """What a client calls with each message, for a function that takes it at once."""

    async def handle(told: Any) -> None:  # noqa: ANN401  # the client types raw messages as its models too
        take(told)

    return handle


async def hear(stream: DataStream, name: str, beside: Callable[[], Awaitable[None]]) -> None:
    """Connects a stream with its subscriptions and hears it until it breaks; `beside` runs once it is subscribed.

    Raises WrongKeys, Occupied, and whatever ends a connection.
    """
    dispatch = stream._dispatch

    async def strict(msg: dict[Any, Any]) -> None:
        if msg.get("T") == "error":
            raise ConnectionError(f"{msg.get('msg')} ({msg.get('code')})")
        await dispatch(msg)

    stream._dispatch = strict  # type: ignore[method-assign]  # the client logs what it is refused and goes on without
    try:
        await _log_in(stream, name)
        await stream._send_subscribe_msg()
        parts = [asyncio.ensure_future(part) for part in (stream._consume(), beside())]
        try:
            ended, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for part in parts:
                part.cancel()
            # Before they are awaited: under Python 3.11 the client's wait for a message may swallow the cancel.
            await stream.close()
            await asyncio.gather(*parts, return_exceptions=True)
        for part in ended:
            part.result()
    finally:
        await stream.close()


async def resubscribe(stream: OptionDataStream, handler: Handler, wanted: frozenset[str]) -> None:
    """Changes the contracts whose quotes a connected stream brings; it is heard meanwhile."""
    handlers = stream._handlers["quotes"]
    gone = sorted(set(handlers) - wanted)
    stream._handlers["quotes"] = dict.fromkeys(sorted(wanted), handler)
    await stream._send_unsubscribe_msg("quotes", gone)
    await stream._send_subscribe_msg()


async def _log_in(stream: DataStream, name: str) -> None:
    try:
        async with asyncio.timeout(LOG_IN_SECONDS):
            await stream._start_ws()
    except ValueError as fault:
        said = str(fault)
        if OCCUPIED in said:
            raise Occupied(said) from fault
        if any(words in said for words in REFUSED):
            raise WrongKeys(f"Alpaca refuses the keys at its stream of {name}: {said}") from fault
        raise


def _address(access: Access, path: str) -> str | None:
    return None if access.address is None else f"{access.address.replace('http', 'ws', 1)}{path}"
