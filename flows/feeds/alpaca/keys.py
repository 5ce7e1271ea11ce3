"""The keys of an account, which no message may show. This module loads no client."""

import msgspec


class Keys(msgspec.Struct, frozen=True):
    """Key and secret of an Alpaca account."""

    key: str
    secret: str

    def __repr__(self) -> str:
        return "Keys(key=..., secret=...)"
