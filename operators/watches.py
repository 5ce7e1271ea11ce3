"""The contracts that a book has an interest in: their quotes in a snapshot, their rows in a new table."""

from operators import contracts
from operators.book import BookState, Watch
from operators.events import Chain, Contracts, Quote


def quotes(book: BookState, chain: Chain) -> list[Quote]:
    """The quotes of a snapshot that the book wants, by symbol; a contract that the table does not list has none."""
    found = [(symbol, watch) for symbol, watch in sorted(book.watches.items()) if watch.row >= 0]
    wanted = [(symbol, watch.row) for symbol, watch in found if watch.underlying == chain.underlying]
    return [contracts.quote_of(chain, row, symbol) for symbol, row in wanted]


def relisted(book: BookState, table: Contracts) -> list[str]:
    """Finds the contracts in a new table; gives those that it does not list, of which nothing is quoted any more."""
    rows = {symbol: row for row, symbol in enumerate(table.symbols)}
    for symbol, watch in book.watches.items():
        if watch.underlying == table.underlying:
            book.watches[symbol] = Watch(watch.underlying, rows.get(symbol, -1))
    gone = sorted(symbol for symbol, watch in book.watches.items() if watch.row < 0)
    for symbol in gone:
        book.quotes.pop(symbol, None)
    return gone
