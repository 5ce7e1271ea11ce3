"""The paper exchange: fills orders of a book against recorded or live quotes, pessimistic and deterministic.

A buy fills at the ask and a sell at the bid of a fresh quote, never better, and only up to the size shown: what our
fills took is gone until that symbol's next quote. A locked, crossed, stale or absent quote fills nothing.
"""

from math import isfinite

from operators import prices
from operators.book import BookState
from operators.config import EngineSettings
from operators.events import Quote
from operators.orders import Fill, LegName, Order

AT_EXCHANGE = ("working", "partial")


def unit_fee_micros(leg: LegName, settings: EngineSettings) -> int:
    """What the exchange takes for one contract or share, each side, in micro-dollars. Source: product rule "Paper"."""
    return prices.micros_of(settings.paper_fee_per_contract_usd) if leg == "option" else 0


def on_quote(book: BookState, quote: Quote) -> list[tuple[Order, Fill]]:
    """The fills that a new quote gives the orders that rest at the exchange, oldest order first."""
    book.ask_taken.pop(quote.symbol, None)
    book.bid_taken.pop(quote.symbol, None)
    resting = [order for order in book.orders_of(quote.symbol) if order.state in AT_EXCHANGE]
    return [(order, fill) for order in resting if (fill := match(book, order, quote)) is not None]


def match(book: BookState, order: Order, quote: Quote | None) -> Fill | None:
    """The execution of a resting or arriving order against a quote, None if there is none.

    A quote without an ask can fill a sell. The execution id is a function of order and fill number.
    """
    if quote is None:
        return None
    taken = book.ask_taken if order.side == "buy" else book.bid_taken
    found = executable(order, quote, book.fresh(order.symbol), taken.get(order.symbol, 0))
    if found is None:
        return None
    quantity, price_micros = found
    taken[order.symbol] = taken.get(order.symbol, 0) + quantity
    execution_id = f"{order.order_id}-{order.fills + 1}"
    fee = quantity * order.unit_fee_micros
    return Fill(execution_id, order.order_id, quantity, price_micros, fee, book.now_ns)


def executable(order: Order, quote: Quote, fresh: bool, taken: int) -> tuple[int, int] | None:
    """How much of an order at an exchange a quote fills, and at how many micro-dollars a unit; None for nothing.

    `fresh` says whether the quote's stream is young enough, `taken` what fills have taken of the side that the order
    needs since the quote came.
    """
    if not fresh or quote.bid >= quote.ask:
        return None
    price, size = (quote.ask, quote.ask_size) if order.side == "buy" else (quote.bid, quote.bid_size)
    if not (prices.known(price) and isfinite(size)) or not _reaches(order, prices.micros(price)):
        return None
    quantity = min(order.remaining, int(size) - taken)
    return None if quantity < 1 else (quantity, prices.micros(price))


def _reaches(order: Order, price_micros: int) -> bool:
    """Whether the opposite price is within the order's limit, or within the collar of one at the market."""
    if order.limit_micros is None:
        return order.collar_micros is None or price_micros <= order.collar_micros
    return price_micros <= order.limit_micros if order.side == "buy" else price_micros >= order.limit_micros
