"""Lets a page do things so that it neither stands still nor fails unseen."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from threading import Lock
from typing import Final, ParamSpec, TypeVar

import panel as pn
from bokeh.document import Document

THREADS: Final = 4
FAILED: Final = "The page failed ({}) and may show old numbers: reload it. The log of its server says more."

Args = ParamSpec("Args")
Result = TypeVar("Result")
log = logging.getLogger(__name__)


@cache
def _threads() -> ThreadPoolExecutor:
    """The threads of the process in which all its pages read."""
    return ThreadPoolExecutor(THREADS, thread_name_prefix="page")


class Work:
    """What one page does as long as its visitor is there; `failed` is told in a sentence what went wrong."""

    def __init__(self, failed: Callable[[str], None]) -> None:
        self._failed = failed
        self._left, self._turn = False, Lock()

    def leave(self) -> None:
        """The visitor is gone: from now on nothing is done."""
        with self._turn:
            self._left = True

    def guarded(self, act: Callable[Args, object]) -> Callable[Args, None]:
        """The same act, whose fault is shown and logged instead of being lost in a callback."""

        def guard(*args: Args.args, **kwargs: Args.kwargs) -> None:
            try:
                act(*args, **kwargs)
            except Exception as error:
                log.exception("the page failed")
                self._failed(FAILED.format(type(error).__name__))

        return guard

    def later(self, document: Document, act: Callable[[], object]) -> None:
        """Does it in the page's own turn, guarded; from any thread, and never on a page that is gone."""
        with self._turn:
            if not self._left:
                document.add_next_tick_callback(self.guarded(act))

    def begin(self, work: Callable[[], Result], then: Callable[[Future[Result]], object]) -> None:
        """Does the work in a thread, then calls `then` with the finished future in the page's own turn.

        Called by a page: while it is built or in a callback of its own.
        """
        document = here()
        done = _threads().submit(work)
        done.add_done_callback(lambda future: self.later(document, partial(then, future)))


def here() -> Document:
    """The document of the page that asks: while it is built or in a callback of its own."""
    document = pn.state.curdoc
    if document is None:
        raise RuntimeError("there is no page here")
    return document
