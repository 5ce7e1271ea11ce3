"""Quotes and one-minute bars of shares and funds, from their paths."""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from flows.market.paths import Paths
from flows.market.regimes import MINUTES, SECONDS, chance
from flows.market.world import FUND_SPREAD, TICKERS
from operators.contracts import FloatArray
from operators.events import MINUTE_NS, Bar, Quote

CENTS: Final = 100.0
LOT: Final = 100.0
LOTS_LOG, LOTS_SPREAD = 1.0, 0.8
"""Shown sizes: a few round lots, now and then many."""
UNPLACED: Final = 0
WRONG: Final = 0.01
"""Share of quotes that are crossed or locked where that was asked for."""


class Shares:
    """Shares and funds of one session, minute by minute; `dollars` traded a day by symbol."""

    def __init__(self, seed: int, paths: Paths, dollars: Mapping[str, float], crossed: bool = False) -> None:
        self.paths, self.symbols, self.crossed = paths, sorted(dollars), crossed
        self.mids = np.array([paths.mids[symbol] for symbol in self.symbols])
        self.unrest = np.array([paths.unrest[symbol] for symbol in self.symbols])
        self.spread = np.array([TICKERS[s].spread if s in TICKERS else FUND_SPREAD for s in self.symbols])
        activity = np.array([paths.activity[symbol] for symbol in self.symbols])
        self.dollars = np.array([dollars[symbol] for symbol in self.symbols])[:, np.newaxis] / MINUTES * activity
        self._rng = chance(seed, paths.session.day, "quotes")
        self._wrong = chance(seed, paths.session.day, "crossed quotes")

    def quotes(self, minute: int, per_second: float) -> Iterator[Quote]:
        """The quotes of a minute, in no order: each symbol once in each of as many equal slots as it has quotes.

        Within a slot the symbols take turns in an order that is drawn, so that the stream as a whole is even.
        """
        slots = int(per_second * SECONDS * (minute + 1)) - int(per_second * SECONDS * minute)
        shape = slots, len(self.symbols)
        turns = np.argsort(self._rng.random(shape), axis=1) + self._rng.random(shape)
        share = (np.arange(slots)[:, np.newaxis] + turns / shape[1]) / max(slots, 1)
        at_ns = self.paths.session.open_ns + minute * MINUTE_NS + (share * MINUTE_NS).astype(np.int64)
        seconds = minute * SECONDS + (share * SECONDS).astype(np.int64)
        mids = self.mids[np.arange(shape[1]), seconds]
        bids, asks = self._sides(mids, minute)
        lots = np.floor(self._rng.lognormal(LOTS_LOG, LOTS_SPREAD, (2, *shape))) + 1.0
        rows = zip(at_ns.ravel(), bids.ravel(), asks.ravel(), *(LOT * lots).reshape(2, -1), strict=True)
        for place, (at, bid, ask, bid_size, ask_size) in enumerate(rows):
            symbol = self.symbols[place % shape[1]]
            yield Quote(UNPLACED, UNPLACED, int(at), symbol, float(bid), float(ask), float(bid_size), float(ask_size))

    def _sides(self, mids: FloatArray, minute: int) -> tuple[FloatArray, FloatArray]:
        """Bids and asks in whole cents around the middles."""
        half = mids * self.spread * self.unrest[:, minute] / 2.0
        bids, asks = np.floor((mids - half) * CENTS) / CENTS, np.ceil((mids + half) * CENTS) / CENTS
        return wrong(self._wrong, bids, asks) if self.crossed else (bids, asks)

    def bars(self, minute: int, history: bool) -> Iterator[Bar]:
        """The bars of a minute, by symbol: prices of its seconds to the nearest cent, volume in whole shares."""
        seconds = self.mids[:, minute * SECONDS : (minute + 1) * SECONDS + 1]
        columns = seconds[:, 0], seconds.max(axis=1), seconds.min(axis=1), seconds[:, -1]
        prices = np.round(np.array(columns) * CENTS) / CENTS
        volumes = np.maximum(np.round(self.dollars[:, minute] / seconds.mean(axis=1)), 1.0)
        close_ns = self.paths.session.open_ns + (minute + 1) * MINUTE_NS
        for symbol, (first, high, low, last), volume in zip(
            self.symbols, prices.T.tolist(), volumes.tolist(), strict=True
        ):
            yield Bar(UNPLACED, UNPLACED, close_ns, symbol, first, high, low, last, volume, history)


def wrong(rng: np.random.Generator, bids: FloatArray, asks: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The sides with one pair in a hundred spoiled: half of these locked, half with bid and ask exchanged."""
    drawn = rng.random(bids.shape)
    crossed, spoiled = drawn < WRONG / 2.0, (drawn < WRONG) & ~np.isnan(bids)
    return np.where(spoiled & crossed, asks, bids), np.where(spoiled, bids, asks)
