"""The newest quotes of leveraged funds and of underlyings with options, how old their stream is, and prices by them."""

import msgspec

from operators import catalog, prices, sessions
from operators.contracts import is_contract
from operators.events import Quote
from operators.ticker import TickerState

FUND_SYMBOLS = frozenset(fund.ticker for fund in catalog.LEVERAGED_ETF_CATALOG)


class Quoted(msgspec.Struct):
    """`newest_ns` is when the stream of shares and funds spoke last, older than `max_age_ns` it is too old to enter."""

    quotes: dict[str, Quote] = {}
    newest_ns: int = 0
    max_age_ns: int = 0

    def take(self, quote: Quote, *, has_options: bool) -> None:
        """Keeps a quote of a fund, or of a ticker that has options; any but a contract's says that the stream lives."""
        if has_options or quote.symbol in FUND_SYMBOLS:
            self.quotes[quote.symbol] = quote
        if not is_contract(quote.symbol):  # options come by a stream of their own
            self.newest_ns = max(self.newest_ns, min(quote.event_ns, quote.at_ns))

    def spot(self, ticker: str, state: TickerState | None, at_ns: int) -> float | None:
        """Middle of the ticker's fresh quote, else the close of its newest bar in this session; None before both."""
        quote = self.quotes.get(ticker)
        if quote is not None and prices.usable(quote) and at_ns - quote.event_ns <= self.max_age_ns:
            return (quote.bid + quote.ask) / 2.0
        if state is None or state.previous is None:
            return None
        return state.previous.close if state.day == sessions.new_york(at_ns).date().isoformat() else None
