"""A place at Alpaca that cannot be reached: host and port are told, why, and what to look at; no key, no query."""

import asyncio
import errno
import socket
import ssl
from collections.abc import Iterator

import pytest

from flows.brokers.alpaca.broker import Alpaca
from flows.brokers.alpaca.keys import Place
from flows.brokers.alpaca.reaching import address, unreached
from flows.brokers.port import Connection, NotSent, Unclear
from tests.alpaca_brokers import KEYS, PACE
from tests.commands import complaint, scalp
from tests.ears import Ear
from tests.virtual import run_fast

LOOK = "see that the network is up and that something listens there"


@pytest.fixture
def port() -> Iterator[int]:
    """One at which nobody listens, for as long as the test runs."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def silent() -> Iterator[int]:
    """One at which nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def broker(port: int) -> Alpaca:
    hidden = f"//user:word@127.0.0.1:{port}"
    place = Place(f"http:{hidden}", f"ws:{hidden}/stream?secret=word")
    return Alpaca(KEYS, place, timeout_seconds=0.1, pace=PACE._replace(login_seconds=0.5))


async def why(made: Alpaca) -> str:
    try:
        return repr(await made.positions())
    except (NotSent, Unclear) as fault:
        return str(fault)
    finally:
        await made.close()


async def broke(made: Alpaca) -> str:
    """The first thing that the stream says, which is that there is none."""
    ear = Ear(made)
    stream = asyncio.create_task(made._updates.run())
    told = await ear.until(bool)
    stream.cancel()
    await ear.end()
    await made.close()
    assert isinstance(told[0], Connection)
    return told[0].reason


def test_a_request_that_nobody_takes_names_the_address(port: int) -> None:
    assert asyncio.run(why(broker(port))) == f"no connection to 127.0.0.1:{port} (Connection refused): {LOOK}"


def test_a_request_that_nobody_answers_names_the_address(silent: int) -> None:
    assert asyncio.run(why(broker(silent))) == f"127.0.0.1:{silent} did not answer in time"


def test_a_stream_that_nobody_takes_names_the_address(port: int) -> None:
    assert run_fast(broke(broker(port))) == f"no connection to 127.0.0.1:{port} (Connection refused): {LOOK}"


def test_a_stream_that_nobody_answers_names_the_address(silent: int) -> None:
    said = run_fast(broke(broker(silent)))
    assert said == f"Alpaca's stream at 127.0.0.1:{silent} did not answer within 0.5 s: {LOOK}"


@pytest.mark.parametrize("command", ["orders", "positions"])
def test_a_command_says_it_in_one_line(port: int, command: str) -> None:
    said = complaint(scalp("broker", command, "--broker", f"alpaca:http://127.0.0.1:{port}"), 3)
    assert said == (f"alpaca-paper does not answer: no connection to 127.0.0.1:{port} (Connection refused): {LOOK}")


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", "http://[", "http://127.0.0.1:0"])
def test_an_address_that_is_none_is_bad_usage(url: str) -> None:
    assert "only a fake on this machine" in complaint(scalp("broker", "orders", "--broker", f"alpaca:{url}"))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://paper-api.alpaca.markets", "paper-api.alpaca.markets:443"),
        ("wss://paper-api.alpaca.markets/stream", "paper-api.alpaca.markets:443"),
        ("http://user:word@127.0.0.1:8000/v2?key=word", "127.0.0.1:8000"),
        ("nothing", "an address that is none"),
        ("http://127.0.0.1:99999", "an address that is none"),
    ],
)
def test_an_address_is_host_and_port_alone(url: str, expected: str) -> None:
    assert address(url) == expected


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 1)"), "Connection refused"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "Name or service not known"),
        (ssl.SSLError(1, "certificate verify failed"), "certificate verify failed"),
        (TimeoutError("timed out"), "it does not answer in time"),
        (None, "it does not answer in time"),
        (OSError("Multiple exceptions: <objects>"), "OSError"),
    ],
)
def test_why_is_said_in_the_systems_words(fault: Exception | None, words: str) -> None:
    assert unreached("there:1", fault) == f"no connection to there:1 ({words}): {LOOK}"
