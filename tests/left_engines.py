"""An engine that was stopped while it held something at the fake Alpaca."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from flows.engine.process import Engine
from flows.engine.state import StateFolder
from flows.tape.segments import segment_path
from operators.book import BookState
from operators.carrying import positions
from operators.events import AnyEvent, is_history
from tests.alpaca_clients import buy, sell, trading
from tests.commands import Said, scalp
from tests.fakes.alpaca.process import Alpaca
from tests.lockstep import LockStep
from tests.tape_builders import write

ACCOUNT = "PA3FAKE00001"


def at(fake: Alpaca) -> tuple[str, str]:
    """The fake as the command line names it."""
    return "--broker", f"alpaca:{fake.urls['TradingClient']}"


class Beside(LockStep):
    """A market that the fake hears of first, and that ends once the engine holds something."""

    def __init__(self, path: Path, fake: Alpaca) -> None:
        super().__init__(path)
        self._fake = fake

    def release(self, event: AnyEvent) -> None:
        if not is_history(event):
            self._fake.until(event.at_ns)
        desk = self.engine.desks.books.get(self.engine.started.book_id)
        if desk is not None and positions(desk.book):
            self.engine.stopping.set()


class Left:
    """An engine that was stopped while it held something, and the fake that it traded at."""

    def __init__(self, fake: Alpaca, engine: Engine) -> None:
        self.fake, self.engine, self.state = fake, engine, engine.folder.path
        ((self.symbol, self.quantity),) = positions(self.book).items()

    @property
    def book(self) -> BookState:
        return self.engine.desks.books[self.engine.started.book_id].book

    @contextmanager
    def bought_by_hand(self) -> Iterator[None]:
        """One more of it, for as long as a block runs."""
        client = trading(self.fake)
        buy(client, self.symbol, 1, 99.0, uuid4().hex)
        yield
        sell(client, self.symbol, 1, 0.01, uuid4().hex)

    @contextmanager
    def ordered(self, name: str) -> Iterator[None]:
        """An order that rests, for as long as a block runs."""
        client = trading(self.fake)
        order = buy(client, self.symbol, 1, 0.01, name)
        yield
        client.cancel_order_by_id(order.id)

    def reconciled(self, *words: object) -> Said:
        return scalp("broker", "reconcile", *at(self.fake), "--state", self.state, *words)


def made(folder: Path, events: list[AnyEvent]) -> Path:
    """An engine's folder with these events on its tape."""
    state = StateFolder(folder / "state")
    state.tape.mkdir(mode=0o700)
    write(segment_path(state.tape, 1), events)
    return state.path
