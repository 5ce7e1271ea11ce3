"""The option chains that the market knows: newest table and snapshot of each underlying, IV history, dividends."""

from datetime import date
from math import isfinite
from typing import Final

import msgspec

from operators import contracts, prices, sessions
from operators.chains import atm_iv, price
from operators.events import MINUTE_NS, AtmIv, Chain, Contracts, Dividend
from operators.moments import ChainView
from operators.sessions import Session

IV_SESSIONS: Final = 252
IV_BEFORE_CLOSE_NS: Final = 15 * MINUTE_NS
"""A session's IV is that of 15 minutes before its close, over up to 252 sessions. Source: product rule "Gate"."""


def iv_time_ns(session: Session) -> int:
    """When the IV of a session is measured."""
    return session.close_ns - IV_BEFORE_CLOSE_NS


class Listing(msgspec.Struct):
    """What is known of one underlying's options; `atm_ivs` by ISO day, `ex_dates` in order."""

    table: Contracts | None = None
    chain: Chain | None = None
    atm_ivs: dict[str, float] = {}
    ex_dates: list[date] = []

    def view(self, at_ns: int, spot: float | None) -> ChainView | None:
        """The chain as a signal sees it at an instant; None before the first snapshot."""
        if self.table is None or self.chain is None:
            return None
        today = sessions.new_york(at_ns).date()
        ivs = tuple(iv for day, iv in sorted(self.atm_ivs.items()) if day < today.isoformat())
        age_ns = at_ns - min(self.chain.event_ns, self.chain.at_ns)
        coming = tuple(day for day in self.ex_dates if day > today)
        return ChainView(self.table, self.chain, age_ns, spot, ivs[-IV_SESSIONS:], coming)

    def remember_iv(self, day: str, iv: float) -> None:
        """Keeps the IV of a session, of the newest 252 sessions."""
        if isfinite(iv) and iv > 0.0:
            self.atm_ivs[day] = iv
            self.atm_ivs = dict(sorted(self.atm_ivs.items())[-IV_SESSIONS - 1 :])


class Listings(msgspec.Struct):
    """All underlyings with options, by ticker."""

    known: dict[str, Listing] = {}

    def of(self, ticker: str) -> Listing:
        """The listing of a ticker, a new one if it was not known."""
        return self.known.setdefault(ticker, Listing())

    def table(self, table: Contracts) -> bool:
        """Takes a new table, whose first snapshot is still to come; False for an unsound one: no chain then."""
        listing = self.of(table.underlying)
        listing.table, listing.chain = (table if sound(table) else None), None
        return listing.table is not None

    def snapshot(self, chain: Chain, spot: float | None, rate: float) -> bool:
        """Takes a new snapshot; False for one that does not fit its table: the one before stands and ages.

        The first one of a session in its last 15 minutes gives the session's IV.
        """
        listing = self.of(chain.underlying)
        if listing.table is None or not contracts.fits(chain, listing.table):
            return False
        listing.chain = chain
        self._measure(listing, chain, spot, rate)
        return True

    def _measure(self, listing: Listing, chain: Chain, spot: float | None, rate: float) -> None:
        """The IV of the session, if this is its first snapshot in the last 15 minutes."""
        session = sessions.session_holding(chain.event_ns - 1)
        if session is None or chain.event_ns < iv_time_ns(session):
            return
        day = session.day.isoformat()
        view = None if day in listing.atm_ivs else listing.view(chain.at_ns, spot)
        if view is not None:
            listing.remember_iv(day, atm_iv(price(view, chain.at_ns, rate)))

    def history(self, event: AtmIv | Dividend) -> None:
        """A past session's IV, or a dividend that was declared."""
        listing = self.of(event.ticker)
        if isinstance(event, AtmIv):
            listing.remember_iv(sessions.new_york(event.event_ns).date().isoformat(), event.iv)
        else:
            told = sessions.new_york(event.at_ns).date()
            listing.ex_dates = sorted({day for day in (*listing.ex_dates, event.ex_date) if day > told})


def sound(table: Contracts) -> bool:
    """Whether the columns belong together and say possible things, each contract once."""
    count, columns = len(table.symbols), (table.rights, table.strikes, table.expiries, table.adjusted)
    return (
        count > 0
        and all(len(column) == count for column in columns)
        and len(set(table.symbols)) == count
        and set(table.rights) <= {1, -1}
        and all(map(prices.known, table.strikes))
        and table.multiplier > 0
    )
