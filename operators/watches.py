"""The contracts that a book has an interest in: their quotes in a snapshot, their rows in a new table."""

from operators import contracts
from operators.book import BookState
from operators.events import Chain, Contracts, Quote


def quotes(book: BookState, chain: Chain) -> list[Quote]:
    """The quotes of a snapshot that the book wants, by symbol; a contract that the table does not list has none."""
    rows = [(symbol, book.watches[symbol].row) for symbol in book.watched.get(chain.underlying, ())]
    return [contracts.quote_of(chain, row, symbol) for symbol, row in rows if row >= 0]


def relisted(book: BookState, table: Contracts) -> list[str]:
    """Finds the contracts in a new table; gives those that it does not list, of which nothing is quoted any more."""
    rows = {symbol: row for row, symbol in enumerate(table.symbols)}
    wanted = book.watched.get(table.underlying, [])
    for symbol in wanted:
        book.watch(symbol, table.underlying, rows.get(symbol, -1))
    gone = [symbol for symbol in wanted if symbol not in rows]
    for symbol in gone:
        book.quotes.pop(symbol, None)
    return gone
