"""What a visitor asks of the engine that the page shows: checked here, never in the browser, and told how it went.

The page assumes nothing: what was asked is "requested" once it is a row of the database, and "done" or "refused" when
the engine's audit says so.
"""

import json
import logging
import os
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Annotated, Any, Final, Literal, Protocol

import msgspec
from sqlalchemy import Engine

from dashboard.accounts import Visitor
from dashboard.controls import MODE_NAMES
from dashboard.store import Moment
from dashboard.work import Work
from flows.records.faults import DatabaseUnavailable
from flows.records.steering import LONGEST, Answer, answer, ask, kill_by_file, taken_by_file

STATE: Final = "SCALP_STATE"
"""Environment variable that names the engine's folder: where no database answers, a kill is asked there by a file."""
STALE_SECONDS: Final = 5.0
"""A message of a page that has not heard from us for so long was meant for what it showed then."""
ANSWERED_SECONDS: Final = 8.0
SHOWN, REMEMBERED = 4, 1_000
NAMES: Final = {
    "pause": "Pause",
    "resume": "Resume",
    "flatten": "Flatten",
    "kill": "Kill",
    "rearm": "Re-arm",
    "mode": "Mode",
}
ENGINES: Final = ("paper:", "live:")
log = logging.getLogger(__name__)


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message of the browser: `pulse` is the newest of ours that it knows, `book` the run that it showed."""

    nonce: Annotated[str, msgspec.Meta(min_length=8, max_length=64)]
    pulse: int
    book: str
    action: Literal["pause", "resume", "flatten", "kill", "rearm", "mode"]
    argument: Annotated[str, msgspec.Meta(max_length=LONGEST)] = ""


class Asked(msgspec.Struct):
    """A wish and what is known of it; `number` is that of its row, None for a file."""

    nonce: str
    label: str
    state: Literal["sending", "requested", "done", "refused", "failed"] = "sending"
    text: str = ""
    number: int | None = None
    ended: float | None = None
    looking: bool = False


class Known(Protocol):
    """Where the database is, None while it cannot be reached."""

    engine: Engine | None


class Steering:
    """The wishes of one visitor, who is asked for at each since a login ends; `changed` is called for each change."""

    def __init__(
        self,
        store: Known,
        visitor: Callable[[], Visitor | None],
        work: Work,
        changed: Callable[[], None],
        clock: Callable[[], float] = monotonic,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        self._store, self._visitor, self._work, self._changed, self._clock = store, visitor, work, changed, clock
        folder = environment.get(STATE)
        self._folder = Path(folder) if folder else None
        self._asked: deque[Asked] = deque(maxlen=SHOWN)
        self._heard: deque[str] = deque(maxlen=REMEMBERED)
        self._book = ""
        self._who = visitor()

    @property
    def pulse(self) -> int:
        """Now, in milliseconds of a clock of our own; the page gives it back with what it asks."""
        return int(self._clock() * 1000)

    def hear(self, message: object) -> None:
        """Does what a message asks, if who sends it may and it is meant for what is there now."""
        try:
            wish = msgspec.convert(message, Wish)
        except msgspec.ValidationError as error:
            log.warning("a message of the page is no command: %s", error)
            return
        if wish.nonce in self._heard:
            return
        self._heard.append(wish.nonce)
        mode = f" {MODE_NAMES.get(wish.argument, wish.argument)}" if wish.action == "mode" else ""
        asked = Asked(wish.nonce, f"{NAMES[wish.action]}{mode}")
        self._asked.append(asked)
        visitor = self._visitor()
        why = self._wrong(wish, visitor)
        if why or visitor is None:
            self._end(asked, "refused", why)
        elif self._store.engine is None:
            self._without_database(asked, wish)
        else:
            actor = f"{visitor.name} on the page"
            send = partial(ask, self._store.engine, wish.book, actor, wish.action, wish.argument)
            self._work.begin(send, partial(self._sent, asked, wish))
        self._changed()

    def _wrong(self, wish: Wish, visitor: Visitor | None) -> str:
        if visitor is None:
            return "the login has ended: log in again"
        if not visitor.steers:
            return f"{visitor.name} may look and not steer"
        if wish.book != self._book or not wish.book.startswith(ENGINES):
            return f"the page shows {self._book or 'no run'} now, this was meant for {wish.book}"
        behind = (self.pulse - wish.pulse) / 1000
        if not 0 <= behind <= STALE_SECONDS:
            return f"the page was {behind:.0f} s behind, limit {STALE_SECONDS:.0f} s: look again"
        return ""

    def _sent(self, asked: Asked, wish: Wish, sent: Future[int]) -> None:
        try:
            asked.number, asked.state = sent.result(), "requested"
        except DatabaseUnavailable:
            self._without_database(asked, wish)
        self._changed()

    def _without_database(self, asked: Asked, wish: Wish) -> None:
        """Only a kill has another way; it goes through the engine's folder where the page knows it."""
        if wish.action == "kill" and self._folder is not None:
            try:
                kill_by_file(self._folder)
                asked.state, asked.text = "requested", "by a file, as no database answers"
            except OSError as error:
                self._end(asked, "failed", f"not asked: no database answers, and {error}")
            return
        other = "; `scalp kill --state FOLDER` needs none" if wish.action in ("kill", "flatten") else ""
        self._end(asked, "failed", f"not asked: the database cannot be reached{other}")

    def follow(self, moment: Moment) -> None:
        """Looks for the answers that are missing; forgets those that were shown for a while."""
        self._book = "" if moment.snapshot is None else moment.snapshot.run.book_id
        now = self._clock()
        for asked in [one for one in self._asked if one.ended is not None and now - one.ended > ANSWERED_SECONDS]:
            self._asked.remove(asked)
        for asked in self._asked:
            if asked.state == "requested" and not asked.looking:
                self._look(asked)

    def _look(self, asked: Asked) -> None:
        if asked.number is None:
            if self._folder is not None and taken_by_file(self._folder):
                self._end(asked, "done", "on the engine's tape")
        elif self._store.engine is not None:
            asked.looking = True
            self._work.begin(partial(answer, self._store.engine, asked.number), partial(self._answered, asked))

    def _answered(self, asked: Asked, read: Future[Answer | None]) -> None:
        asked.looking = False
        try:
            found = read.result()
        except DatabaseUnavailable:
            return  # it is asked again at the next moment
        if found is not None:
            self._end(asked, "done" if found.refused is None else "refused", found.refused or _change(found))
            self._changed()

    def _end(self, asked: Asked, state: Literal["done", "refused", "failed"], text: str) -> None:
        asked.state, asked.text, asked.ended = state, text, self._clock()

    def shown(self) -> dict[str, Any]:
        """What the browser is told: who looks, whether an engine can be steered, and what was asked of it."""
        who, engine = self._who, self._book.startswith(ENGINES)
        return {
            "who": "" if who is None else who.name,
            "steers": who is not None and who.steers and engine,
            "book": self._book,
            "asked": [
                {"nonce": one.nonce, "label": one.label, "state": one.state, "text": one.text} for one in self._asked
            ],
        }


def _change(found: Answer) -> str:
    """What an answer changed, in words; nothing where it only set something going."""
    before, after = (json.loads(state or "{}") for state in (found.before, found.after))
    changed = [
        f"{before.get(key)} to {after.get(key)}" for key in ("trading", "mode") if before.get(key) != after.get(key)
    ]
    return ", ".join(changed)
