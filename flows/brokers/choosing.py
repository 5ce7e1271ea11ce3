"""Which broker a word stands for, and whether real money may be traded: four things have to say so at once."""

from typing import TYPE_CHECKING, Final

from flows.brokers.port import Unusable
from flows.settings import Settings

if TYPE_CHECKING:
    from flows.brokers.alpaca.broker import Alpaca

PAPER: Final = "paper"
ALPACA: Final = "alpaca"
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
        return Alpaca(keys.ANY, keys.fake(url))
    except Unusable as fault:
        raise NoBroker(str(fault)) from fault
