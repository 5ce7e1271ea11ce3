"""What Alpaca answers over REST: bars, contracts, chains, the day's volumes and splits, asked with its own clients.

The clients give raw answers, try nothing again by themselves (they would sleep for seconds), wait no longer than
`TIMEOUT_SECONDS` and ask no page twice. One object is used by one thread at a time.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from functools import partial
from typing import Any, Final, Literal, NamedTuple, Protocol, cast

import requests
from alpaca.common.exceptions import APIError
from alpaca.data.enums import Adjustment, CorporateActionsType, DataFeed, OptionsFeed
from alpaca.data.historical import OptionHistoricalDataClient, StockHistoricalDataClient
from alpaca.data.historical.corporate_actions import CorporateActionsClient
from alpaca.data.requests import CorporateActionsRequest, OptionBarsRequest, OptionChainRequest, StockBarsRequest
from alpaca.data.timeframe import TimeFrame
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import AssetStatus
from alpaca.trading.requests import GetOptionContractsRequest

from flows.brokers.alpaca.keys import Keys
from flows.feeds.alpaca.faults import Unanswered, WrongKeys
from flows.feeds.alpaca.translating import Told
from operators import sessions

TIMEOUT_SECONDS: Final = 5.0
CONTRACTS_A_PAGE: Final = 10_000
SYMBOLS_A_QUESTION: Final = 100
"""Contracts that Alpaca takes in one question about bars; its API reference."""
WORDS: Final = 200
"""Letters of Alpaca's own words that are passed on."""
REFUSED: Final = frozenset({401, 403})
SPLITS: Final = [
    CorporateActionsType.FORWARD_SPLIT,
    CorporateActionsType.REVERSE_SPLIT,
    CorporateActionsType.UNIT_SPLIT,
]


class Access(NamedTuple):
    """Whose market it is, which of Alpaca's feeds, and where; no `address` is Alpaca's own."""

    keys: Keys
    stocks: Literal["iex", "sip"] = "iex"
    options: Literal["indicative", "opra"] = "indicative"
    paper: bool = True
    address: str | None = None


class Reach(NamedTuple):
    """Which contracts of an underlying: expiries and strikes in dollars, bounds included."""

    underlying: str
    first: date
    last: date
    lowest: float
    highest: float


class _Client(Protocol):
    _retry: int
    _session: requests.Session


class Asking:
    """The questions. Each raises WrongKeys, and Unanswered for anything else that is no answer."""

    def __init__(self, access: Access) -> None:
        pair, address = access.keys.words, access.address
        self._stock_feed, self._option_feed = DataFeed(access.stocks), OptionsFeed(access.options)
        self._pages: set[str | None] = set()
        self._stocks = StockHistoricalDataClient(*pair, raw_data=True, url_override=address)
        self._options = OptionHistoricalDataClient(*pair, raw_data=True, url_override=address)
        self._trading = TradingClient(*pair, paper=access.paper, raw_data=True, url_override=address)
        self._actions = CorporateActionsClient(*pair, raw_data=True, url_override=address)
        for client in (self._stocks, self._options, self._trading, self._actions):
            self._bound(cast(_Client, client))

    def now_ns(self) -> int:
        """What time it is there."""
        with self._answered("the clock"):
            told = cast(Told, self._trading.get_clock())
            return sessions.ns(datetime.fromisoformat(str(told["timestamp"])))

    def bars(self, symbols: Sequence[str], start_ns: int, end_ns: int) -> dict[str, list[Told]]:
        """One-minute bars of shares that begin from `start_ns` to `end_ns`, as of today's splits."""
        asked = StockBarsRequest(
            symbol_or_symbols=list(symbols), timeframe=cast(TimeFrame, TimeFrame.Minute), feed=self._stock_feed,
            adjustment=Adjustment.SPLIT, start=sessions.utc(start_ns), end=sessions.utc(end_ns),
        )  # fmt: skip
        with self._answered(f"bars of {', '.join(symbols)}"):
            return dict(cast(Mapping[str, list[Told]], self._stocks.get_stock_bars(asked)))

    def splits(self, symbols: Sequence[str], first: date, last: date) -> dict[str, list[Told]]:
        """The rows of splits from one day to another, by their kind."""
        asked = CorporateActionsRequest(symbols=list(symbols), types=SPLITS, start=first, end=last)
        with self._answered(f"splits of {', '.join(symbols)}"):
            return dict(cast(Mapping[str, list[Told]], self._actions.get_corporate_actions(asked)))

    def contracts(self, reach: Reach, *, expired: bool = False) -> list[Told]:
        """The rows of all contracts within reach, of all pages; with those that have expired, if they are wanted."""
        rows = self._contracts(reach, AssetStatus.ACTIVE)
        return rows + self._contracts(reach, AssetStatus.INACTIVE) if expired else rows

    def _contracts(self, reach: Reach, status: AssetStatus) -> list[Told]:
        rows: list[Told] = []
        with self._answered(f"contracts of {reach.underlying}"):
            token, more = None, True
            while more:
                asked = GetOptionContractsRequest(
                    underlying_symbols=[reach.underlying], status=status, expiration_date_gte=reach.first,
                    expiration_date_lte=reach.last, strike_price_gte=f"{reach.lowest:.2f}",
                    strike_price_lte=f"{reach.highest:.2f}", limit=CONTRACTS_A_PAGE, page_token=token,
                )  # fmt: skip
                answer = cast(Told, self._trading.get_option_contracts(asked))
                rows += answer["option_contracts"]
                token = answer.get("next_page_token")
                more = token is not None
        return rows

    def chain(self, reach: Reach) -> dict[str, Told | None]:
        """The snapshots of all contracts within reach, by symbol."""
        asked = OptionChainRequest(
            underlying_symbol=reach.underlying, feed=self._option_feed,
            expiration_date_gte=reach.first, expiration_date_lte=reach.last,
            strike_price_gte=reach.lowest, strike_price_lte=reach.highest,
        )  # fmt: skip
        with self._answered(f"chain of {reach.underlying}"):
            return dict(cast(Mapping[str, Told | None], self._options.get_option_chain(asked)))

    def days(self, symbols: Sequence[str], day: date) -> dict[str, list[Told]]:
        """The day's bar of each contract that was traded on it."""
        return self._option_bars(symbols, cast(TimeFrame, TimeFrame.Day), sessions.at(day, time()), None)

    def minutes(self, symbols: Sequence[str], start_ns: int, end_ns: int) -> dict[str, list[Told]]:
        """One-minute bars of contracts that begin from `start_ns` to `end_ns`."""
        return self._option_bars(symbols, cast(TimeFrame, TimeFrame.Minute), start_ns, end_ns)

    def _option_bars(
        self, symbols: Sequence[str], frame: TimeFrame, start_ns: int, end_ns: int | None
    ) -> dict[str, list[Told]]:
        found: dict[str, list[Told]] = {}
        for first in range(0, len(symbols), SYMBOLS_A_QUESTION):
            some = list(symbols[first : first + SYMBOLS_A_QUESTION])
            asked = OptionBarsRequest(
                symbol_or_symbols=some, timeframe=frame, start=sessions.utc(start_ns),
                end=None if end_ns is None else sessions.utc(end_ns),
            )  # fmt: skip
            with self._answered(f"bars of {len(some)} contracts from {some[0]} on"):
                found |= cast(Mapping[str, list[Told]], self._options.get_option_bars(asked))
        return found

    def _bound(self, client: _Client) -> None:
        client._retry = 0
        client._session.request = partial(self._send, client._session.request)  # type: ignore[method-assign]  # the client has no setting for a timeout

    def _send(self, send: Any, method: str, url: str, **words: Any) -> requests.Response:  # noqa: ANN401  # as requests has it
        token = (words.get("params") or {}).get("page_token")
        if token in self._pages:
            raise Unanswered("a page names one before it as the next")
        self._pages.add(token)
        return cast(requests.Response, send(method, url, timeout=TIMEOUT_SECONDS, **words))

    @contextmanager
    def _answered(self, what: str) -> Iterator[None]:
        self._pages.clear()
        try:
            yield
        except APIError as fault:
            if fault.status_code in REFUSED:
                # Its words are not told: nobody knows whether they repeat a key.
                raise WrongKeys(
                    f"Alpaca refuses the keys or does not let them see {what} (HTTP {fault.status_code})"
                ) from fault
            raise Unanswered(f"{what}: HTTP {fault.status_code}{_words(fault)}") from fault
        except Unanswered as fault:
            raise Unanswered(f"{what}: {fault}") from fault
        except (requests.RequestException, ValueError, KeyError, TypeError, AttributeError) as fault:
            raise Unanswered(f"{what}: {type(fault).__name__}") from fault


def _words(fault: APIError) -> str:
    """What Alpaca says beside a status, such as which symbol it does not know; empty where it says nothing."""
    try:
        said = fault.message
    except (ValueError, KeyError, TypeError):  # a page of HTML, or a list
        return ""
    return f" ({' '.join(str(said).split())[:WORDS]})"
