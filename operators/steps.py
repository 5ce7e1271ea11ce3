"""How the rules become steps of the line: the only module of `operators` that knows Bytewax.

Every item travels as `(LINE, item)`: one key, so that the line keeps its order in batches of any size.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

import bytewax.operators as op
from bytewax.dataflow import Stream
from bytewax.operators import StatefulBatchLogic

from operators import carrying, checkpoints, signals
from operators.audit import settings_audit
from operators.book import BookState
from operators.changes import InForce
from operators.checkpoints import Barrier, Barriers
from operators.config import EngineSettings, ScalpConfig
from operators.desk import Desk
from operators.events import AnyEvent, Chain, Checkpoint, RunStarted
from operators.intents import Item, Ticket
from operators.looking import Looking
from operators.market import Market, MarketState
from operators.moments import Setup
from operators.orders import Cancel
from operators.records import Record

LINE = "line"
SHAPE = checkpoints.shape(MarketState, BookState)
"""The shape of the states of this program: a checkpoint of another one is not restored."""
Keyed = tuple[str, Item | Barrier]
Outcome = Record | Cancel | Checkpoint
Rule = Callable[[ScalpConfig, EngineSettings], Callable[[Ticket], Ticket]]
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

    With `looking` the views of each book follow its records, once in a while; `books` are desks that were restored,
    made under the settings of `run`.
    """

    def __init__(
        self,
        config: ScalpConfig,
        settings: EngineSettings,
        looking: Looking | None = None,
        books: dict[str, Desk] | None = None,
        run: RunStarted | None = None,
    ) -> None:
        self.in_force, self.looking = InForce(config, settings, run), looking
        self.books = {} if books is None else books

    def on(self, item: Item | Barrier) -> list[Outcome]:
        """The records that all books make of an item; a barrier becomes a checkpoint."""
        if isinstance(item, Barrier):
            books = {book_id: checkpoints.encode_state(desk.book) for book_id, desk in self.books.items()}
            return [checkpoints.checkpoint(item, books, SHAPE)]
        change = self._begin(item) if type(item) is RunStarted else []
        records: list[Outcome] = [record for desk in self.books.values() for record in desk.on(item)]
        records += change
        if self.looking is not None:
            if type(item) is Chain:
                self.looking.heard(item)
            records += [view for desk in self.books.values() for view in self.looking.due(desk.book)]
        return records

    def held(self) -> frozenset[str]:
        """The symbols that all books hold or are entering; for any thread."""
        books = [desk.book for desk in list(self.books.values())]
        return frozenset(scalp.symbol for book in books for scalp in list(book.scalps.values()))

    def _begin(self, event: RunStarted) -> list[Record]:
        """Takes up a run: begins its book, or goes on with it under changed settings, which is a record."""
        before, books, in_force = self.in_force.runs.get(event.book_id), self.books, self.in_force
        changed, name = in_force.take(event), event.book_id
        settings = in_force.config, in_force.settings
        if name not in books:
            books[name] = Desk.started(event, *settings)
        elif before is not None and changed:
            books[name] = Desk(carrying.carried(books[name].book, changed, before, event, settings), *settings)
            return [settings_audit(changed, event)]
        return []


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


class Deciding:
    """A rule that is made of the settings in force where it stands."""

    def __init__(self, make: Rule, in_force: InForce) -> None:
        self._make, self._in_force = make, in_force
        self._rule = make(in_force.config, in_force.settings)

    def on(self, item: Item | Barrier) -> Item | Barrier:
        """A ticket with the rule's verdicts; anything else as it came."""
        if type(item) is Ticket:
            return self._rule(item)
        if type(item) is RunStarted and self._in_force.take(item):
            self._rule = self._make(self._in_force.config, self._in_force.settings)
        return item


def decide(step_id: str, line: Stream[Keyed], make: Rule, in_force: InForce) -> Stream[Keyed]:
    """A rule adds its verdicts to every ticket; everything else passes. `make` gives the rule of any settings."""
    on = Deciding(make, in_force.copy()).on

    def batch(items: list[Keyed]) -> list[Keyed]:
        return [(LINE, on(item)) for _, item in items]

    return op.flat_map_batch(step_id, line, batch)


def act(step_id: str, line: Stream[Keyed], desks: Desks) -> Stream[tuple[str, Outcome]]:
    """Tickets, bars, quotes and commands become records, barriers checkpoints."""
    return machine(step_id, line, desks.on)
