"""What ends a book's entries without a person: stops in a row, the day's loss, exits that are refused, a split.

Each word of it is in the audit.
"""

from typing import Final

from operators.audit import EngineAction, engine_audit, steered
from operators.events import Split
from operators.intents import AnyScalp, ScalpPosition
from operators.leaving import Leaving
from operators.sessions import new_york

STOPS_IN_ROW: Final = 3
"""Stops in a row in a session that end its entries. Source: product rule "Leave"."""
REFUSED_IN_ROW: Final = 2
"""Exits of one scalp that the broker refuses before a person is called: one alone may be a matter of a second."""
WARNING_SHARE: Final = 0.8
"""Share of the day's loss limit that is worth a warning. Source: product rule "Trading states"."""


class Restraint:
    """Watches one book; what it says stands until the next session opens, or a person begins entries again.

    What it says of a split stands until a person does.
    """

    def __init__(self, leaving: Leaving) -> None:
        self._leaving, self._blotter, self._book = leaving, leaving.blotter, leaving.blotter.book

    def begin_session(self) -> None:
        """Counts anew; what the engine itself restrained is free again."""
        book, before = self._book, steered(self._book)
        book.stops_in_row, book.loss_stopped, book.loss_warning = 0, False, ""
        if book.trading == "REDUCING" and book.reduced_by == "engine":
            book.activate()
            self._tell("restore", f"the session of {book.day} begins", before)

    def ended(self, *, stopped: bool) -> None:
        """A scalp has ended, by its stop or otherwise."""
        book = self._book
        book.stops_in_row = book.stops_in_row + 1 if stopped else 0
        if book.stops_in_row >= STOPS_IN_ROW:
            self._reduce(f"{STOPS_IN_ROW} stops in a row")
        self.look_at_loss()

    def look_at_loss(self) -> None:
        """Warns of the day's loss once, and ends the session's entries once; a person may begin them again."""
        book, limit = self._book, self._blotter.config.daily_loss_limit
        start = book.open_equity_micros
        loss = start - book.equity_micros()
        if not book.loss_stopped and loss >= round(limit * start):
            book.loss_stopped = True
            self._reduce(f"the day's loss is {loss / start:.4f} of its start, limit {limit}")
        elif not book.loss_stopped and not book.loss_warning and loss >= round(WARNING_SHARE * limit * start):
            at = f"{new_york(book.now_ns):%H:%M}"
            book.loss_warning = f"the day's loss reached {loss / start:.4f} of its start at {at}, limit {limit}"
            self._tell("warn", book.loss_warning, steered(book))

    def refused(self, scalp: AnyScalp, why: str) -> None:
        """The broker refused an exit: who cannot leave enters nothing, until an exit of it is taken again."""
        scalp.refusals += 1
        if scalp.refusals < REFUSED_IN_ROW:
            return
        book, before = self._book, steered(self._book)
        scalp.refusal = scalp.refusal or f"{scalp.symbol} cannot be sold, {scalp.refusals} exits were refused: {why}"
        known = scalp.refusal in book.reasons
        book.reduce(scalp.refusal, "engine")
        self._leaving.stop_all_entries("state")
        if scalp.refusals == REFUSED_IN_ROW or (not known and scalp.refusal in book.reasons):
            self._tell("alarm", scalp.refusal, before)

    def works(self, scalp: AnyScalp) -> None:
        """The broker has an exit of the scalp: entries may begin again. One that it refuses after all counts on."""
        before, refusal = steered(self._book), scalp.refusal
        scalp.refusal = ""
        if refusal and self._book.restore(refusal):
            self._tell("restore", refusal, before)

    def taken(self, scalp: AnyScalp) -> None:
        """An exit of the scalp was filled or ended unrefused, or nothing of it is held any more."""
        scalp.refusals = 0
        self.works(scalp)

    def look_at_split(self, split: Split) -> None:
        """Ends entries if anything held was bought before the split: its units and prices are others now."""
        book, before = self._book, steered(self._book)
        units = [f"{scalp.held} {scalp.symbol}" for scalp in book.scalps_in_order() if _changed(scalp, split)]
        if units:
            ratio = f"{split.new_shares:g} for {split.old_shares:g}"
            reason = f"{split.ticker} was split {ratio} on {split.ex_date} and {', '.join(units)} is held"
            book.reduce(reason, "person")
            self._leaving.stop_all_entries("state")
            self._tell("reduce", reason, before)

    def _reduce(self, reason: str) -> None:
        book, before = self._book, steered(self._book)
        news = reason not in book.reasons
        book.reduce(reason, "engine")
        self._leaving.stop_all_entries("state")
        if news and reason in book.reasons:
            self._tell("reduce", reason, before)

    def _tell(self, action: EngineAction, reason: str, before: str) -> None:
        self._blotter.out.append(engine_audit(self._book, action, reason, before))


def _changed(scalp: AnyScalp, split: Split) -> bool:
    """Whether a scalp holds what was split, or options on it, since before that day."""
    names = {scalp.symbol, scalp.underlying} if isinstance(scalp, ScalpPosition) else {scalp.symbol}
    return scalp.held > 0 and split.ticker in names and new_york(scalp.entry_ns).date() < split.ex_date
