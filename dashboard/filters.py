"""What the history is narrowed to: a book, and what its scalps must be."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import panel as pn
import panel_material_ui as pmui

from dashboard.badges import MODES
from dashboard.look import day as day_text
from dashboard.positions import EXITS
from flows.records.history import Book, Choices, Filter

ALL: Final = "All"
ANY: Final = ""
"""The value of a choice that asks nothing; None would leave the field without a word."""
KINDS: Final = {ALL: ANY, "Options": "option", "Leveraged ETFs": "fund"}
RESULTS: Final = {ALL: ANY, "Won": "won", "Lost": "lost"}
GRID_CSS: Final = """
:host { display: grid; grid-template-columns: 2.2fr 1.1fr 1fr 1.2fr 1fr 1.2fr 1.2fr; gap: 10px;
  padding: 14px 12px 6px; }
@media (max-width: 700px) { :host { grid-template-columns: 1fr 1fr; } .book { grid-column: 1 / -1; } }
"""
DAY_CSS: Final = """
.MuiPickersInputBase-root { height: 35px !important; } .MuiInputLabel-root:not(.MuiInputLabel-shrink) { top: -3px; }
"""
"""A day's field is as high as the others."""
FIELD: Final[dict[str, Any]] = {"size": "small", "margin": 0, "sizing_mode": "stretch_width"}


class Filters:
    """The widgets of the filter; `changed` is called when a person, not the page, has changed one."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed, self._quiet = changed, False
        self.book = pmui.Select(label="Book", options={}, css_classes=["book"], **FIELD)
        self.kind = pmui.Select(label="Kind", options=KINDS, **FIELD)
        self.ticker = pmui.Select(label="Ticker", options={ALL: ANY}, **FIELD)
        self.reason = pmui.Select(label="Exit reason", options={ALL: ANY}, **FIELD)
        self.result = pmui.Select(label="Result", options=RESULTS, **FIELD)
        self.first = pmui.DatePicker(label="From day", clearable=True, stylesheets=[DAY_CSS], **FIELD)
        self.last = pmui.DatePicker(label="To day", clearable=True, stylesheets=[DAY_CSS], **FIELD)
        self._choices = (self.kind, self.ticker, self.reason, self.result)
        self._days = (self.first, self.last)
        for widget in (self.book, *self._choices, *self._days):
            widget.param.watch(lambda _: self._said(), "value")
        self.view = pn.Row(self.book, *self._choices, *self._days, sizing_mode="stretch_width", stylesheets=[GRID_CSS])

    @property
    def chosen(self) -> Filter:
        """What is asked for."""
        return Filter(
            kind=self.kind.value or None,
            ticker=self.ticker.value or None,
            exit_reason=self.reason.value or None,
            won={ANY: None, "won": True, "lost": False}[self.result.value],
            first_day=self.first.value,
            last_day=self.last.value,
        )

    def reset(self) -> None:
        """Asks for everything of the book."""
        with self._silence():
            for choice in self._choices:
                choice.value = ANY
            for day in self._days:
                day.value = None
        self._changed()

    def offer(self, books: Sequence[Book], book_id: str, choices: Choices) -> None:
        """Brings the choices up to what there is; what was chosen stays chosen as long as it is there."""
        names = {_name(book): book.book_id for book in books} or {book_id: book_id}
        tickers = {ALL: ANY, **{ticker: ticker for ticker in choices.tickers}}
        reasons = {ALL: ANY, **{EXITS.get(reason, reason): str(reason) for reason in choices.exit_reasons}}
        with self._silence():
            for widget, options in ((self.book, names), (self.ticker, tickers), (self.reason, reasons)):
                if widget.options != options:
                    widget.options = options
            if self.book.value != book_id:
                self.book.value = book_id

    def _said(self) -> None:
        if not self._quiet:
            self._changed()

    @contextmanager
    def _silence(self) -> Iterator[None]:
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False


def _name(book: Book) -> str:
    """A book in so many words that two of a day are told apart."""
    marks = "".join(f", {mark}" for mark in book.marks)
    return (
        f"{book.book_id[:15]} {MODES.get(book.mode, book.mode)}{marks}, {day_text(book.tape_at or book.first_recorded)}"
    )
