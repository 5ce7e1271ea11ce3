"""The keys of an account stand in no log, no exception and no picture of an object, whatever fails."""

import asyncio
import logging
import socket
import traceback
from typing import Any

import pytest
from pydantic import SecretStr

from flows.brokers.alpaca.broker import Alpaca as Broker
from flows.brokers.alpaca.keys import Keys, Place
from flows.brokers.port import Connection, NotSent, Unclear, Unusable
from tests.alpaca_brokers import PACE, broker, buy, place, sell
from tests.ears import Ear
from tests.fakes.alpaca.process import Alpaca
from tests.virtual import run_fast

pytest_plugins = ("tests.alpaca_fixtures",)
KEY, SECRET = "PKCANARY7D41F0A9", "canary/5c0ffee5c0ffee5c0ffee"
FAULTS = (
    *("429", "500", "502", "503", "504", "unauthorized", "reset"),
    *("buying_power", "permission", "429_after", "504_after", "reset_after", "hang_after"),
)


def canaries() -> Keys:
    return Keys(SecretStr(KEY), SecretStr(SECRET))


def shown(fault: BaseException) -> list[str]:
    """All that can be seen of an exception: its words, its fields, and each frame with what its names hold."""
    told = traceback.TracebackException.from_exception(fault, capture_locals=True)
    return [str(fault), repr(fault), repr(vars(fault)), "".join(told.format())]


def pictures(made: Broker) -> list[str]:
    """How a broker and its parts show themselves."""
    parts = [made, *vars(made).values()]
    return [repr(parts), str(parts), *(repr(vars(part)) for part in parts if hasattr(part, "__dict__"))]


async def failing(made: Broker) -> list[str]:
    """What is seen of every call that fails."""
    seen = list[str]()
    calls = (
        *(made.connect, made.account, made.positions, made.open_orders),
        *(lambda: made.lookup("a"), lambda: made.executions(0), lambda: made.cancel("a")),
        *(lambda: made.submit(buy("a")), lambda: made.submit(sell("b"))),
    )
    for call in calls:
        try:
            seen.append(repr(await call()))
        except (NotSent, Unclear, Unusable) as fault:
            seen += shown(fault)
    return seen


def clean(texts: list[str]) -> None:
    found = [text for text in texts if KEY in text or SECRET in text]
    assert found == []


@pytest.mark.parametrize("kind", FAULTS)
def test_a_call_that_fails_shows_no_key(
    fake: Alpaca, kind: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    fake.faults({"kind": kind, "method": "", "path": ".*", "count": 0, "seconds": 0.4})

    async def main() -> list[str]:
        made = broker(fake, keys=canaries())
        try:
            return [*await failing(made), *pictures(made)]
        finally:
            await made.close()

    seen = run_fast(main())
    assert seen
    clean([*seen, caplog.text, *map(repr, (record.__dict__ for record in caplog.records)), *capsys.readouterr()])


@pytest.mark.parametrize("kind", ["refuse_auth", "connection_limit", "drop_mid_frame", "close"])
def test_a_stream_that_fails_shows_no_key(
    fake: Alpaca, kind: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    fake.faults({"kind": kind, "stream": "trade_updates", "count": 2})

    async def main() -> list[str]:
        made = broker(fake, keys=canaries())
        ear = Ear(made)
        await made.connect()
        if kind in ("drop_mid_frame", "close"):
            await ear.until(lambda told: Connection(True) in told)
            await made.submit(buy("a"))
        await ear.until(lambda told: any(not getattr(one, "up", True) for one in told))
        seen = [repr(ear.told), *pictures(made)]
        await ear.end()
        await made.close()
        return seen

    clean([*run_fast(main()), caplog.text, *capsys.readouterr()])


@pytest.mark.parametrize("where", ["http://127.0.0.1:1", "http://127.0.0.1:port", "https://127.0.0.1:port", "nothing"])
def test_a_place_that_cannot_be_reached_shows_no_key(where: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def main(port: int) -> list[str]:
        rest = where.replace("port", str(port))
        made = Broker(canaries(), Place(rest, "ws://127.0.0.1:1/stream"), timeout_seconds=0.1, pace=PACE)
        try:
            return [*await failing(made), *pictures(made)]
        finally:
            await made.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        clean([*run_fast(main(listening.getsockname()[1])), caplog.text])


def test_keys_show_as_stars() -> None:
    clean([str(canaries()), repr(canaries()), f"{canaries()}"])


def test_the_keys_reach_the_broker(fake: Alpaca) -> None:
    """Else all of this would prove nothing."""

    async def main() -> Any:
        made = broker(fake, keys=canaries())
        sent = list[str]()
        made._calls._session.hooks["response"].append(
            lambda answer, **_: sent.append(answer.request.headers["APCA-API-SECRET-KEY"])
        )
        await made.account()
        await made.close()
        return sent

    assert run_fast(main()) == [SECRET]


def test_a_stream_sends_them_once_it_is_connected(fake: Alpaca) -> None:
    async def main() -> bool:
        made = broker(fake, keys=canaries(), pace=PACE)
        await made.connect()
        reached = await asyncio.to_thread(fake.until_connected, "trade_updates", 1, 5.0)
        await made.close()
        return reached

    assert (place(fake).stream.startswith("ws://"), run_fast(main())) == (True, True)
