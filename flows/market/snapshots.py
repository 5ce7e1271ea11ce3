"""Chain snapshots of one underlying through a session."""

from collections.abc import Iterator

import numpy as np

from flows.market.listing import Listing
from flows.market.paths import Paths
from flows.market.regimes import SECONDS, chance
from flows.market.shares import UNPLACED, wrong
from flows.market.surface import Surface
from flows.market.world import DAILY_EXPIRIES
from operators.contracts import FloatArray, packed_counts, packed_prices
from operators.events import SECOND_NS, Chain

SIZE_LOG_INDEX, SIZE_LOG_SHARE, SIZE_SPREAD = 4.0, 2.7, 0.7
"""Contracts shown: some fifty at index funds, some fifteen at shares."""


class Snapshots:
    """The chain of one underlying, every `every` seconds from the open to before the close."""

    def __init__(self, seed: int, paths: Paths, listing: Listing, every: int, crossed: bool = False) -> None:
        self.paths, self.listing, self.every, self.crossed = paths, listing, every, crossed
        self.ticker, day = listing.table.underlying, paths.session.day
        self.surface = Surface(paths, self.ticker, listing.table.expiries)
        activity = np.concatenate(([0.0], np.cumsum(paths.activity[self.ticker])))
        self._traded = activity / activity[-1]
        self._interest = packed_counts(listing.interest)
        self._size_log = SIZE_LOG_INDEX if self.ticker in DAILY_EXPIRIES else SIZE_LOG_SHARE
        self._rng = chance(seed, day, "sizes", self.ticker)
        self._wrong = chance(seed, day, "crossed chain", self.ticker)

    def seconds(self, minute: int) -> list[int]:
        """When the chain is stated in a minute, its end included: seconds since the open."""
        first = minute * SECONDS // self.every + 1
        last = min((minute + 1) * SECONDS, self.paths.minutes * SECONDS - 1) // self.every
        return [place * self.every for place in range(first, last + 1)]

    def chains(self, minute: int) -> Iterator[Chain]:
        """The snapshots of a minute, computed together."""
        seconds, listing = self.seconds(minute), self.listing
        if not seconds:
            return
        unrest = float(self.paths.unrest[self.ticker][minute])
        bids, asks = self.surface.quotes(listing.rights, listing.strikes, seconds, unrest)
        if self.crossed:
            bids, asks = wrong(self._wrong, bids, asks)
        sizes = np.ceil(self._rng.lognormal(self._size_log, SIZE_SPREAD, (2, *bids.shape)))
        sizes[0][np.isnan(bids)] = np.nan
        volumes = self._volumes(seconds)
        for row, second in enumerate(seconds):
            at_ns = self.paths.session.open_ns + second * SECOND_NS
            prices = packed_prices(bids[row]), packed_prices(asks[row])
            counts = packed_counts(sizes[0, row]), packed_counts(sizes[1, row]), packed_counts(volumes[row])
            yield Chain(UNPLACED, UNPLACED, at_ns, self.ticker, *prices, *counts, self._interest)

    def _volumes(self, seconds: list[int]) -> FloatArray:
        """Contracts traded since the open, as the underlying's own volume runs."""
        traded = np.interp(np.array(seconds) / SECONDS, np.arange(self._traded.size), self._traded)
        return np.asarray(np.floor(traded[:, np.newaxis] * self.listing.volume))
