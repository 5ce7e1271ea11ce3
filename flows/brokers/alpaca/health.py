"""What Alpaca says of itself, for who wants to know whether an engine could trade there: nothing is sent."""

from datetime import date, time
from typing import Any, Final, NamedTuple

from flows.brokers.alpaca import keys, wording
from flows.brokers.alpaca.calls import FORBIDDEN, OK, Calls
from flows.brokers.alpaca.keys import Keys, Place
from flows.brokers.alpaca.wording import Unreadable
from flows.brokers.port import Unclear, Unusable

DATA: Final = "https://data.alpaca.markets"
"""Where market data are; a fake has all on one address."""
OPTIONS_API: Final = "v1beta1"
SYMBOL: Final = "SPY"
"""Traded all day long, with options: the questions after feeds ask for it."""
STOCK_FEEDS: Final = ("sip", "iex")
OPTION_FEEDS: Final = ("opra", "indicative")
"""The feed that takes a subscription, then the one that anybody gets."""


class Standing(NamedTuple):
    """The account; `blocked` says why it may not trade, equity in micro-dollars and level are 0 then."""

    account_id: str
    blocked: str
    equity_micros: int
    options_level: int


class Day(NamedTuple):
    """A trading day by the broker's calendar, in New York time."""

    opens: time
    closes: time


class Health:
    """Questions to one place. Each raises NotSent, Unclear or Unusable, and waits no longer than a request may."""

    def __init__(self, shown: Keys, place: Place, timeout_seconds: float = 10.0, limit_seconds: float = 20.0) -> None:
        self.real = place in (keys.PAPER, keys.LIVE)
        data = DATA if self.real else place.rest
        seconds = timeout_seconds, limit_seconds
        self._trading, self._stocks, self._options = (
            Calls(shown, rest, *seconds, lambda: None) for rest in (place.rest, data, data)
        )
        self._options._client._api_version = OPTIONS_API  # it has no other knob

    def close(self) -> None:
        """Ends all connections."""
        for calls in (self._trading, self._stocks, self._options):
            calls.close()

    async def standing(self) -> Standing:
        """The account, blocked or not."""
        told = await self._trading.read("/account")
        try:
            return _standing(told)
        except Unreadable as fault:
            raise Unclear(f"Alpaca's account cannot be read: {fault}") from None

    async def clock_ns(self) -> int:
        """What time it is at Alpaca, UTC nanoseconds."""
        told = await self._trading.read("/clock")
        at_ns = wording.instant_ns(told.get("timestamp")) if isinstance(told, dict) else 0
        if not at_ns:
            raise Unclear("Alpaca's clock cannot be read")
        return at_ns

    async def calendar(self, first: date, last: date) -> dict[date, Day]:
        """Alpaca's trading days from one day to another, both included."""
        told = await self._trading.read("/calendar", {"start": first.isoformat(), "end": last.isoformat()})
        try:
            return {date.fromisoformat(row["date"]): Day(_clock(row["open"]), _clock(row["close"])) for row in told}
        except (KeyError, TypeError, ValueError) as fault:
            raise Unclear(f"Alpaca's calendar cannot be read: {fault!r:.80}") from None

    async def stock_feed(self) -> str:
        """The best feed of shares that the account may have, empty if none."""
        return await _allowed(self._stocks, "/stocks/quotes/latest", {"symbols": SYMBOL}, STOCK_FEEDS)

    async def option_feed(self) -> str:
        """The best feed of options that the account may have, empty if none."""
        return await _allowed(self._options, f"/options/snapshots/{SYMBOL}", {"limit": 1}, OPTION_FEEDS)


async def _allowed(calls: Calls, path: str, asked: dict[str, Any], feeds: tuple[str, ...]) -> str:
    """The first feed that is not forbidden: Alpaca answers 403 where the subscription does not permit it."""
    for feed in feeds:
        reply = await calls.ask("get", path, {**asked, "feed": feed})
        if reply.status == OK:
            return feed
        if reply.status != FORBIDDEN:
            raise reply.fault()
    return ""


def _standing(told: object) -> Standing:
    try:
        account = wording.account(told)
    except Unusable as fault:
        return Standing(str(wording.field(told, "account_number")), str(fault), 0, 0)
    return Standing(account.account_id, "", account.equity_micros, account.options_level)


def _clock(told: object) -> time:
    """A time of day as HH:MM."""
    return time.fromisoformat(str(told))
