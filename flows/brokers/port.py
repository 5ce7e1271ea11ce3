"""What an engine asks of a broker: the one port that every adapter implements. All of it is asynchronous.

An adapter never sends twice what it was told once, and never says more than it knows: where nobody can say whether an
order arrived it raises Unclear, and the thread of the broker looks the order up.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple, Protocol

from operators.answers import Answer, Execution
from operators.events import Intent


class NotSent(Exception):
    """The request did not leave or was turned away: no order can have come of it. The message says why.

    `wait_seconds` is how long the broker takes nothing, 0 where it did not say.
    """

    def __init__(self, message: str, wait_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


class Unclear(Exception):
    """The request may have arrived: a timeout, a reset, an answer that is none. Only a lookup can tell."""


class Unusable(Exception):
    """The broker does not let this account trade here: wrong keys, a blocked account. The message says what to do."""


class Capabilities(NamedTuple):
    """What may be ordered: option contracts on shares and on indexes, fractions of shares, orders at the market.

    `id_characters` is the longest client order id, `burst` how many requests may come at once, `per_second` how many
    in the long run.
    """

    options: bool
    index_options: bool
    fractional: bool
    market_orders: bool
    id_characters: int
    burst: int
    per_second: float


class Account(NamedTuple):
    """The account as the broker sees it; money in micro-dollars. `options_level` 2 may buy options."""

    account_id: str
    equity_micros: int
    cash_micros: int
    power_micros: int
    options_level: int


class Held(NamedTuple):
    """A position in whole shares or contracts, negative where short; the average price of a share in micro-dollars.

    `symbol` is the tape's: a ticker, or a compact OCC name.
    """

    symbol: str
    quantity: int
    average_micros: int


class Placed(NamedTuple):
    """An order at the broker that may still fill, ours or a stranger's; its state as of the broker's answer."""

    answer: Answer
    symbol: str
    side: str
    quantity: int


class Connection(NamedTuple):
    """The stream of what happens to orders came up or broke off: what happened meanwhile it will not tell."""

    up: bool
    reason: str = ""


Heard = Answer | Execution | Connection


class Broker(Protocol):
    """One account at one broker. Calls raise NotSent, Unclear or Unusable; none waits longer than its own timeout.

    `on_request` is to be called, in the loop of the calls, for each request that leaves: one call may take several.
    Answers and executions are events without place and time on the tape (`seq` and `at_ns` 0); `event_ns` is the
    broker's time.
    """

    name: str
    address: str
    capabilities: Capabilities
    on_request: Callable[[], None]

    async def connect(self) -> Account:
        """Signs in, starts the stream of events, and gives the account."""

    async def close(self) -> None:
        """Ends all connections."""

    async def account(self) -> Account:
        """The account now."""

    async def positions(self) -> Sequence[Held]:
        """All that the account holds. A failed call is never an empty answer."""

    async def open_orders(self) -> Sequence[Placed]:
        """All orders that may still fill, ours and others', however many pages they take."""

    async def lookup(self, client_order_id: str) -> Answer | None:
        """What became of an order of ours; None if the broker knows none of that name.

        One that is filled whole is `working` with all of it in `filled`: executions make it filled.
        """

    async def executions(self, since_ns: int) -> Sequence[Execution]:
        """All executions of the account from an instant (UTC nanoseconds) on, oldest first."""

    async def submit(self, intent: Intent) -> Answer:
        """Sends a day order once; `working`, or `rejected` with the broker's reason.

        A name that the broker has already is looked up and its state given: then it was sent before.
        """

    async def cancel(self, client_order_id: str) -> Answer:
        """Asks for a cancel; gives the order's state after that, which may be `working` still."""

    def events(self) -> AsyncIterator[Heard]:
        """What happens to orders, as it comes: not in order, perhaps twice, perhaps not at all."""
