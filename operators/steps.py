"""How the rules become steps of the line: the only module of `operators` that knows Bytewax.

Every item travels as `(LINE, item)`: one key, so that the line keeps its order in batches of any size.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

import bytewax.operators as op
from bytewax.dataflow import Stream
from bytewax.operators import StatefulBatchLogic

from operators import checkpoints, signals
from operators.book import BookState
from operators.checkpoints import Barrier, Barriers
from operators.config import EngineSettings, ScalpConfig
from operators.desk import Desk
from operators.events import AnyEvent, Chain, Checkpoint, RunStarted
from operators.intents import Item, Ticket
from operators.looking import Looking
from operators.market import Market, MarketState
from operators.moments import Setup
from operators.records import Record

LINE = "line"
SHAPE = checkpoints.shape(MarketState, BookState)
"""The shape of the states of this program: a checkpoint of another one is not restored."""
Keyed = tuple[str, Item | Barrier]
Outcome = Record | Checkpoint
In = TypeVar("In")
Out = TypeVar("Out")


class Machine(StatefulBatchLogic[In, Out, None], Generic[In, Out]):
    """A state object as a Bytewax step. Recovery is by replay of the tape, so there is never a snapshot."""

    def __init__(self, take: Callable[[In], list[Out]]) -> None:
        self.take = take

    def on_batch(self, values: list[In]) -> tuple[list[Out], bool]:
        """Answers each value in order and stays alive."""
        take = self.take
        return [out for value in values for out in take(value)], StatefulBatchLogic.RETAIN

    def snapshot(self) -> None:
        """Nothing: Bytewax asks at every epoch's end, with or without a recovery store."""


class Desks:
    """The desks of a run, one a book; a book's desk begins with the RunStarted that names it.

    With `looking` the views of each book follow its records, once in a while; `books` are desks that were restored.
    """

    def __init__(
        self,
        config: ScalpConfig,
        settings: EngineSettings,
        looking: Looking | None = None,
        books: dict[str, Desk] | None = None,
    ) -> None:
        self.config, self.settings, self.looking = config, settings, looking
        self.books = {} if books is None else books

    def on(self, item: Item | Barrier) -> list[Outcome]:
        """The records that all books make of an item; a barrier becomes a checkpoint."""
        if isinstance(item, Barrier):
            books = {book_id: checkpoints.encode_state(desk.book) for book_id, desk in self.books.items()}
            return [checkpoints.checkpoint(item, books, SHAPE)]
        if type(item) is RunStarted and item.book_id not in self.books:
            self.books[item.book_id] = Desk.started(item, self.config, self.settings)
        records: list[Outcome] = [record for desk in self.books.values() for record in desk.on(item)]
        if self.looking is not None:
            if type(item) is Chain:
                self.looking.heard(item)
            records += [view for desk in self.books.values() for view in self.looking.due(desk.book)]
        return records


def machine(step_id: str, line: Stream[tuple[str, In]], take: Callable[[In], list[Out]]) -> Stream[tuple[str, Out]]:
    """A step that keeps a state. Raises RuntimeError if Bytewax builds it twice: two states would both be wrong."""
    built = False

    def build(_: None) -> Machine[In, Out]:
        nonlocal built
        if built:
            raise RuntimeError(f"step {step_id} was built twice: run one worker, and build a new flow for each run")
        built = True
        return Machine(take)

    return op.stateful_batch(step_id, line, build)


def observe(step_id: str, line: Stream[tuple[str, AnyEvent]], market: Market) -> Stream[Keyed]:
    """Events become moments and setups; barriers are set."""
    return machine(step_id, line, Barriers(market).on)


def open_tickets(step_id: str, line: Stream[Keyed]) -> Stream[Keyed]:
    """Setups become tickets; everything else passes."""

    def batch(items: list[Keyed]) -> list[Keyed]:
        return [(LINE, signals.ticket(item)) if type(item) is Setup else (LINE, item) for _, item in items]

    return op.flat_map_batch(step_id, line, batch)


def decide(step_id: str, line: Stream[Keyed], rule: Callable[[Ticket], Ticket]) -> Stream[Keyed]:
    """A rule adds its verdicts to every ticket; everything else passes."""

    def batch(items: list[Keyed]) -> list[Keyed]:
        return [(LINE, rule(item)) if type(item) is Ticket else (LINE, item) for _, item in items]

    return op.flat_map_batch(step_id, line, batch)


def act(step_id: str, line: Stream[Keyed], desks: Desks) -> Stream[tuple[str, Outcome]]:
    """Tickets, bars, quotes and commands become records, barriers checkpoints."""
    return machine(step_id, line, desks.on)
