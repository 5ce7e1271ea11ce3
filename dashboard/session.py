"""One visitor's page: it follows the store, and what goes wrong in it is seen and logged."""

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

import panel as pn
from reactivex.abc import DisposableBase

from dashboard import badges
from dashboard.accounts import Visitor
from dashboard.controls import steered
from dashboard.frame import TABS, Frame
from dashboard.history import History
from dashboard.live import Live
from dashboard.nodes import as_json, update
from dashboard.steering import Steering
from dashboard.store import Moment, Store
from dashboard.story import StoryDialog
from dashboard.work import Work, here
from flows.records.faults import DatabaseUnavailable
from flows.records.parts import Story
from flows.records.story import NoSignal, story


class Session:
    """Builds the page of one visitor; `follow` keeps it at the store's moments until the visitor leaves."""

    def __init__(self, store: Store, visitor: Callable[[], Visitor | None]) -> None:
        self._store = store
        self._latest: Moment = store.moments.value
        self._pending = False
        self._subscription: DisposableBase | None = None
        self.work = Work(self._failed)
        self.steering = Steering(store, visitor, self.work, self._steer)
        self.frame = Frame(self.work.guarded(self.steering.hear), sizing_mode="stretch_width")
        self.live = Live(self.work, self._open_live)
        self.history = History(lambda: store.engine, self.work, self.open_story)
        self.story = StoryDialog()
        parts = (self.frame, self.live.view, self.history.view, self.story)
        self.view = pn.Column(*parts, sizing_mode="stretch_both", styles={"min-height": "100vh"})
        self.frame.param.watch(lambda _: self.work.guarded(self._choose)(), "active")
        self.frame.param.watch(lambda _: self.live.fit(narrow=self.frame.narrow), "narrow")
        self.work.guarded(self._choose)()
        self.work.guarded(self._show)(self._latest)

    def open_story(self, book_id: str, signal_id: str) -> None:
        """Shows the story of a signal."""
        engine = self._store.engine
        self.story.wait()
        if engine is None:
            self.story.fail("The database cannot be reached.")
            return
        self.work.begin(partial(story, engine, book_id, signal_id), self._tell)

    def follow(self) -> None:
        """Subscribes to the store for as long as the visitor's page is there."""
        document = here()

        def told(moment: Moment) -> None:
            # In a thread of the store: nothing but a note and a wake-up call.
            self._latest = moment
            if not self._pending:
                self._pending = True
                self.work.later(document, self.apply)

        self._subscription = self._store.moments.subscribe(told)

    def leave(self) -> None:
        """Ends what `follow` began."""
        self.work.leave()
        if self._subscription is not None:
            self._subscription.dispose()

    def apply(self) -> None:
        """Brings the page to the newest moment, in one message to the browser."""
        self._pending = False
        with pn.io.hold():
            self._show(self._latest)

    def _show(self, moment: Moment) -> None:
        self.steering.follow(moment)
        self._steer()
        update(self.frame, head=as_json(badges.head(moment)), pulse=self.steering.pulse)
        self.live.show(moment)
        self.history.show(moment)

    def _steer(self) -> None:
        shown = self.steering.shown()
        update(self.frame, steer=as_json(shown | steered(self._latest.snapshot) if shown["steers"] else shown))

    def _failed(self, sentence: str) -> None:
        self.frame.error = sentence

    def _choose(self) -> None:
        """Shows the tab that is chosen; the other one stays as it is, out of sight."""
        if self.frame.active not in TABS:
            self.frame.active = next(iter(TABS))
        on_history = self.frame.active == "history"
        self.live.view.visible, self.history.view.visible = not on_history, on_history
        self.history.look(on_history)

    def _open_live(self, signal_id: str) -> None:
        snapshot = self._latest.snapshot
        if snapshot is not None:
            self.open_story(snapshot.run.book_id, signal_id)

    def _tell(self, read: Future[Story]) -> None:
        try:
            self.story.tell(read.result())
        except (DatabaseUnavailable, NoSignal) as error:
            self.story.fail(str(error))
