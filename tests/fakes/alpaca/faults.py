"""The script of faults: what goes wrong, for which request, order or message, and how often.

Each fault is a JSON object with a `kind` of the table below. `method`, `path` (a regular expression for the whole path,
query excluded), `stream` (stock, option, trade_updates), `event` (of a trade update, or T of a market message) and
`symbol` narrow what it meets, each has a sensible default; `skip` lets so many pass first, `count` says how many it
meets (0: all), `for_seconds` keeps it alive that long from the first one on, whatever the count. `seconds` is how long
something takes. Seconds are of the fake's clock: real time, which POST /fake/wait can move on.
"""

import re
from collections.abc import Callable, Iterable
from datetime import time
from typing import Final, Literal

import msgspec

Layer = Literal["reply", "late", "order", "cancel", "shape", "message", "connection", "clock"]
ORDERS, ORDER = "/v2/orders", "/v2/orders/[^/]+"
CHAIN, CONTRACTS = "/v1beta1/options/snapshots/[^/]+", "/v2/options/contracts"

FEEDS = f"/v2/stocks/quotes/latest|{CHAIN}"


class Kind(msgspec.Struct, frozen=True):
    """Where a kind of fault strikes, which requests it meets if it does not say, and what it does."""

    layer: Layer
    method: str
    path: str
    meaning: str


KINDS: Final[dict[str, Kind]] = {
    "429": Kind("reply", "", ".*", "429 with X-Ratelimit headers (again after `seconds`, or 60), nothing done"),
    "500": Kind("reply", "", ".*", "500 with an HTML body, nothing done"),
    "502": Kind("reply", "", ".*", "502 with an HTML body, nothing done"),
    "503": Kind("reply", "", ".*", "503 with an HTML body, nothing done"),
    "504": Kind("reply", "", ".*", "504 with an HTML body, nothing done"),
    "unauthorized": Kind("reply", "", ".*", "401, the keys are refused"),
    "reset": Kind("reply", "", ".*", "the connection is reset, nothing done"),
    "buying_power": Kind("reply", "POST", ORDERS, "403, insufficient buying power"),
    "market_closed": Kind("reply", "POST", ORDERS, "422, options are not traded now"),
    "permission": Kind("reply", "POST", ORDERS, "403, the account may not trade options"),
    "bad_tick": Kind("reply", "POST", ORDERS, "422, the price is no multiple of the tick"),
    "429_after": Kind("late", "POST", ORDERS, "429 though it was done"),
    "500_after": Kind("late", "POST", ORDERS, "500 with an HTML body though it was done"),
    "504_after": Kind("late", "POST", ORDERS, "504 with an HTML body though it was done"),
    "reset_after": Kind("late", "POST", ORDERS, "the connection is reset though it was done"),
    "hang_after": Kind("late", "POST", ORDERS, "it is done, the answer comes after `seconds`"),
    "hidden": Kind("order", "POST", ORDERS, "no lookup finds the accepted order for `seconds`"),
    "ack_late": Kind("order", "POST", ORDERS, "updates come first, the answer to the order after `seconds`"),
    "partial_then_cancel": Kind("order", "POST", ORDERS, "half of it fills, then the exchange cancels the rest"),
    "partial_then_reject": Kind("order", "POST", ORDERS, "half of it fills, then the rest is rejected"),
    "unknown_status": Kind("order", "POST", ORDERS, "its status is a word that no client knows"),
    "fill_on_cancel": Kind("cancel", "DELETE", ORDER, "it is filled between the request to cancel and the ack"),
    "fill_after_cancel": Kind("cancel", "DELETE", ORDER, "cancelled, and then filled all the same"),
    "cancel_never": Kind("cancel", "DELETE", ORDER, "the request to cancel is taken on and never answered"),
    "missing_greeks": Kind("shape", "GET", CHAIN, "every second contract has neither Greeks nor IV"),
    "no_daily_bars": Kind("shape", "GET", CHAIN, "the day's bars are absent"),
    "strange_roots": Kind("shape", "GET", CHAIN, "adjusted contracts are among them"),
    "nan": Kind("shape", "GET", CHAIN, "a price of each contract or message is NaN"),
    "float_noise": Kind("shape", "GET", CHAIN, "prices are off by a float's last digits"),
    "page_loops": Kind("shape", "GET", CONTRACTS, "each page names itself as the next"),
    "page_fails": Kind("reply", "GET", CONTRACTS, "500 with an HTML body for every page but the first"),
    "no_open_interest": Kind("shape", "GET", CONTRACTS, "open interest and its date are absent"),
    "stale_open_interest": Kind("shape", "GET", CONTRACTS, "open interest is five sessions old"),
    "no_subscription": Kind("shape", "GET", FEEDS, "403 where the feed is sip or opra"),
    "blocked": Kind("shape", "GET", "/v2/account", "the account may not trade"),
    "lose": Kind("message", "", "", "the message is not sent"),
    "duplicate": Kind("message", "", "", "the message is sent twice"),
    "delay": Kind("message", "", "", "the message is sent after the next one"),
    "unknown_event": Kind("message", "", "", "the update's event is a word that no client knows"),
    "crossed": Kind("message", "", "", "bid and ask of the quote change places"),
    "mute": Kind("message", "", "", "the socket stays open and says nothing of it"),
    "drop_mid_frame": Kind("connection", "", "", "the connection ends in the middle of the message's frame"),
    "close": Kind("connection", "", "", "the connection ends before the message"),
    "refuse_auth": Kind("connection", "", "", "the keys are refused (402)"),
    "connection_limit": Kind("connection", "", "", "connection limit exceeded (406)"),
    "liquidate": Kind("clock", "", "", "the broker sells today's options at `at`, New York time"),
}
ON_STREAMS: Final = ("nan", "float_noise")
AT_LOGIN: Final = ("refuse_auth", "connection_limit")


class BadScript(ValueError):
    """A fault that cannot be; the message says what was wrong with it."""


class Fault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One line of the script."""

    kind: str
    method: str = ""
    path: str = ""
    stream: str = ""
    event: str = ""
    symbol: str = ""
    skip: int = 0
    count: int = 1
    for_seconds: float = 0.0
    seconds: float = 0.0
    at: str = ""
    met: int = 0
    until: float = 0.0

    @property
    def layer(self) -> Layer:
        """Where it strikes."""
        return "message" if self.stream and self.kind in ON_STREAMS else KINDS[self.kind].layer


class Script:
    """The faults that are still to come; `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.faults: list[Fault] = []
        self.clock = clock

    def add(self, faults: Iterable[Fault]) -> None:
        """More faults, after those there are. Raises BadScript."""
        for fault in faults:
            if fault.kind not in KINDS:
                raise BadScript(f"no fault is called {fault.kind!r}: expected one of {', '.join(KINDS)}")
            if fault.layer in ("message", "connection") and fault.stream not in ("stock", "option", "trade_updates"):
                raise BadScript(f"{fault.kind} needs a stream: stock, option or trade_updates, not {fault.stream!r}")
            if fault.layer == "clock" and not _is_clock(fault.at):
                raise BadScript(f"{fault.kind} needs a New York time such as 15:15 as `at`, not {fault.at!r}")
            self.faults.append(fault)

    def of_request(self, method: str, path: str, symbol: str, paged: bool) -> list[Fault]:
        """The faults that meet a request; `symbol` is an order's, `paged` says that it is for a later page."""
        layers = ("reply", "late", "order", "cancel", "shape")
        return [
            fault
            for fault in self.faults
            if fault.layer in layers and _asks(fault, method, path, symbol, paged) and self._meets(fault)
        ]

    def of_message(self, stream: str, event: str, symbol: str) -> list[Fault]:
        """The faults that meet a message of a stream."""
        return [
            fault
            for fault in self.faults
            if fault.layer in ("message", "connection") and fault.kind not in AT_LOGIN
            if fault.stream == stream and fault.event in ("", event) and fault.symbol in ("", symbol)
            if self._meets(fault)
        ]  # fmt: skip

    def at_login(self, stream: str) -> Fault | None:
        """The fault that meets someone who shows keys to a stream."""
        found = (fault for fault in self.faults if fault.kind in AT_LOGIN and fault.stream == stream)
        return next((fault for fault in found if self._meets(fault)), None)

    def _meets(self, fault: Fault) -> bool:
        """Whether a fault is due at what it fits; counts it."""
        fault.met += 1
        if fault.met <= fault.skip:
            return False
        if fault.for_seconds:
            fault.until = fault.until or self.clock() + fault.for_seconds
            return self.clock() < fault.until
        return fault.count == 0 or fault.met <= fault.skip + fault.count


def parsed(text: bytes | str) -> list[Fault]:
    """A script as JSON: a list of faults. Raises BadScript."""
    try:
        return msgspec.json.decode(text, type=list[Fault])
    except msgspec.DecodeError as fault:
        raise BadScript(f"the script of faults cannot be read: {fault}") from fault


def _is_clock(text: str) -> bool:
    try:
        time.fromisoformat(text)
    except ValueError:
        return False
    return True


def _asks(fault: Fault, method: str, path: str, symbol: str, paged: bool) -> bool:
    """Whether a request is one that the fault is about."""
    kind = KINDS[fault.kind]
    if fault.kind == "page_fails" and not paged:
        return False
    meant = (fault.method or kind.method) in ("", method) and fault.symbol in ("", symbol)
    return meant and re.fullmatch(fault.path or kind.path, path) is not None
