"""The head of the page: name, state, kinds, key figures and tabs; it tells by itself when the page was cut off."""

from collections.abc import Callable
from typing import Any, ClassVar, Final

import param
from panel.custom import JSComponent

from dashboard import controls
from dashboard.look import PART_CSS, cell
from dashboard.nodes import NODES, as_json

TABS: Final = {"live": "Live Scalps", "history": "Scalp History"}
BLANK: Final = {"badge": cell("", ""), "old": True, "note": "", "title": "Scalp", "kinds": [], "facts": [], "tiles": []}
SILENT_MS: Final = 4_000  # the page gives a pulse each second

CSS = """
header { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 10px; padding: 7px 14px; min-height: 42px;
  background: var(--panel); border-bottom: 1px solid var(--edge); }
.name { font-weight: 700; letter-spacing: .14em; font-size: 14px; }
.badge { font-weight: 700; font-size: 12px; letter-spacing: .04em; padding: 3px 9px; border-radius: 4px;
  border: 1px solid currentColor; white-space: nowrap; font-variant-numeric: tabular-nums; }
.state { min-width: 84px; text-align: center; color: var(--quiet); }
.state.gain { color: #08130d; background: #3fcf8e; border-color: #3fcf8e; }
.state.calm { color: var(--calm); } .state.warn { color: #1b1300; background: var(--warn); border-color: var(--warn); }
.state.alarm { color: #fff; background: #c22b2e; border-color: #c22b2e; }
.kind { border-style: dashed; color: var(--quiet); }
.kind.simulated { color: #c792ea; } .kind.modelled { color: #4dd0c4; }
.kind.replay { color: #5aa9ff; } .kind.paper { color: #e0c46c; }
.kind.money { color: #fff; background: #c22b2e; border: 1px solid #c22b2e; }
.kinds { display: flex; flex-wrap: wrap; gap: 6px; }
.facts { display: flex; flex-wrap: wrap; gap: 2px 16px; margin-left: auto; }
.fact { white-space: nowrap; color: var(--live); font-variant-numeric: tabular-nums; }
.fact b { font-weight: 400; color: var(--quiet); margin-right: 5px; }
.fact.alarm span { color: var(--alarm); font-weight: 700; } .fact.warn span { color: var(--warn); font-weight: 700; }
.fact.gain span { color: var(--gain); }
.note { padding: 5px 14px; background: #2a2110; color: var(--warn); border-bottom: 1px solid var(--edge);
  overflow-wrap: anywhere; }
.note:empty { display: none; } .note.quiet { background: var(--panel); color: var(--quiet); }
.note.alarm { background: #2d1416; color: #ff9a9b; }
dl { display: grid; grid-template-columns: repeat(9, 1fr); gap: 1px; margin: 0; background: var(--edge);
  border-bottom: 1px solid var(--edge); }
.tile { background: var(--back); padding: 6px 8px 7px 14px; min-width: 0; }
dt { color: var(--quiet); font-size: 11px; white-space: nowrap; }
dd { margin: 0; font-size: 17px; font-weight: 600; color: var(--live); white-space: nowrap;
  font-variant-numeric: tabular-nums; }
dd.gain { color: var(--gain); } dd.loss { color: var(--loss); } dd.quiet { color: var(--quiet); }
.tile small { display: block; font-size: 10px; color: var(--warn); } .tile small:empty { display: none; }
nav { display: flex; gap: 4px; padding: 0 8px; background: var(--panel); border-bottom: 1px solid var(--edge); }
nav button { padding: 7px 14px 6px; color: var(--quiet); border-bottom: 2px solid transparent; }
nav button[aria-selected=true] { color: var(--text); border-bottom-color: var(--calm); }
@media (max-width: 1180px) { dl { grid-template-columns: repeat(5, 1fr); } }
@media (max-width: 700px) {
  header { padding: 7px 10px; gap: 6px; } .facts { margin-left: 0; gap: 2px 12px; width: 100%; font-size: 12px; }
  .badge { font-size: 11px; padding: 2px 7px; }
  dl { grid-template-columns: repeat(3, 1fr); } .tile { padding: 5px 8px; } dd { font-size: 14px; }
  nav button { flex: 1; text-align: center; padding: 10px 0 9px; }
}
"""

ESM = """
export function render({model}) {
  const root = make('div', 'frame'), head = make('header', '', root), steering = make('div', '', root)
  const keys = Object.keys(model.tabs)
  make('span', 'name', head, 'SCALP')
  const state = make('span', '', head), kinds = make('span', 'kinds', head)
  controls(model, head, steering)
  const facts = make('div', 'facts', head)
  const note = make('div', '', root), tiles = make('dl', '', root), tabs = make('nav', '', root)
  state.id = 'state'; state.setAttribute('role', 'status')
  kinds.id = 'kinds'; kinds.setAttribute('role', 'group'); kinds.setAttribute('aria-label', 'Kind of run')
  note.id = 'note'; facts.id = 'facts'
  tiles.setAttribute('aria-label', 'Key figures'); tabs.setAttribute('role', 'tablist')
  let heard = Date.now(), lost = false, said = JSON.parse(model.head)

  const fact = () => {
    const node = make('span')
    make('b', '', node)
    make('span', '', node)
    return node
  }
  const tile = () => {
    const node = make('div', 'tile')
    make('dt', '', node)
    make('dd', '', node)
    make('small', '', node)
    return node
  }
  const verdict = () => {
    if (model.error) return [{text: 'PAGE ERROR', tone: 'alarm'}, model.error, true]
    if (lost) return [{text: 'PAGE CUT OFF', tone: 'alarm'}, 'The page lost its server and shows old numbers.', true]
    return [said.badge, said.note, said.old]
  }
  const show = () => {
    const [badge, why, old] = verdict()
    put(state, badge.text)
    style(state, `badge state ${badge.tone}`)
    put(note, why)
    style(note, `note ${badge.tone}`)
    document.documentElement.classList.toggle('old', Boolean(old))
    list(kinds, said.kinds, () => make('span'), (node, kind) => {
      put(node, kind.text)
      style(node, `badge kind ${kind.tone}`)
    })
    list(facts, said.facts, fact, (node, {key, text, tone, detail}) => {
      put(node.children[0], key)
      put(node.children[1], detail ? `${text}: ${detail}` : text)
      style(node, `fact ${tone}`)
    })
    list(tiles, said.tiles, tile, (node, {key, label, text, tone, sub}) => {
      const [name, value, small] = node.children
      value.id = `kpi-${key}`
      put(name, label)
      put(value, text)
      style(value, tone)
      put(small, sub || '')
    })
    const named = old && !said.old ? `${badge.text} - Scalp` : said.title
    if (document.title !== named) document.title = named
  }
  const choose = () => list(tabs, keys, () => make('button'), (node, key, place) => {
    const on = key === model.active, go = to => { model.active = keys[(to + keys.length) % keys.length] }
    put(node, model.tabs[key])
    node.id = `tab-${key}`
    node.tabIndex = on ? 0 : -1
    node.setAttribute('role', 'tab')
    node.setAttribute('aria-selected', on)
    node.onclick = () => go(place)
    node.onkeydown = event => walk(event, step => {
      go(place + step)
      tabs.querySelector('[aria-selected=true]').focus()
    })
  })
  const pulse = () => {
    heard = Date.now()
    if (lost) { lost = false; show() }
  }
  const watch = setInterval(() => {
    const silent = Date.now() - heard > model.silent_ms
    if (silent !== lost) { lost = silent; show() }
  }, 500)
  const width = matchMedia('(max-width: 700px)'), measure = () => { model.narrow = width.matches }
  width.addEventListener('change', measure)
  model.on('head', () => { said = JSON.parse(model.head); show() })
  model.on('error', show)
  model.on('pulse', pulse)
  model.on('active', choose)
  model.on('remove', () => { clearInterval(watch); width.removeEventListener('change', measure) })
  show()
  choose()
  measure()
  return root
}
"""


class Frame(JSComponent):
    """Shows `head` as `dashboard.badges.head` gives it; `pulse` says each second that the page is alive.

    `steer` is what `dashboard.controls` shows; what is asked there goes to `hear`.
    """

    # As JSON text: Bokeh would walk through every value to look for models.
    head = param.String(default=as_json(BLANK))
    steer = param.String(default=as_json(controls.NOTHING))
    pulse = param.Integer(default=0)
    error = param.String(default="")
    tabs = param.Dict(default=TABS)
    active = param.String(default="live")
    narrow = param.Boolean(default=False)
    silent_ms = param.Integer(default=SILENT_MS)

    _esm: ClassVar[Any] = NODES + controls.ESM + ESM
    _stylesheets: ClassVar[list[str]] = [PART_CSS, CSS, controls.CSS]

    def __init__(self, hear: Callable[[object], None], **params: object) -> None:
        self._hear = hear
        super().__init__(**params)

    def _handle_msg(self, data: object) -> None:
        self._hear(data)
