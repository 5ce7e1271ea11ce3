"""The keys of an account at Alpaca, and where it is reached; keys come from the environment alone."""

import os
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from pydantic import SecretStr

from flows.brokers.port import Unusable

KEY, SECRET = "ALPACA_API_KEY", "ALPACA_SECRET_KEY"


class Place(NamedTuple):
    """The addresses of REST and of the stream of trade updates."""

    rest: str
    stream: str


PAPER: Final = Place("https://paper-api.alpaca.markets", "wss://paper-api.alpaca.markets/stream")
LIVE: Final = Place("https://api.alpaca.markets", "wss://api.alpaca.markets/stream")


class Keys(NamedTuple):
    """A pair of keys, which show as stars wherever they are printed."""

    key: SecretStr
    secret: SecretStr

    @property
    def words(self) -> tuple[str, str]:
        """Both in clear, for a client."""
        return self.key.get_secret_value(), self.secret.get_secret_value()


LOOPBACK: Final = ("127.0.0.1", "localhost")
ANY: Final = Keys(SecretStr("any"), SecretStr("any"))
"""What a fake takes."""


def keys(environment: Mapping[str, str] = os.environ) -> Keys:
    """The keys of the environment. Raises Unusable that names the variables which are missing."""
    missing = [name for name in (KEY, SECRET) if not environment.get(name)]
    if missing:
        raise Unusable(f"no keys for Alpaca: set {' and '.join(missing)} in the environment")
    return Keys(SecretStr(environment[KEY]), SecretStr(environment[SECRET]))


def fake(url: str) -> Place:
    """Where a fake on this machine is reached. Raises Unusable for any other address: keys go to nobody else."""
    if not _is_a_fakes(url):
        raise Unusable(f"alpaca:{url}: only a fake on this machine, such as alpaca:http://127.0.0.1:8000")
    return Place(url, f"{url.replace('http', 'ws', 1)}/stream")


def _is_a_fakes(url: str) -> bool:
    """Whether a URL is of this machine, with a port that can be."""
    try:
        parts = urlsplit(url)
        return parts.scheme == "http" and parts.hostname in LOOPBACK and parts.port != 0
    except ValueError:
        return False
