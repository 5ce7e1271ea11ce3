"""The keys of an account, which no message may show. This module loads no client."""

from collections.abc import Mapping
from typing import Final

import msgspec

from flows.feeds.alpaca.faults import WrongKeys

NAMES: Final = ("APCA_API_KEY_ID", "APCA_API_SECRET_KEY")
"""As Alpaca's own tools name them."""


class Keys(msgspec.Struct, frozen=True):
    """Key and secret of an Alpaca account."""

    key: str
    secret: str

    def __repr__(self) -> str:
        return "Keys(key=..., secret=...)"


def keys_in(environment: Mapping[str, str]) -> Keys:
    """The keys of an environment. Raises WrongKeys where one is missing or empty."""
    missing = [name for name in NAMES if not environment.get(name)]
    if missing:
        raise WrongKeys(f"{' and '.join(missing)} are not set: Alpaca needs the keys of an account")
    return Keys(*(environment[name] for name in NAMES))
