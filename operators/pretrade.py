"""The checks before an entry order is sent. Exits and cancels are never asked.

Source: product rule "Pre-trade checks".
"""

from operators import prices
from operators.book import BookState, Entry
from operators.codes import Refusal
from operators.events import SECOND_NS, Quote
from operators.intents import Verdict
from operators.orders import Order

COLLAR_USD, COLLAR_FRACTION = 0.05, 0.05
RATE_ORDERS, RATE_NS = 10, 10 * SECOND_NS
IDENTICAL_NS = 2 * SECOND_NS


def pretrade(book: BookState, symbol: str, quantity: int, limit_micros: int | None) -> list[Verdict]:
    """What is asked of every entry order last: price collar, orders in 10 s, an identical order within 2 s."""
    recent = [entry for entry in book.entries if book.now_ns - entry.sent_ns < RATE_NS]
    verdicts = [Verdict(Refusal.RATE, len(recent) < RATE_ORDERS, float(len(recent)), RATE_ORDERS, "orders in 10 s")]
    just_now = [entry for entry in recent if book.now_ns - entry.sent_ns < IDENTICAL_NS]
    if any(
        (entry.symbol, entry.quantity, entry.limit_micros) == (symbol, quantity, limit_micros) for entry in just_now
    ):
        verdicts.append(Verdict(Refusal.DUPLICATE, False, reason=f"the same order of {symbol} was sent within 2 s"))
    if limit_micros is not None:
        verdicts.append(_collar(book, symbol, limit_micros))
    return verdicts


def _collar(book: BookState, symbol: str, limit_micros: int) -> Verdict:
    """The limit against ask + max($0.05, 5 %)."""
    highest = highest_price(book.quotes.get(symbol))
    limit = limit_micros / prices.DOLLAR
    return Verdict(Refusal.COLLAR, limit <= highest, limit, highest, "USD")


def highest_price(quote: Quote | None) -> float:
    """What an entry may pay at most in dollars: ask + max($0.05, 5 %), of a usable quote."""
    ask = quote.ask if quote is not None and prices.usable(quote) else 0.0
    return ask + max(COLLAR_USD, COLLAR_FRACTION * ask)


def remember(book: BookState, order: Order) -> None:
    """Counts an entry order for the pre-trade checks of the next ten seconds."""
    recent = [entry for entry in book.entries if book.now_ns - entry.sent_ns < RATE_NS]
    book.entries = [*recent, Entry(order.sent_ns, order.symbol, order.quantity, order.limit_micros)]
