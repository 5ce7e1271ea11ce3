"""A broker behind a running engine: its thread is told what the tape says, and sees what the desk believes.

The line never waits for it. What the desk believes is copied in the line's own thread, each time an order of it moves.
"""

import asyncio
import threading
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Final, NamedTuple

from msgspec.structs import replace

from flows.brokers.lanes import Lanes
from flows.brokers.port import Account, Broker, NotSent, Unclear, Unusable
from flows.brokers.reconciling import Standing
from flows.brokers.thread import RECONCILED, BrokerThread, Tape
from flows.tape.journal import Journal
from operators import prices
from operators.audit import AuditRecord
from operators.book import BookState
from operators.carrying import positions
from operators.events import AnyEvent, Checkpoint, Command, Echo, RunStarted
from operators.records import FillRecord, OrderRecord, ScalpRecord
from operators.steps import Desks, Outcome

LIFTING: Final = ("resume", "rearm", "restore")
"""Actions in the audit after which entries may be made: of a person, of a session's open, of a reason that is gone."""
LAST_SECONDS: Final = 2.0
"""How long a stopped engine waits for its broker's thread, which gives the other side one of them; what is under way is
looked up at the next start."""


class NoAccount(ValueError):
    """The account cannot be traded: the message says what the broker said, and what to do."""


class Identity(NamedTuple):
    """The account that a book stands for at a broker, and what it was worth when the book began, in micro-dollars."""

    account_id: str
    equity_micros: int

    @property
    def book_id(self) -> str:
        """The name of its book."""
        return f"live:{self.account_id}"


def identity(broker: Broker, named: str, before: RunStarted | None) -> Identity:
    """The account of a new book as the broker states it, or that of the tape, which goes on while no broker answers.

    `named` is the account that a person named, empty for any. Raises NoAccount.
    """
    if before is not None:
        if before.loop == "paper":
            raise NoAccount(f"this state is that of {before.book_id}, on paper: name another --state or --broker paper")
        known = Identity(before.book_id.partition(":")[2], before.equity_micros)
        if named not in ("", known.account_id):
            raise NoAccount(f"this state is that of account {known.account_id}, not {named}: name another --state")
        return known
    try:
        account = asyncio.run(broker.account())
    except (NotSent, Unclear, Unusable) as fault:
        raise NoAccount(f"{broker.name} does not say which account this is: {fault}") from fault
    check_named(broker, account, named)
    if account.equity_micros <= 0:
        raise NoAccount(
            f"account {account.account_id} has {prices.decimal(account.equity_micros)} USD: pay something in"
        )
    return Identity(account.account_id, account.equity_micros)


def check_named(broker: Broker, account: Account, named: str) -> None:
    """Raises NoAccount where a person named another account than the broker's; an empty name is any."""
    if named not in ("", account.account_id):
        raise NoAccount(f"{broker.name} says that this is account {account.account_id}, not {named}: check the keys")


class Placing:
    """The orders of one book at one broker, for an engine whose tape is `journal`. `now_ns` is the tape's time."""

    def __init__(
        self, broker: Broker, run: RunStarted, journal: Journal, desks: Desks, now_ns: Callable[[], int]
    ) -> None:
        self._journal, self._desks, self._book_id = journal, desks, run.book_id
        self._standing = Standing({}, ())
        self._halting, self._kills = threading.Lock(), 0
        account_id = run.book_id.partition(":")[2]
        tape = Tape(journal.put, partial(journal.wait_synced, at_once=True))
        capabilities = broker.capabilities
        self._thread = BrokerThread(
            broker,
            account_id,
            tape,
            lambda: self._standing,
            now_ns,
            since_ns=journal.last_ns or now_ns(),
            lanes=Lanes(capabilities.burst, capabilities.per_second),
        )

    @property
    def fault(self) -> Exception | None:
        """What broke the broker's thread."""
        return self._thread.fault

    @property
    def difference(self) -> str:
        """Why entries wait, empty while both sides agree."""
        return self._thread.difference

    def idle(self) -> bool:
        """Whether all that was read has been done at the broker."""
        return self._thread.idle()

    def begin(self, late: Collection[str]) -> None:
        """The line has caught up; the orders in `late` were decided and never sent."""
        book = self._book
        self._look()
        if book.trading == "HALTED":
            self._thread.halt()
        left = [order for order in self._standing.orders if order.order_id not in late]
        self._thread.start(left, [reason for reason in book.reasons if reason.startswith(RECONCILED)])

    def put(self, event: AnyEvent) -> None:
        """Appends to the tape; before a kill is on it no entry leaves any more."""
        if type(event) is Command and event.action == "kill":
            with self._halting:
                self._kills += 1
                self._thread.halt()
        self._journal.put(event)

    def read(self, echo: Echo) -> None:
        """An order or a cancel of this run that stands on the tape goes out."""
        if not isinstance(echo, Checkpoint):
            self._thread.send(echo)

    def wrote(self, outcomes: Sequence[Outcome]) -> None:
        """What the desk made of this run's events, in the line's thread."""
        if any(isinstance(one, OrderRecord | FillRecord | ScalpRecord) for one in outcomes):
            self._look()
        for one in outcomes:
            if type(one) is AuditRecord:
                self._steered(one)

    def _steered(self, audit: AuditRecord) -> None:
        """A rearm lets entries out again, but not while a kill that came after it is still to be read.

        Who lifts the desk's reasons lifts none that the broker's thread still has.
        """
        with self._halting:
            self._kills -= audit.action == "kill"
            if audit.action == "rearm" and audit.refused is None and self._kills == 0:
                self._thread.rearm()
        if audit.action in LIFTING and not any(reason.startswith(RECONCILED) for reason in self._book.reasons):
            self._thread.lifted()

    def close(self) -> None:
        """Ends the thread; what it hears until then goes onto the tape."""
        self._thread.close(LAST_SECONDS)

    @property
    def _book(self) -> BookState:
        return self._desks.books[self._book_id].book

    def _look(self) -> None:
        book = self._book
        live = [replace(order) for order in book.orders.values() if order.open]
        self._standing = Standing(positions(book), live)
