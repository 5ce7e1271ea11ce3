"""The dialog that tells one signal's story; Escape, its button or a click beside it closes it."""

from typing import Any, ClassVar

import msgspec
import param
from panel.custom import JSComponent

from dashboard.look import PART_CSS
from dashboard.nodes import NODES
from dashboard.telling import Section, sections, title
from flows.records.parts import Story

CSS = """
:host { display: contents; }
dialog { width: min(980px, 100vw); max-width: 100vw; height: 100dvh; max-height: 100dvh; margin: 0 0 0 auto; padding: 0;
  border: 0; border-left: 1px solid var(--edge); background: var(--panel); color: var(--text);
  font: 13px/1.4 var(--font); font-variant-numeric: tabular-nums; }
dialog::backdrop { background: #000a; }
.head { position: sticky; top: 0; z-index: 1; display: flex; align-items: center; gap: 12px; padding: 10px 16px;
  background: var(--raised); border-bottom: 1px solid var(--edge); }
h2 { margin: 0; font-size: 15px; flex: 1; overflow-wrap: anywhere; }
.close { padding: 6px 12px; border: 1px solid var(--edge); border-radius: 4px; }
section { padding: 10px 16px 12px; border-bottom: 1px solid var(--edge); }
h3 { margin: 0 0 6px; font-size: 12px; color: var(--quiet); font-weight: 600; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 6px 18px; margin: 0; }
dt { color: var(--quiet); font-size: 11px; } dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; } table { width: 100%; border-spacing: 0; font-size: 12.5px; }
th { text-align: left; font-weight: 500; font-size: 11px; color: var(--quiet); padding: 3px 10px 3px 0; }
td { padding: 3px 10px 3px 0; border-top: 1px solid var(--edge); vertical-align: top; overflow-wrap: break-word; }
.loss { color: var(--loss); } .gain { color: var(--gain); } .strong { font-weight: 600; }
.say { padding: 16px; color: var(--quiet); overflow-wrap: anywhere; } .say:empty { display: none; }
@media (max-width: 700px) {
  dialog { border: 0; } dl { grid-template-columns: repeat(2, minmax(0, 1fr)); } section { padding: 10px 12px; }
  .scroll { overflow: visible; } table, tbody { display: block; } thead { display: none; }
  tr { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 2px 10px; padding: 6px 0;
    border-top: 1px solid var(--edge); }
  td { border: 0; padding: 0; overflow-wrap: anywhere; } td:empty, td.none { display: none; }
  td::before { content: attr(data-label); display: block; font-size: 10px; color: var(--quiet); }
  td:first-child { grid-column: span 2; font-weight: 600; } td:last-child:nth-child(n + 6) { grid-column: 1 / -1; }
}
"""

ESM = """
const facts = (parent, pairs) => {
  const list = make('dl', '', parent)
  for (const [label, value] of pairs) {
    const pair = make('div', '', list)
    make('dt', '', pair, label)
    make('dd', value.tone, pair, value.text) } }

const table = (parent, columns, rows) => {
  const whole = make('table', '', make('div', 'scroll', parent)), head = make('tr', '', make('thead', '', whole))
  for (const name of columns) make('th', '', head, name).scope = 'col'
  const body = make('tbody', '', whole)
  for (const cells of rows) {
    const row = make('tr', '', body)
    cells.forEach((value, place) => {
      const box = make('td', value.text === '' ? 'none' : value.tone, row, value.text)
      box.dataset.label = columns[place] }) } }

export function render({model}) {
  const dialog = make('dialog'), head = make('div', 'head', dialog), name = make('h2', '', head)
  const close = make('button', 'close', head, 'Close'), said = make('div', 'say', dialog)
  const body = make('div', '', dialog)
  dialog.id = 'story'
  name.id = 'story-title'
  dialog.setAttribute('aria-labelledby', 'story-title')
  said.setAttribute('role', 'status')
  close.onclick = () => dialog.close()
  dialog.onclick = event => { if (event.target === dialog) dialog.close() }
  dialog.onclose = () => { model.shown = false }
  const show = () => {
    name.textContent = model.title; said.textContent = model.say; body.replaceChildren()
    for (const part of model.parts) {
      const section = make('section', '', body)
      make('h3', '', section, part.title)
      if (part.facts.length) facts(section, part.facts)
      if (part.rows.length) table(section, part.columns, part.rows) }
    dialog.scrollTop = 0 }
  const open = () => {
    if (model.shown && !dialog.open) { dialog.showModal(); close.focus() }
    if (!model.shown && dialog.open) dialog.close() }
  model.on(['title', 'say', 'parts'], show); model.on('shown', open)
  model.on('after_render', open)
  show()
  return dialog
}
"""


class StoryDialog(JSComponent):
    """Shows `title`, a line `say` and `parts`, which are sections as plain values; `shown` opens and closes it."""

    title = param.String(default="")
    say = param.String(default="")
    parts = param.List(default=[])
    shown = param.Boolean(default=False)

    _esm: ClassVar[Any] = NODES + ESM
    _stylesheets: ClassVar[list[str]] = [PART_CSS, CSS]

    def wait(self) -> None:
        """Opens it before the story is there."""
        self.param.update(title="Story", say="Reading the story.", parts=[], shown=True)

    def tell(self, story: Story) -> None:
        """Shows a story."""
        self.param.update(title=title(story), say="", parts=[_plain(section) for section in sections(story)])

    def fail(self, sentence: str) -> None:
        """Says why there is no story to be told."""
        self.param.update(title="No story", say=sentence, parts=[])


def _plain(section: Section) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(section)
    return found
