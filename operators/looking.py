"""Looks at a book from outside: the views of a page, made from both states of the line once in a while.

They change nothing. Greeks are those of whole chains. Each is priced when it comes, at most once between two looks:
to price ten of them at a look would hold up whatever comes meanwhile for some twenty milliseconds.
"""

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any, NamedTuple

import numpy as np

from operators import chains, charted, cutoffs, nearest, prices, sessions, timetable
from operators.book import BookState
from operators.chains import PricedChain
from operators.config import ScalpConfig
from operators.events import MINUTE_NS, Chain, Quote
from operators.intents import AnyScalp, ETFScalpPosition, ScalpPosition
from operators.market import Market
from operators.records import Record
from operators.views import ChainNow, MarkNow, PositionNow

HOURS_PER_DAY = 24.0
"""Theta is that of a calendar day."""


class OwnGreeks(NamedTuple):
    """Greeks of one contract, a share's; None each where they are unknown, and for funds."""

    delta: float | None = None
    gamma: float | None = None
    theta_per_day: float | None = None
    iv: float | None = None


class Known(NamedTuple):
    """A chain with Greeks as of `at_ns`."""

    at_ns: int
    chain: PricedChain


class Looking:
    """Looks at each book at most once every `every_ns` of the tape's time."""

    def __init__(self, market: Market, every_ns: int) -> None:
        self.market, self.every_ns = market, every_ns
        self._next_ns: dict[str, int] = {}
        self._known: dict[str, Known] = {}

    def heard(self, chain: Chain) -> None:
        """A chain came: it is priced for the looks to come, if the last one was for those before."""
        known = self._known.get(chain.underlying)
        if known is None or chain.at_ns - known.at_ns >= self.every_ns:
            self._price(chain.underlying, chain.at_ns)

    def due(self, book: BookState) -> list[Record]:
        """The views of a book, if it is time for them; else nothing."""
        if book.now_ns < self._next_ns.get(book.book_id, 1):
            return []
        self._next_ns[book.book_id] = book.now_ns + self.every_ns
        return self.look(book)

    def look(self, book: BookState) -> list[Record]:
        """The views of a book now."""
        priced = dict(self._priced(book.now_ns))
        positions = [self._position(book, scalp, priced) for scalp in book.scalps_in_order() if scalp.bought]
        mark = self._mark(book, positions, priced)
        return [mark, *positions, *(_chain(book, name, chain) for name, chain in priced.items())]

    def _priced(self, at_ns: int) -> Iterator[tuple[str, PricedChain]]:
        """The chains with Greeks, by underlying; of those that no news came of for a minute one is priced anew."""
        if not sessions.covers(at_ns):
            return
        oldest = min(self._known, key=lambda name: self._known[name].at_ns, default="")
        for name in sorted(self.market.state.listings.known):
            known = self._known.get(name)
            if known is None or (name == oldest and at_ns - known.at_ns >= MINUTE_NS):
                known = self._price(name, at_ns)
            if known is not None:
                yield name, known.chain

    def _price(self, name: str, at_ns: int) -> Known | None:
        view = self.market.chain(name, at_ns)
        if view is None:
            self._known.pop(name, None)
            return None
        self._known[name] = Known(at_ns, chains.price(view, at_ns, self.market.settings.risk_free_rate))
        return self._known[name]

    def _mark(self, book: BookState, positions: list[PositionNow], priced: Mapping[str, PricedChain]) -> MarkNow:
        config, money = self.market.config, charted.money(book)
        both = [(_delta_usd(book.scalps[row.signal_id], row, priced), _theta_usd(row)) for row in positions]
        known = [(delta, theta) for delta, theta in both if delta is not None and theta is not None]
        begun = book.open_ns <= book.now_ns < book.close_ns
        return MarkNow(
            book_id=book.book_id,
            tape_seq=book.seq,
            tape_at=sessions.utc(book.now_ns),
            mode=book.mode,
            trading=book.trading,
            trading_reason=book.trading_reason or book.loss_warning or None,
            equity=money.equity,
            day_pnl=money.day_pnl,
            open_pnl=money.open_pnl,
            realised_pnl=money.realised_pnl,
            option_slots=len(book.options()),
            option_slots_limit=config.max_concurrent_scalps,
            fund_slots=len(book.funds()),
            fund_slots_limit=config.etf_max_concurrent_scalps,
            net_delta_usd=sum(delta for delta, _ in known),
            theta_per_hour_usd=sum(theta for _, theta in known),
            unknown_greeks=len(both) - len(known),
            cutoff_at=sessions.utc(_cutoff_ns(book, config)) if begun else None,
            close_at=sessions.utc(book.close_ns) if begun else None,
        )

    def _position(self, book: BookState, scalp: AnyScalp, priced: Mapping[str, PricedChain]) -> PositionNow:
        coming = nearest.nearest(book, scalp)
        greeks = _greeks(scalp, priced)
        return PositionNow(
            book_id=book.book_id,
            tape_seq=book.seq,
            signal_id=scalp.signal_id,
            kind=scalp.leg,
            ticker=scalp.ticker,
            symbol=scalp.symbol,
            direction="long" if scalp.direction > 0 else "short",
            quantity=scalp.held,
            multiplier=scalp.multiplier,
            entry_price=prices.decimal(round(scalp.average_micros)),
            mark=prices.decimal(scalp.mark_micros),
            open_pnl=prices.decimal(scalp.open_micros),
            open_pnl_fraction=scalp.open_micros / scalp.cost_micros,
            stop=prices.decimal(scalp.stop_micros),
            target=prices.decimal(scalp.target_micros),
            **greeks._asdict(),
            **_quoted(book.quotes.get(scalp.symbol)),
            leverage=scalp.leverage if isinstance(scalp, ETFScalpPosition) else None,
            entered_at=sessions.utc(scalp.entry_ns),
            fresh=book.fresh(scalp.symbol),
            exit_due=scalp.exit_due,
            nearest=None if coming is None else coming.reason,
            nearest_way=None if coming is None else coming.way,
            nearest_at=None if coming is None or coming.due_ns is None else sessions.utc(coming.due_ns),
            second_half=scalp.second_half,
        )


def _cutoff_ns(book: BookState, config: ScalpConfig) -> int:
    return cutoffs.cutoff_ns(0, timetable.session_of(book), config)


def _quoted(quote: Quote | None) -> dict[str, Any]:
    """Bid, ask and time of a quote; None each where it is unknown."""
    if quote is None:
        return {"bid": None, "ask": None, "quoted_at": None}
    sides = {"bid": quote.bid, "ask": quote.ask}
    known = {name: price if prices.known(price) else None for name, price in sides.items()}
    return {**known, "quoted_at": sessions.utc(quote.event_ns)}


def _greeks(scalp: AnyScalp, priced: Mapping[str, PricedChain]) -> OwnGreeks:
    """The Greeks of a contract in the newest chain of its underlying."""
    chain = priced.get(scalp.underlying) if isinstance(scalp, ScalpPosition) else None
    if chain is None or scalp.symbol not in chain.table.symbols:
        return OwnGreeks()
    place = np.flatnonzero(chain.row == chain.table.symbols.index(scalp.symbol))
    if place.size == 0:
        return OwnGreeks()
    values = (float(getattr(chain.greeks, name)[place[0]]) for name in OwnGreeks._fields)
    return OwnGreeks(*(value if isfinite(value) else None for value in values))


def _delta_usd(scalp: AnyScalp, row: PositionNow, priced: Mapping[str, PricedChain]) -> float | None:
    """Dollars of the underlying that a position stands for, signed; None if its Greeks or the spot are unknown."""
    if isinstance(scalp, ETFScalpPosition):
        return scalp.leverage * scalp.held * float(row.mark)
    chain = priced.get(scalp.underlying)
    spot = None if chain is None else chain.view.spot
    return None if spot is None or row.delta is None else row.delta * row.quantity * row.multiplier * spot


def _theta_usd(row: PositionNow) -> float | None:
    """Dollars an hour that time brings a position, 0 for a fund; None if its Greeks are unknown."""
    if row.kind == "fund":
        return 0.0
    return None if row.theta_per_day is None else row.theta_per_day * row.quantity * row.multiplier / HOURS_PER_DAY


def _chain(book: BookState, name: str, chain: PricedChain) -> ChainNow:
    view, money = chain.view, chains.nearest_the_money(chain, 0, None)
    return ChainNow(
        book_id=book.book_id,
        tape_seq=book.seq,
        underlying=name,
        quoted_at=sessions.utc(view.chain.event_ns),
        fresh=book.streams.get(name, book.chain_stream).fresh(book.now_ns),
        spot=view.spot,
        contracts=len(view.table.symbols),
        quoted=int(np.count_nonzero(np.isfinite(chain.mid))),
        expiry=None if money is None else view.table.expiries[int(chain.row[money])],
        dte=None if money is None else int(chain.dte[money]),
        forward=None if money is None else float(chain.forward[money]),
        atm_iv=None if money is None else float(chain.greeks.iv[money]),
    )
