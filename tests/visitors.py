"""A visitor of the page without a browser: a document whose own turns come when the test says so."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import Any

import msgspec
from bokeh.document import Document
from panel.io.state import set_curdoc
from reactivex.subject import BehaviorSubject
from sqlalchemy import Engine

from dashboard.accounts import Visitor as Looker
from dashboard.session import Session
from dashboard.store import Moment

OPERATOR, VIEWER = Looker("operator"), Looker("viewer")
PATIENCE = 20.0  # far longer than a thread takes; only a fault waits for it


class Told:
    """Stands for the store: tells the moments that a test gives it."""

    def __init__(self, engine: Engine | None = None, **moment: Any) -> None:
        self.engine = engine
        self.moments = BehaviorSubject(Moment(datetime.now(UTC), **moment))

    def tell(self, **moment: Any) -> None:
        self.moments.on_next(Moment(datetime.now(UTC), **moment))


class Visitor:
    """One page and its document."""

    def __init__(self, store: Any, who: Looker | None = OPERATOR) -> None:
        self.document, self.store, self.who = Document(), store, who
        with set_curdoc(self.document):
            self.session = Session(store, lambda: self.who)

    @property
    def waiting(self) -> int:
        """Turns that were asked for and have not come."""
        return len(self.document.session_callbacks)

    @property
    def head(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.json.decode(self.session.frame.head)
        return found

    def do(self, act: Callable[[], object]) -> None:
        """Something that the page does in a turn of its own."""
        with set_curdoc(self.document):
            act()

    def turn(self) -> None:
        """All turns that were asked for come."""
        for callback in self.document.session_callbacks:
            self.document.remove_next_tick_callback(callback)
            self.do(callback.callback)

    def tell(self) -> None:
        """The store tells the same moment again, as it does each second."""
        self.store.tell(snapshot=self.store.moments.value.snapshot)
        self.turn()

    def later(self) -> None:
        """What a thread reads comes, and the page shows it."""
        ends = monotonic() + PATIENCE
        while not self.waiting:
            assert monotonic() < ends, "no thread asked for a turn"
            sleep(0.01)
        self.turn()


@contextmanager
def visiting(store: Any) -> Iterator[Visitor]:
    """A visitor who follows the store, and leaves at the end."""
    visitor = Visitor(store)
    visitor.do(visitor.session.follow)
    yield visitor
    visitor.session.leave()


def shown(rows: Any) -> list[dict[str, Any]]:
    """The rows of a table as the browser gets them."""
    found: list[dict[str, Any]] = msgspec.json.decode(rows.rows)
    return found
