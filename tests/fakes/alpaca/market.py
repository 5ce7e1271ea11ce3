"""What the tape has told so far: the newest quotes and chains, all bars, the contracts."""

from collections import defaultdict
from collections.abc import Iterator
from math import isfinite
from typing import NamedTuple

from operators import contracts, sessions
from operators.contracts import Named, parse_occ
from operators.events import MINUTE_NS, AnyEvent, Bar, Chain, Contracts, Quote
from operators.prices import known

SHARE_MULTIPLIER = 1


class Place(NamedTuple):
    """Where a contract stands: its underlying, and its row in the newest table that lists it."""

    underlying: str
    row: int


class Daily:
    """The day of one contract by its mids: dollars a share."""

    def __init__(self, day: str, price: float) -> None:
        self.day, self.open, self.high, self.low, self.close = day, price, price, price, price

    def see(self, price: float) -> None:
        self.high, self.low, self.close = max(self.high, price), min(self.low, price), price


class Minutes:
    """What was traded of an underlying's options: the last snapshot of each minute that had one, by its begin."""

    def __init__(self) -> None:
        self.snapshots: dict[int, tuple[Contracts, Chain]] = {}

    def see(self, table: Contracts, chain: Chain) -> None:
        self.snapshots[chain.event_ns // MINUTE_NS * MINUTE_NS] = table, chain

    def traded(self, symbol: str) -> Iterator[tuple[int, float, float]]:
        """Begin of each minute with a trade, the middle at its end, and contracts traded in it."""
        day, before = "", 0.0
        for began_ns, (table, chain) in self.snapshots.items():
            if symbol not in table.symbols:
                continue
            row, today = table.symbols.index(symbol), sessions.new_york(began_ns).date().isoformat()
            quote = contracts.quote_of(chain, row, symbol)
            volume = float(contracts.counts_of(chain.volume, len(table.symbols))[row])
            day, before = today, before if today == day else 0.0
            middle = round((quote.bid + quote.ask) / 2, 4)
            if isfinite(middle) and volume > before:
                yield began_ns, middle, volume - before
                before = volume


class Market:
    """Market data by symbol, as far as the tape was played."""

    def __init__(self) -> None:
        self.quotes: dict[str, Quote] = {}
        self.bars: dict[str, list[Bar]] = defaultdict(list)
        self.tables: dict[str, Contracts] = {}
        self.chains: dict[str, Chain] = {}
        self.places: dict[str, Place] = {}
        self.days: dict[str, Daily] = {}
        self.minutes: dict[str, Minutes] = defaultdict(Minutes)

    def take(self, event: AnyEvent) -> None:
        """Remembers an event of the tape; one that is no market data changes nothing."""
        match event:
            case Quote():
                self.quotes[event.symbol] = event
            case Bar():
                self.bars[event.ticker].append(event)
            case Contracts():
                self.tables[event.underlying] = event
                self.chains.pop(event.underlying, None)
                self.places |= {symbol: Place(event.underlying, row) for row, symbol in enumerate(event.symbols)}
            case Chain() if event.underlying in self.tables and contracts.fits(event, self.tables[event.underlying]):
                self.chains[event.underlying] = event
                self._see_day(event)
                self.minutes[event.underlying].see(self.tables[event.underlying], event)

    def quote(self, symbol: str) -> Quote | None:
        """The newest quote of a share, fund or contract."""
        place = self.place(symbol)
        if place is None:
            return self.quotes.get(symbol)
        chain, own = self.chains.get(place.underlying), self.quotes.get(symbol)
        if chain is None or (own is not None and own.at_ns > chain.at_ns):
            return own
        return contracts.quote_of(chain, place.row, symbol)

    def quotes_of(self, event: Quote | Chain, symbols: set[str]) -> list[Quote]:
        """The quotes that an event brings of these symbols, in their order."""
        if isinstance(event, Quote):
            return [event] if event.symbol in symbols else []
        table = self.tables.get(event.underlying)
        if table is None or not contracts.fits(event, table):
            return []
        listed = sorted(symbol for symbol in symbols if self._listed(symbol, table))
        return [contracts.quote_of(event, self.places[symbol].row, symbol) for symbol in listed]

    def place(self, symbol: str) -> Place | None:
        """Where a contract stands in the newest table of its underlying; None for anything else."""
        place = self.places.get(symbol)
        return place if place is not None and self._listed(symbol, self.tables[place.underlying]) else None

    def multiplier(self, symbol: str) -> int:
        """Shares a unit: those of a contract, or one."""
        place = self.places.get(symbol)
        return SHARE_MULTIPLIER if place is None else self.tables[place.underlying].multiplier

    def spot(self, ticker: str) -> float | None:
        """The last price of a share in dollars: the close of its newest bar, or the middle of a newer quote."""
        quote, bars = self.quotes.get(ticker), self.bars.get(ticker)
        newer = quote is not None and not (bars and bars[-1].at_ns > quote.at_ns)
        if newer and quote is not None and known(quote.bid) and known(quote.ask):
            return (quote.bid + quote.ask) / 2
        return bars[-1].close if bars else None

    def tickers(self) -> set[str]:
        """All shares and funds of which anything was told."""
        return {*self.quotes, *self.bars, *self.tables} - set(self.places)

    def contracts(self, underlying: str) -> Iterator[tuple[int, str, Named]]:
        """Row, symbol and meaning of each contract of an underlying."""
        table = self.tables.get(underlying)
        for row, symbol in enumerate(() if table is None else table.symbols):
            named = parse_occ(symbol)
            if named is not None:
                yield row, symbol, named

    def count(self, symbol: str, column: str) -> float | None:
        """A number of the newest chain, `volume` or `open_interest`; None where it is missing."""
        place = self.place(symbol)
        chain = None if place is None else self.chains.get(place.underlying)
        if place is None or chain is None:
            return None
        values = contracts.counts_of(getattr(chain, column), len(self.tables[place.underlying].symbols))
        value = float(values[place.row])
        return value if isfinite(value) else None

    def _listed(self, symbol: str, table: Contracts) -> bool:
        place = self.places.get(symbol)
        if place is None or place.underlying != table.underlying or place.row >= len(table.symbols):
            return False
        return table.symbols[place.row] == symbol

    def _see_day(self, chain: Chain) -> None:
        table, day = self.tables[chain.underlying], sessions.new_york(chain.at_ns).date().isoformat()
        bids, asks = (contracts.prices_of(column, len(table.symbols)) for column in (chain.bid, chain.ask))
        for symbol, mid in zip(table.symbols, ((bids + asks) / 2).tolist(), strict=True):
            if not isfinite(mid):
                continue
            daily = self.days.get(symbol)
            if daily is None or daily.day != day:
                self.days[symbol] = Daily(day, round(mid, 4))
            else:
                daily.see(round(mid, 4))
