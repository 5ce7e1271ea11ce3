"""The world of the desk's model: three chains of twenty contracts, eight funds, and a ledger that checks every item.

QQQ, SPY and NVDA have calls and puts at five strikes and two expiries; TSLA and AAPL have none, so that funds are
bought for them. Values of contracts are computed once and stand still: quotes move only as they are told to.
"""

from collections.abc import Iterable
from functools import cache
from math import nan
from typing import Any, Final

import msgspec
import numpy as np
from msgspec.structs import replace

from operators.book import BookState
from operators.contracts import packed_counts, packed_prices
from operators.desk import Desk
from operators.events import MINUTE_NS, SECOND_NS, Chain, Contracts, Mode, Quote
from operators.moments import ChainView, Moment
from operators.pricing import value
from operators.records import Record
from tests.builders import MILLISECOND_NS, PLENTY, Stage, setup, view
from tests.desk_model import Ledger
from tests.desk_trades import Hours
from tests.option_builders import FREE, IV, table

SPOTS: Final = {"QQQ": 571.0, "SPY": 640.0, "NVDA": 480.0, "TSLA": 330.0, "AAPL": 230.0}
CHAINS: Final = ("QQQ", "SPY", "NVDA")
FUNDS: Final = {"QQQ": "TQQQ SQQQ", "SPY": "SPXL SPXS", "NVDA": "SOXL SOXS", "TSLA": "TQQQ SQQQ", "AAPL": "TECL TECS"}
USUAL: Final[dict[str, Any]] = {"min_conviction_to_scalp": 0, "scalp_tickers": tuple(SPOTS)}
YEARS: Final = (6.0 / 8760.0, 30.0 / 8760.0)
"""Six hours and thirty, of the first and the second expiry."""
SHAPES: Final[dict[str, tuple[float, float, float]]] = {
    "good": (-0.01, 0.01, PLENTY),
    "few": (-0.01, 0.01, 3.0),
    "none": (-0.01, 0.01, 0.0),
    "wide": (-0.30, 0.30, PLENTY),
    "no bid": (nan, 0.01, PLENTY),
    "crossed": (0.02, -0.02, PLENTY),
    "no ask": (-0.01, nan, PLENTY),
}
"""Bid and ask around the middle in dollars, and the size on both sides."""
PLAIN: Final = (1.0, "good")
"""How a symbol is quoted: its value times a factor, in a shape."""
DETERMINISTIC: Final = msgspec.msgpack.Encoder(order="deterministic")


@cache
def worth(right: int, strike: float, underlying: str, place: int) -> float:
    """Dollars a share of a contract, by the place of its expiry."""
    return round(value(right, strike, SPOTS[underlying], YEARS[place], 1.0, IV), 2)


class World(Stage):
    """A stage with chains and a ledger; after `restart` the desk that was put away goes on beside the new one."""

    def __init__(
        self, days: tuple[Hours, ...], mode: Mode, minutes: bool, patience: int, equity_usd: int, **rules: Any
    ) -> None:
        cadences = dict.fromkeys(("bar", "quote", "chain"), 60.0 if minutes else 0.0)
        engine = FREE.model_copy(update={"stale_exit_after_seconds": float(patience)})
        self.hours, self.days, self.whole = days[0], days, True
        self.twin: Desk | None = None
        super().__init__(
            engine=engine, mode=mode, cadences=cadences, equity_usd=equity_usd, day=days[0].day, **(USUAL | rules)
        )
        times = (200 * MILLISECOND_NS, max(patience, 90 if minutes else 0) * SECOND_NS, minutes)
        self.ledger = Ledger(self.config, equity_usd * 1_000_000, self.hours, *times)
        self.step_ns, self.patient = times[1] * 2 // 3, patience > 1000
        self.tables: dict[str, Contracts] = {}
        self.newest: dict[str, Chain] = {}
        self.states: dict[str, tuple[float, str]] = {}
        self.stated: dict[str, Quote] = {}
        self.heard: dict[str, int] = {}
        self.dead: set[str] = set()
        for underlying in CHAINS:
            self.relist(underlying, False)

    @property
    def next_ns(self) -> int:
        """The first free moment."""
        return self.book.now_ns + 1

    def _on(self, item: Any) -> list[Record]:
        """An item for the desk, its twin and the ledger."""
        quotes = self.stated if isinstance(item, Chain) else {item.symbol: item} if isinstance(item, Quote) else {}
        self.whole = False
        records = super()._on(item)
        if self.twin is not None:
            assert self.twin.on(item) == records, "a restored desk goes on otherwise"
        self.ledger.take(records, self.book, quotes, item.bar if isinstance(item, Moment) else None)
        self.ledger.told(item)
        if quotes:
            self.heard[item.underlying if isinstance(item, Chain) else ""] = item.event_ns
        for stream, newest_ns in self.heard.items():
            self.ledger.silent(stream, newest_ns)
        self.ledger.check(self.book)
        self.whole = True
        return records

    def restart(self) -> None:
        """Puts the state away and goes on with what is read of it, the old desk beside."""
        stored, self.twin = DETERMINISTIC.encode(self.book), self.desk
        self.book = msgspec.msgpack.decode(stored, type=BookState)
        assert DETERMINISTIC.encode(self.book) == stored
        self.desk = Desk(self.book, self.config, self.engine)

    def relist(self, underlying: str, backwards: bool) -> None:
        """A new table of an underlying's contracts, those of today and of the next session."""
        today = self.days.index(self.hours)
        expiries = [day.day for day in self.days[today : today + 2]]
        strikes = [SPOTS[underlying] + step for step in (-2.0, -1.0, 0.0, 1.0, 2.0)]
        made = table(underlying, expiries, strikes[:: -1 if backwards else 1])
        self.tables[underlying] = replace(made, at_ns=self.next_ns, event_ns=self.next_ns)
        self.newest.pop(underlying, None)
        self._on(self.tables[underlying])

    def chain(self, underlying: str, at_ns: int) -> None:
        """States a chain as its contracts are told to stand."""
        listed, rows = self.tables[underlying], list[tuple[float, float, float]]()
        for row, symbol in enumerate(listed.symbols):
            place = 0 if listed.expiries[row] == self.hours.day else 1
            middle = worth(listed.rights[row], listed.strikes[row], underlying, place)
            rows.append(self._sides(middle, "no bid" if symbol in self.dead else None, symbol))
        columns = np.array(rows).T
        counts = {name: packed_counts(columns[2]) for name in ("bid_size", "ask_size")}
        depth = {name: packed_counts(np.full(len(rows), 20_000.0)) for name in ("volume", "open_interest")}
        bid, ask = (packed_prices(columns[side]) for side in (0, 1))
        self.newest[underlying] = Chain(self.seq, at_ns, at_ns, underlying, bid, ask, **counts, **depth)
        sides = zip(listed.symbols, rows, strict=True)
        self.stated = {name: Quote(self.seq, at_ns, at_ns, name, *row, row[2]) for name, row in sides}
        self._on(self.newest[underlying])

    def _sides(self, middle: float, forced: str | None, symbol: str) -> tuple[float, float, float]:
        """Bid, ask and size of a symbol whose plain middle this is."""
        factor, shape = self.states.get(symbol, PLAIN)
        under, over, size = SHAPES[forced or shape]
        bid, ask = (round(middle * factor + side, 2) for side in (under, over))
        return (bid if bid > 0.0 else nan, ask, size)

    def fund(self, symbol: str, at_ns: int) -> None:
        """States a fund as it is told to stand."""
        bid, ask, size = self._sides(50.0, None, symbol)
        self.quote(at_ns, bid, ask, symbol, bid_size=size, ask_size=size)

    def speak(self, tickers: Iterable[str], at_ns: int) -> None:
        """States the chains and funds of these tickers, one nanosecond after another."""
        names = sorted(set(tickers))
        for number, ticker in enumerate(names):
            if ticker in CHAINS:
                self.chain(ticker, max(self.next_ns, at_ns + number))
        for symbol in sorted({symbol for name in names for symbol in FUNDS[name].split()}):
            self.fund(symbol, self.next_ns if self.next_ns > at_ns else at_ns + len(names))

    @property
    def tickers(self) -> set[str]:
        """Those with a scalp, held or pending."""
        return {trade.ticker for trade in self.ledger.active}

    def go(self, until_ns: int, living: bool) -> None:
        """Time passes up to an instant; where quotes live, what is held is quoted all the way."""
        while living and self.tickers and self.next_ns + self.step_ns < until_ns:
            self.speak(self.tickers, self.book.now_ns + self.step_ns)
        if living:
            self.speak(self.tickers, max(self.next_ns, until_ns - MILLISECOND_NS))
        self.reach(max(self.next_ns, until_ns))

    def bars(self, flip: int = 0, cloud: str = "none") -> None:
        """A bar of one dollar of all that is held for closes with the minute that comes next, if the market is open.

        It tests the fast cloud and closes beyond it for the scalp, lies far beyond it, or there is no cloud.
        """
        close_ns = (self.book.now_ns // MINUTE_NS + 1) * MINUTE_NS
        sides = {trade.ticker: trade.direction for trade in self.ledger.active} or {"QQQ": 1}
        for ticker, direction in sorted(sides.items()) if self.hours.open_at(close_ns - MINUTE_NS) else ():
            low, half, high = (SPOTS[ticker] + part for part in (0.0, 0.5, 1.0))
            ends = {"open": low, "close": high} if direction > 0 else {"open": high, "close": low}
            beyond = low - 1.0 if direction > 0 else high + 1.0
            clouds = {"far": (beyond, beyond), "bounce": (min(beyond, half), max(beyond, half))}
            shape = {"ticker": ticker, "low": low, "high": high, "event_ns": close_ns, **ends}
            self.bar(max(self.next_ns, close_ns), flip, clouds.get(cloud), **shape)

    def attempt(self, ticker: str, direction: int, conviction: float) -> None:
        """A signal on what was stated last."""
        at_ns = self.next_ns
        chains = {}
        if ticker in self.newest:
            chain = self.newest[ticker]
            chains = {ticker: ChainView(self.tables[ticker], chain, at_ns - chain.event_ns, SPOTS[ticker])}
        market: dict[str, Any] = {"quotes_age_ns": at_ns - self.quotes_ns, "quotes_max_age_ns": self.age_limit_ns}
        market |= {"chains": chains, "chains_max_age_ns": self.book.chain_stream.max_age_ns, "bias": direction}
        born = setup(at_ns, ticker, seq=self.seq, direction=direction, conviction=conviction, bar_close_ns=at_ns)
        self.decide(replace(born, view=view(self.quotes, **market)))

    def next_day(self) -> None:
        """The day after, half a minute before its open."""
        self.hours = self.days[self.days.index(self.hours) + 1]
        self.ledger.begin(self.hours)
        self.reach(self.hours.ns("09:29:30"))
        for underlying in CHAINS:
            self.relist(underlying, True)

    def _turns(self) -> list[int]:
        """The turns of the day that are still to come, those before a cut-off with time to enter before it."""
        hours = self.hours
        clocks = [hours.zero, hours.one, hours.window, hours.event, hours.leave, hours.close]
        ends = [hours.ns(clock) for clock in clocks if clock]
        before = [end - SECOND_NS for end in ends]
        return sorted(turn for turn in [*ends, *before] if turn > self.next_ns)

    def leap(self, skip: int, living: bool) -> None:
        """To one of the next turns of the day, or over its close to the open of the next day."""
        turns, last = self._turns(), self.hours is not self.days[0]
        if last:
            turns = [turn for turn in turns if turn < self.hours.ns(self.hours.leave)]
        if turns:
            turn = turns[min(skip, len(turns) - 1)]
            self.go(max(self.next_ns, turn - MINUTE_NS), living and self.patient)
            self.go(turn, living)
        elif not last:
            self.close(living)
            self.next_day()
            self.go(self.hours.ns("09:30:05"), living)

    def close(self, bars: bool) -> None:
        """Over the close by ten minutes, with a last bar of what is held or without."""
        close_ns = self.hours.ns(self.hours.close)
        if self.next_ns < close_ns:
            self.go(max(self.next_ns, close_ns - SECOND_NS), living=False)
            if bars:
                self.bars()
        self.go(max(self.next_ns, close_ns + 10 * MINUTE_NS), living=False)

    def end(self) -> None:
        """Good quotes to the session's end, over its close, and what must hold then."""
        if self.next_ns >= self.hours.ns(self.hours.leave) - SECOND_NS:
            self.close(bars=True)
            self.next_day()
        hours = self.hours
        self.states.clear()
        self.go(hours.ns(hours.leave) - SECOND_NS, self.patient)
        for second in range(0, 295, 15):
            self.speak(self.tickers, hours.ns(hours.leave) + second * SECOND_NS)
        self.close(bars=True)
        for trade in self.ledger.trades.values():
            assert trade.live("buy") == trade.live("sell") == [], "an order that never ends"
            live = trade.expiry is not None and trade.expiry > hours.day
            # Nobody bids for it, or it expired on a day that told no price of its underlying: a person settles that.
            waits = trade.symbol in self.dead and (live or not trade.priced)
            by_hand = trade.expiry is not None and trade.expiry < hours.day and not trade.priced
            assert trade.held == 0 or waits or by_hand, "held over night"
        assert self.book.cash_micros == self.ledger.start + sum(trade.pnl for trade in self.ledger.trades.values())
