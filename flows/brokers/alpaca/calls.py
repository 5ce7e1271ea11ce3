"""Requests to Alpaca through its own client: in threads, with a timeout, once, and with one meaning for each failure.

Whatever fails in the client ends here as a Reply: no exception of its, with keys in its frames, goes any further.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Final, NamedTuple

import requests
import urllib3

from flows.brokers.alpaca.keys import KEY, SECRET, Keys
from flows.brokers.alpaca.reaching import address, unreached
from flows.brokers.alpaca.wording import message
from flows.brokers.port import NotSent, Unclear, Unusable

OK, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, TOO_MANY = 200, 401, 403, 404, 429
WINDOW_SECONDS: Final = 60.0
"""Alpaca counts requests by the minute: it never asks for a longer wait."""
WORKERS: Final = 4
NEVER_LEFT: Final = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)


class Reply(NamedTuple):
    """What came of one request: an HTTP status, 0 where none came, and the JSON of the body, None where it is none.

    `why` says what was wrong; `left` is False where the request cannot have reached Alpaca. One that nobody waits for
    any more and that may still leave is `running`: looking up addresses and trying each of them has no end of its own.
    """

    status: int
    body: Any = None
    why: str = ""
    wait_seconds: float = 0.0
    left: bool = True
    running: "Future[Reply] | None" = None

    def fault(self) -> NotSent | Unclear | Unusable:
        """What a reply that is not good means."""
        if self.status == TOO_MANY or not self.left:
            return NotSent(self.why, self.wait_seconds)
        if self.status == UNAUTHORIZED:
            return Unusable(f"Alpaca refuses the keys: check {KEY} and {SECRET}, and whether they are of paper or live")
        if self.status == FORBIDDEN and message(self.body):
            return Unusable(f"Alpaca forbids it: {message(self.body)}")
        return Unclear(self.why)

    def good(self) -> Any:
        """The body of a good reply. Raises NotSent, Unclear or Unusable."""
        if self.status != OK:
            raise self.fault()
        return self.body


class Calls:
    """The client of one account. `timeout_seconds` is for connecting and for each wait, `limit_seconds` for all.

    Sales and cancels have threads of their own, and so have purchases: calls that hang hold none of them back. What
    waits for a thread cannot be called off, and would leave when it is old.
    """

    def __init__(
        self, keys: Keys, rest: str, timeout_seconds: float, limit_seconds: float, on_request: Callable[[], None]
    ) -> None:
        # The client takes a second and 110 MB: who has no account at Alpaca never loads it.
        from alpaca.trading.client import TradingClient

        self._client = TradingClient(*keys.words, raw_data=True, url_override=rest)
        # By itself it has no timeout, and sends orders again on 429 and 504.
        self._client._retry = 0
        self._session = self._client._session
        self._session.request = partial(self._session.request, timeout=timeout_seconds)  # type: ignore[method-assign]  # it has no other knob
        self._address = address(rest)
        self._limit_seconds, self._on_request = limit_seconds, on_request
        self._usual = ThreadPoolExecutor(WORKERS, "alpaca")
        self._urgent = ThreadPoolExecutor(WORKERS, "alpaca-urgent")
        self._entries = ThreadPoolExecutor(WORKERS, "alpaca-entries")

    async def ask(self, method: str, path: str, data: Any = None, *, urgent: bool = False) -> Reply:
        """One request: get, post or delete."""
        self._on_request()
        pool = self._urgent if urgent else self._entries if method == "post" else self._usual
        future = pool.submit(self._tried, method, path, data)
        try:
            # Not wait_for, which in Python 3.11 forgets that it was cancelled where the answer comes at that moment.
            async with asyncio.timeout(self._limit_seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            if future.cancel():
                return Reply(0, why=f"no thread was free for {self._limit_seconds:g} s", left=False)
            return Reply(
                0, why=f"no whole answer from {self._address} within {self._limit_seconds:g} s", running=future
            )

    async def read(self, path: str, data: Any = None, *, urgent: bool = False) -> Any:
        """The body that a question gets. Raises NotSent, Unclear or Unusable."""
        return (await self.ask("get", path, data, urgent=urgent)).good()

    def close(self) -> None:
        """Takes no more; what hangs ends by its timeout."""
        for pool in (self._usual, self._urgent, self._entries):
            pool.shutdown(wait=False, cancel_futures=True)
        self._session.close()

    def _tried(self, method: str, path: str, data: Any) -> Reply:
        from alpaca.common.exceptions import APIError

        try:
            return Reply(OK, getattr(self._client, method)(path, data))
        except APIError as fault:
            return _refused(fault.response)
        except requests.exceptions.ConnectionError as fault:
            return _broken(fault, self._address)
        except requests.exceptions.Timeout:
            return Reply(0, why=f"{self._address} did not answer in time")
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError, RecursionError) as fault:
            return Reply(0, why=f"no answer of {self._address} that can be read: {type(fault).__name__}")


def _refused(response: requests.Response) -> Reply:
    """An HTTP status that is none of success, with Alpaca's words if they are JSON."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        body = None
    why = f"HTTP {response.status_code}: {message(body) or 'no reason given'}"
    return Reply(response.status_code, body, why, _wait_seconds(response))


def _wait_seconds(response: requests.Response) -> float:
    """How long Alpaca takes nothing, by its own clock; 0 where it does not say."""
    headers = response.headers
    try:
        date = headers.get("Date")
        now = parsedate_to_datetime(date).timestamp() if date else time.time()
        seconds = float(headers["X-Ratelimit-Reset"]) - now
    except (KeyError, ValueError):
        return 0.0
    return min(seconds, WINDOW_SECONDS) if seconds > 0.0 else 0.0


def _broken(fault: requests.exceptions.ConnectionError, where: str) -> Reply:
    """Nothing was sent where there was no connection to send it on."""
    cause = fault.args[0] if fault.args else None
    reason = getattr(cause, "reason", cause)
    if isinstance(fault, requests.exceptions.ConnectTimeout) or isinstance(reason, NEVER_LEFT):
        return Reply(0, why=unreached(where, getattr(reason, "__cause__", None)), left=False)
    return Reply(0, why=f"the connection to {where} broke off ({type(reason).__name__})")
