"""How a place that cannot be reached is told: host and port, never keys or what was asked, why, and what to look at."""

import os
import socket
import ssl
from typing import Final
from urllib.parse import urlsplit

PORTS: Final = {"http": 80, "ws": 80, "https": 443, "wss": 443}
LOOK: Final = "see that the network is up and that something listens there"


def address(url: str) -> str:
    """Host and port of a URL; of what is none that it is so."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS[parts.scheme]
    except (KeyError, ValueError):
        return "an address that is none"
    return f"{parts.hostname}:{port}"


def unreached(where: str, fault: BaseException | None) -> str:
    """What is said of an address to which there is no connection."""
    return f"no connection to {where} ({_words(fault)}): {LOOK}"


def _words(fault: BaseException | None) -> str:
    """The system's words for it: those of libraries hold objects and whole requests."""
    if isinstance(fault, socket.gaierror | ssl.SSLError):
        return fault.strerror or type(fault).__name__
    if isinstance(fault, OSError) and fault.errno is not None:
        return os.strerror(fault.errno)
    return "it does not answer in time" if fault is None or isinstance(fault, TimeoutError) else type(fault).__name__
