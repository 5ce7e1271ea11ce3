"""Which broker a word stands for, and whether real money may be traded: four things have to say so at once."""

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from flows.brokers.port import Unusable
from flows.settings import Settings

if TYPE_CHECKING:
    from flows.brokers.alpaca.broker import Alpaca

PAPER: Final = "paper"
ALPACA: Final = "alpaca"
LOOPBACK: Final = ("127.0.0.1", "localhost")
WORDS: Final = "paper, alpaca, or alpaca:URL of `scalp fake-alpaca`"


class NoBroker(ValueError):
    """A broker that cannot be traded at; the message says why and what to do."""


def chosen(word: str, account: str, live: bool, settings: Settings) -> "Alpaca | None":
    """The broker, which asks for nothing yet; None for the paper exchange inside the desk.

    `live` is the command line's word. Real money takes `live` in the settings, on the command line, and the account's
    id; that the broker reports that id is checked before the first order. Raises NoBroker.
    """
    kind, _, url = word.partition(":")
    if kind not in (PAPER, ALPACA) or (kind == PAPER and url):
        raise NoBroker(f"--broker {word}: expected {WORDS}")
    if live or settings.engine.live:
        _check_live(kind, url, account, live, settings)
    if kind == PAPER:
        return None
    return _alpaca(url, live, settings)


def _check_live(kind: str, url: str, account: str, live: bool, settings: Settings) -> None:
    """Raises NoBroker that says what real money lacks."""
    lacking = {
        "a broker that takes real money (--broker alpaca)": kind == ALPACA and not url,
        "live = true in the settings": settings.engine.live,
        "--live": live,
        "--account with the account's id": bool(account),
    }
    missing = [what for what, there in lacking.items() if not there]
    if missing:
        raise NoBroker(f"real money is not traded: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")


def _alpaca(url: str, live: bool, settings: Settings) -> "Alpaca":
    from flows.brokers.alpaca import keys
    from flows.brokers.alpaca.broker import Alpaca

    if settings.engine.index_options and not Alpaca.capabilities.index_options:
        raise NoBroker("index_options = true: Alpaca trades no index options, set it to false")
    try:
        if not url:
            return Alpaca(keys.keys(), keys.LIVE if live else keys.PAPER)
        if not _is_a_fakes(url):
            raise NoBroker(f"--broker alpaca:{url}: only a fake on this machine, such as alpaca:http://127.0.0.1:8000")
        return Alpaca(keys.ANY, keys.Place(url, f"{url.replace('http', 'ws', 1)}/stream"))
    except Unusable as fault:
        raise NoBroker(str(fault)) from fault


def _is_a_fakes(url: str) -> bool:
    """Whether a URL is of this machine, with a port that can be."""
    try:
        parts = urlsplit(url)
        return parts.scheme == "http" and parts.hostname in LOOPBACK and parts.port != 0
    except ValueError:
        return False
