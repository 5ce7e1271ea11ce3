"""The tab of what is over: ended scalps page by page, narrowed by filters, each with its story, all of them as CSV."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, Final

import msgspec
import panel as pn
import panel_material_ui as pmui
from sqlalchemy import Engine

from dashboard.download import Download
from dashboard.ended import COLUMNS, row
from dashboard.filters import Filters
from dashboard.look import GAIN, LOSS, NARROW, OWN_HEIGHT, QUIET, TAB_CSS, TEXT, moment_text
from dashboard.nodes import update
from dashboard.rows import Rows
from dashboard.store import Moment
from dashboard.work import Work
from flows.records import history
from flows.records.faults import DatabaseUnavailable
from flows.records.history import Book, Choices, Cursor, Filter, Page

NOTHING: Final = Page((), None, None)
AWAY: Final = "The database cannot be reached; the page turns again when it is back."
TABLE_CSS: Final = f"""
:host {{ flex: 1 1 0; min-height: 300px; --live: {TEXT}; --dim: {QUIET}; --gain: {GAIN}; --loss: {LOSS}; }}
{NARROW} {{ :host {{ {OWN_HEIGHT} }} }}
"""
"""What is over stays true while the run is silent: its colours do not fade."""
PAGER_CSS: Final = ":host { padding: 6px 12px 10px; gap: 8px; flex-wrap: wrap; }"
BUTTON: Final[dict[str, Any]] = {"variant": "outlined", "size": "small", "margin": 0, "width": 96, "height": 34}


class Turned(msgspec.Struct, frozen=True):
    """A page that was read; books and choices only where they were asked for."""

    book_id: str
    page: Page
    books: Sequence[Book] = ()
    choices: Choices | None = None


class History:
    """The tab; it reads with the engine that it is lent, in threads, and only once it is looked at."""

    def __init__(self, engine: Callable[[], Engine | None], work: Work, on_open: Callable[[str, str], None]) -> None:
        self._engine, self._work, self._on_open = engine, work, on_open
        self._page, self._signals, self._asked = NOTHING, dict[str, str](), 0
        self._book_id = self._live_book_id = ""
        self._newest_fill = 0
        self._looking = False
        self.download = Download(self._lines, work, self._failed, width=118, margin=0)
        self.filters = Filters(work.guarded(self.turn))
        self.newer = self._button("Newer", lambda: self.turn(before=self._page.newer))
        self.older = self._button("Older", lambda: self.turn(after=self._page.older))
        self.reset = self._button("Reset", self.filters.reset, disabled=False)
        self.rows = Rows(
            COLUMNS,
            work.guarded(self._opened),
            label="Ended scalps",
            sizing_mode="stretch_width",
            stylesheets=[TABLE_CSS],
        )
        self.view = pn.Column(sizing_mode="stretch_both", stylesheets=[TAB_CSS])

    def show(self, moment: Moment) -> None:
        """Follows the run: its book, and on the first page what has ended meanwhile."""
        snapshot = moment.snapshot
        if snapshot is None:
            return
        followed = self._book_id == self._live_book_id
        fill = snapshot.executions[-1].tape_seq if snapshot.executions else 0
        changed = (snapshot.run.book_id, fill) != (self._live_book_id, self._newest_fill)
        self._live_book_id, self._newest_fill = snapshot.run.book_id, fill
        if followed:
            self._book_id = self._live_book_id
        if changed and followed and self._looking and self._page.newer is None:
            self.turn()

    def look(self, looking: bool) -> None:
        """Begins to read when a person looks at the tab."""
        begins, self._looking = looking and not self._looking, looking
        if not begins:
            return
        if not self.view.objects:
            # Its widgets are a third of the page's weight: who never looks at the tab never waits for them.
            pager = pn.Row(self.newer, self.older, self.reset, self.download, stylesheets=[PAGER_CSS])
            self.view.objects = [self.filters.view, pager, self.rows]
        self.turn()

    def turn(self, *, after: Cursor | None = None, before: Cursor | None = None) -> None:
        """Reads the first page, or the one next to a cursor."""
        engine = self._engine()
        if engine is None:
            update(self.rows, empty=AWAY)
            return
        self._asked += 1
        self._book_id = self.filters.book.value or self._book_id
        read = partial(_read, engine, self._book_id, self.filters.chosen, after, before)
        self._work.begin(read, partial(self._show, self._asked))

    def _show(self, asked: int, read: Future[Turned]) -> None:
        if asked != self._asked:
            return  # another page was asked for since
        try:
            turned = read.result()
        except DatabaseUnavailable:
            update(self.rows, empty=AWAY, caption="")
            return
        self._page = turned.page
        if turned.choices is not None:
            self.filters.offer(turned.books, turned.book_id, turned.choices)
        rows = [row(scalp) for scalp in turned.page.rows]
        self._signals = {shown["id"]: scalp.signal_id for shown, scalp in zip(rows, turned.page.rows, strict=True)}
        self.rows.fill(rows, caption=_caption(turned.page), empty=self._empty())
        self.newer.disabled, self.older.disabled = turned.page.newer is None, turned.page.older is None

    def _empty(self) -> str:
        if self.filters.chosen == Filter():
            return "No scalp of this book has ended yet."
        return "No scalp of this book matches the filters; Reset shows all."

    def _button(self, label: str, act: Callable[[], None], *, disabled: bool = True) -> pmui.Button:
        guarded = self._work.guarded(act)
        button = pmui.Button(label=label, disabled=disabled, **BUTTON)
        button.on_click(lambda _: guarded())
        return button

    def _opened(self, row_id: str) -> None:
        self._on_open(self._book_id, self._signals[row_id])

    def _lines(self) -> tuple[str, Iterator[str]]:
        """The name of the file and its lines."""
        engine = self._engine()
        if engine is None:
            raise DatabaseUnavailable(AWAY)
        name = f"scalps-{self._book_id.replace(':', '-')[:27]}.csv"
        return name, history.csv_lines(engine, self._book_id, self.filters.chosen)

    def _failed(self, error: DatabaseUnavailable) -> None:
        update(self.rows, caption=f"No file was made: {error}")


def _read(engine: Engine, book_id: str, chosen: Filter, after: Cursor | None, before: Cursor | None) -> Turned:
    """A page; with the first one also what there is to choose from."""
    page = history.page(engine, book_id, chosen, after=after, before=before)
    if after is not None or before is not None:
        return Turned(book_id, page)
    return Turned(book_id, page, history.books(engine), history.choices(engine, book_id))


def _caption(page: Page) -> str:
    if not page.rows:
        return ""
    first, last = page.rows[0].exit_time, page.rows[-1].exit_time
    return f"{len(page.rows)} scalps, left from {moment_text(first)} back to {moment_text(last)} New York"
