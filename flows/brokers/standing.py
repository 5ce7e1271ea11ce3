"""Compares an account at a broker with what the engine in a folder believes, while that engine runs or not."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from flows.brokers import comparing
from flows.brokers.comparing import Difference
from flows.brokers.port import Broker
from flows.engine.believing import believed
from flows.engine.placing import NoAccount
from operators.book import BookState
from operators.carrying import positions
from operators.sessions import utc


class Compared(NamedTuple):
    """What differs between a book as of `at_ns` and an account, and what others have there."""

    book_id: str
    at_ns: int
    account_id: str
    differences: list[Difference]
    others: list[str]

    def row(self) -> dict[str, Any]:
        """All of it as JSON."""
        return {
            "book_id": self.book_id,
            "at": utc(self.at_ns).isoformat(),
            "account_id": self.account_id,
            "agree": not self.differences,
            "differences": [one._asdict() for one in self.differences],
            "others": self.others,
        }

    def lines(self) -> Iterator[str]:
        """All of it in words."""
        found = f"{len(self.differences)} differences" if self.differences else "both sides agree"
        yield f"{self.book_id} at {utc(self.at_ns):%Y-%m-%d %H:%M:%S} UTC, account {self.account_id}: {found}"
        yield from map(str, self.differences)
        yield from (f"not the engine's: {one}" for one in self.others)


def compared(broker: Broker, state: Path) -> Compared:
    """Looks at both sides, and twice where they differ: what one look alone sees was under way.

    Raises NoAccount for a book on paper, and what `believed` and the broker raise.
    """
    first = _look(broker, state)
    if not first.differences:
        return first
    second = _look(broker, state)
    return second._replace(differences=[one for one in second.differences if one in first.differences])


def _look(broker: Broker, state: Path) -> Compared:
    book = believed(state)
    if book.loop == "paper":
        raise NoAccount(f"{state} is that of {book.book_id}, whose orders go to no broker: see `scalp status`")
    return asyncio.run(_asked(broker, book))


async def _asked(broker: Broker, book: BookState) -> Compared:
    """What the broker says now against a book."""
    here, there = book.book_id.partition(":")[2], (await broker.account()).account_id
    if here != there:
        return Compared(book.book_id, book.now_ns, there, [Difference("account", here, there)], [])
    held, placed = await broker.positions(), await broker.open_orders()
    known = {**book.ended, **book.orders}
    names = {one.answer.client_order_id for one in placed}
    missing = [name for name, order in known.items() if order.open and name not in names]
    ended = {name: await broker.lookup(name) for name in missing}
    # An order of ours that filled unseen left something there that is not in the book.
    units = {order.symbol: 0 for order in known.values() if order.open} | positions(book)
    differences = [*comparing.positions(units, held), *comparing.orders(known, placed, ended)]
    return Compared(book.book_id, book.now_ns, there, differences, comparing.strangers(units, held, placed))
