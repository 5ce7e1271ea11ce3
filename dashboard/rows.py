"""A dense table of plain values that turns into cards on a narrow screen; a row that is chosen is told to Python."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal

import msgspec
import param
from panel.custom import JSComponent

from dashboard.look import PART_CSS
from dashboard.nodes import NODES, as_json, update


class Column(msgspec.Struct, frozen=True):
    """A column; `card` says where its cell stands on a card, `kind` whether it is text or a bar between two ends."""

    key: str
    label: str
    align: Literal["left", "right"] = "left"
    kind: Literal["text", "bar"] = "text"
    card: Literal["title", "value", "detail", "wide"] = "detail"


CSS = """
:host { display: block; overflow: auto; }
caption { text-align: left; padding: 0 14px 6px; color: var(--quiet); font-size: 12px; }
caption:empty { display: none; }
.table { width: 100%; border-spacing: 0; font-size: 12.5px; font-variant-numeric: tabular-nums; }
th { position: sticky; top: 0; z-index: 1; background: var(--panel); color: var(--quiet); font-weight: 500;
  font-size: 11px; text-align: left; padding: 5px 9px; white-space: nowrap; border-bottom: 1px solid var(--edge); }
td { padding: 4px 9px; height: 30px; white-space: nowrap; color: var(--live); border-bottom: 1px solid var(--edge); }
th.right, td.right { text-align: right; }
td.gain { color: var(--gain); } td.loss { color: var(--loss); } td.warn { color: var(--warn); }
td.wide:not(:has(.bar)) { white-space: normal; min-width: 170px; }
td.quiet { color: var(--dim); } td.strong { font-weight: 600; }
td small { color: var(--dim); font-size: 11px; margin-left: 6px; } td small:empty { display: none; }
td small.warn { color: var(--warn); }
tbody tr { cursor: pointer; } tbody tr:hover { background: var(--raised); }
td button { font-weight: 600; }
.empty { padding: 18px 14px; color: var(--quiet); overflow-wrap: anywhere; } .empty:empty { display: none; }
.bar { position: relative; display: block; width: 118px; height: 12px; border-radius: 3px; background: var(--raised); }
.bar i { position: absolute; top: 3px; bottom: 3px; border-radius: 2px; background: var(--quiet); }
.bar.gain i { background: var(--gain); } .bar.loss i { background: var(--loss); }
.bar b, .bar u { position: absolute; top: 0; bottom: 0; width: 2px; margin-left: -1px; background: var(--quiet); }
.bar u { background: var(--live); top: -2px; bottom: -2px; width: 3px; border-radius: 2px; }
@media (max-width: 700px) {
  .table, tbody, caption { display: block; } thead { display: none; }
  tbody tr { display: grid; grid-template-columns: repeat(3, 1fr); gap: 3px 10px; padding: 9px 12px;
    border-bottom: 1px solid var(--edge); }
  td { display: flex; flex-direction: column; padding: 0; height: auto; border: 0; min-width: 0; white-space: normal;
    overflow-wrap: anywhere; text-align: left !important; }
  td::before { content: attr(data-label); color: var(--quiet); font-size: 10px; font-weight: 400; }
  td.title { grid-column: 1 / 3; order: -2; font-size: 15px; } td.title::before, td.value::before { content: none; }
  td.value { order: -1; font-size: 15px; font-weight: 600; text-align: right !important; }
  td.wide { grid-column: 1 / -1; } .bar { width: 100%; margin: 3px 0; } td small { margin-left: 0; }
}
"""

ESM = """
const percent = share => `${Math.round(Math.min(Math.max(share, 0), 1) * 1000) / 10}%`

const bar = (box, {text, tone, entry, mark}) => {
  const known = typeof entry === 'number' && typeof mark === 'number'
  const track = box.firstChild || make('span', 'bar', box)
  if (!track.children.length) for (const tag of ['i', 'b', 'u']) make(tag, '', track)
  style(track, `bar ${tone || ''}`)
  track.title = text
  track.setAttribute('role', 'img')
  track.setAttribute('aria-label', text)
  const [way, start, end] = track.children
  for (const part of track.children) part.hidden = !known
  if (!known) return
  way.style.left = percent(Math.min(entry, mark))
  way.style.right = percent(1 - Math.max(entry, mark))
  start.style.left = percent(entry)
  end.style.left = percent(mark)
}

const text = (box, cell, label, activate) => {
  if (!box.children.length) {
    const main = make(activate ? 'button' : 'span', '', box)
    make('small', '', box)
    if (activate) main.onclick = event => { event.stopPropagation(); activate() }
  }
  const [main, small] = box.children
  put(main, cell.text)
  put(small, cell.sub || '')
  style(small, cell.subtone || '')
  box.title = cell.detail || ''
  if (activate) main.setAttribute('aria-label', label)
}

export function render({model}) {
  const root = make('div', 'rows'), table = make('table', 'table', root), caption = make('caption', '', table)
  const heads = make('tr', '', make('thead', '', table)), body = make('tbody', '', table)
  const empty = make('div', 'empty', root), shown = new Map()
  table.setAttribute('role', 'table')
  table.setAttribute('aria-label', model.label)
  empty.setAttribute('role', 'status')
  for (const {label, align} of model.columns) make('th', align, heads, label).scope = 'col'

  const build = id => {
    const node = make('tr')
    node.dataset.id = id
    node.setAttribute('role', 'row')
    node.onclick = () => model.send_msg({open: id})
    for (const {key, label} of model.columns) {
      const box = make('td', '', node)
      box.dataset.key = key
      box.dataset.label = label
      box.setAttribute('role', 'cell')
    }
    return node
  }
  const fill = (node, {cells, label}) => model.columns.forEach(({key, kind, align, card}, place) => {
    const cell = cells[key], box = node.children[place], opens = card === 'title'
    style(box, `${align} ${card} ${kind === 'bar' ? '' : cell.tone}`)
    kind === 'bar' ? bar(box, cell) : text(box, cell, label, opens ? node.onclick : null)
  })
  const show = () => {
    const rows = JSON.parse(model.rows), kept = new Set(rows.map(item => item.id))
    for (const [id, node] of shown) if (!kept.has(id)) { node.remove(); shown.delete(id) }
    rows.forEach((item, place) => {
      const node = shown.get(item.id) || build(item.id)
      shown.set(item.id, node)
      fill(node, item)
      if (body.children[place] !== node) body.insertBefore(node, body.children[place] || null)
    })
    table.hidden = !rows.length
    put(caption, model.caption)
    put(empty, rows.length ? '' : model.empty)
  }
  model.on(['rows', 'empty', 'caption'], show)
  show()
  return root
}
"""


class Rows(JSComponent):
    """Shows rows, each with `id`, `label` (what its button is called) and `cells` by column key.

    A cell has `text` and `tone`, may have `sub` and `detail`; a bar has `entry` and `mark`, shares from stop to target.
    """

    columns = param.List(default=[])
    # As JSON text: Bokeh would walk through every value of a list again and again to look for models.
    rows = param.String(default="[]")
    label = param.String(default="")
    empty = param.String(default="")
    caption = param.String(default="")

    _esm: ClassVar[Any] = NODES + ESM
    _stylesheets: ClassVar[list[str]] = [PART_CSS, CSS]

    def __init__(self, columns: Sequence[Column], on_open: Callable[[str], None], **params: object) -> None:
        self._opened = on_open
        self._ids: frozenset[str] = frozenset()
        super().__init__(columns=[msgspec.to_builtins(column) for column in columns], **params)

    def fill(self, rows: Sequence[dict[str, Any]], **texts: str) -> None:
        """Shows these rows, and the texts `empty` and `caption` if they are given."""
        self._ids = frozenset(row["id"] for row in rows)
        update(self, rows=as_json(rows), **texts)

    def _handle_msg(self, data: object) -> None:
        asked = data.get("open") if isinstance(data, dict) else None
        if isinstance(asked, str) and asked in self._ids:
            self._opened(asked)
