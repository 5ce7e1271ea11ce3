"""A button that brings a text of any length to the browser piece by piece and saves it there as a file."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from itertools import islice
from typing import Any, ClassVar, Final

import param
from panel.custom import JSComponent

from dashboard.look import PART_CSS
from dashboard.work import Work
from flows.records.faults import DatabaseUnavailable

LINES: Final = 5_000
"""Lines in a piece: some 700 kB, which neither the server nor the line to the browser notices."""

CSS = """
button { height: 34px; padding: 0 14px; border: 1px solid var(--edge); border-radius: 4px; background: var(--raised);
  white-space: nowrap; }
button:hover:enabled { border-color: var(--calm); } button:disabled { color: var(--quiet); cursor: default; }
"""

ESM = """
export function render({model}) {
  const button = document.createElement('button')
  button.type = 'button'; button.textContent = model.label
  let pieces = [], lines = 0
  const rest = () => { pieces = []; lines = 0; button.disabled = false; button.textContent = model.label }
  button.onclick = () => { rest(); button.disabled = true; button.textContent = 'Reading'; model.send_msg('begin') }
  model.on('msg:custom', ({name, piece, count, done, failed}) => {
    if (failed) return rest()
    pieces.push(piece); lines += count
    if (!done) { button.textContent = `${lines.toLocaleString('en')} rows`; return model.send_msg('more') }
    const link = document.createElement('a')
    link.href = URL.createObjectURL(new Blob(pieces, {type: 'text/csv'})); link.download = name; link.click()
    URL.revokeObjectURL(link.href); rest() })
  return button
}
"""


class Download(JSComponent):
    """Asks `lines` for the text when it is pressed; a fault of reading goes to `failed` and no file is made."""

    label = param.String(default="Export CSV")

    _esm: ClassVar[Any] = ESM
    _stylesheets: ClassVar[list[str]] = [PART_CSS, CSS]

    def __init__(
        self,
        lines: Callable[[], tuple[str, Iterator[str]]],
        work: Work,
        failed: Callable[[DatabaseUnavailable], None],
        **params: object,
    ) -> None:
        self._lines, self._work, self._failed = lines, work, failed
        self._name = ""
        self._left: Iterator[str] = iter(())
        super().__init__(**params)

    def _handle_msg(self, data: object) -> None:
        self._work.guarded(self._answer)(data)

    def _answer(self, asked: object) -> None:
        try:
            if asked == "begin":
                self._name, self._left = self._lines()
        except DatabaseUnavailable as error:
            self._give_up(error)
            return
        left = self._left
        self._work.begin(partial(_piece, left), self._send)

    def _give_up(self, error: DatabaseUnavailable) -> None:
        self._send_msg({"failed": True})
        self._failed(error)

    def _send(self, read: Future[list[str]]) -> None:
        try:
            lines = read.result()
        except DatabaseUnavailable as error:
            self._give_up(error)
            return
        done = len(lines) < LINES
        self._send_msg({"name": self._name, "piece": "".join(lines), "count": len(lines), "done": done})


def _piece(lines: Iterator[str]) -> list[str]:
    return list(islice(lines, LINES))
