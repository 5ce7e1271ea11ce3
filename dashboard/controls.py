"""The controls in the page's head: mode, pause, flatten, kill, re-arm, and how what was asked went.

The browser only says what is wished; `dashboard.steering` decides. A wish shows "sending" at once, turns amber when it
has no answer after two seconds and red after five.
"""

from typing import Any, Final

from dashboard.look import gain
from dashboard.positions import title
from flows.records.now_parts import Snapshot
from operators.commands import MODES

NOTHING: Final[dict[str, Any]] = {"who": "", "steers": False, "book": "", "asked": []}
MODE_NAMES: Final = {"options": "Options", "leveraged_etf": "Lev. ETF", "both": "Both"}


def steered(snapshot: Snapshot | None) -> dict[str, Any]:
    """What the controls act on: mode, trading state, and what a flatten or a kill would sell."""
    money = None if snapshot is None else snapshot.money
    held = () if snapshot is None else snapshot.positions
    now = None if snapshot is None else snapshot.tape_at
    return {
        "mode": "" if money is None else money.mode,
        "trading": "" if money is None else money.trading,
        "modes": [[mode, MODE_NAMES[mode]] for mode in MODES],
        "positions": [
            {"text": f"{one.quantity:,} {title(one, now)['text']}", "pnl": gain(one.open_pnl)} for one in held
        ],
    }


CSS: Final = """
.steer { display: flex; flex-wrap: wrap; align-items: center; gap: 6px; } .steer[hidden] { display: none; }
.steer button, dialog button { height: 28px; padding: 0 10px; border: 1px solid var(--edge); border-radius: 4px;
  background: var(--raised); font-weight: 600; font-size: 12px; white-space: nowrap; }
.steer button:hover:enabled, dialog button:hover:enabled { border-color: var(--calm); }
.steer button:disabled, dialog button:disabled { color: var(--faint); cursor: default; }
.modes { display: flex; } .modes button { border-radius: 0; margin-left: -1px; font-weight: 400; color: var(--quiet); }
.modes button:first-child { border-radius: 4px 0 0 4px; margin: 0; }
.modes button:last-child { border-radius: 0 4px 4px 0; }
.modes button[aria-checked=true] { color: #08111f; background: var(--calm); border-color: var(--calm);
  font-weight: 600; }
.steer button.kill, dialog button.kill { background: #c22b2e; border-color: #c22b2e; color: #fff; }
dialog button.kill:disabled { background: #4a2224; border-color: #4a2224; color: #b58587; }
.steer, .who { order: 1; } .steer { margin-left: auto; } .steer[hidden] + .who { margin-left: auto; }
.steer:not([hidden]) ~ .facts { order: 2; width: 100%; margin-left: 0; }
.who { color: var(--quiet); font-size: 12px; white-space: nowrap; } .who a { color: var(--quiet); }
.asked { display: flex; flex-wrap: wrap; gap: 6px; padding: 5px 14px; background: var(--panel);
  border-bottom: 1px solid var(--edge); } .asked:empty { display: none; }
.ask { font-size: 12px; padding: 2px 9px; border: 1px solid currentColor; border-radius: 4px; color: var(--calm);
  overflow-wrap: anywhere; }
.ask.done { color: var(--gain); } .ask.late { color: var(--warn); }
.ask.unanswered, .ask.refused, .ask.failed { color: var(--alarm); }
dialog { width: min(460px, 100vw - 24px); padding: 18px; border: 1px solid var(--edge); border-radius: 8px;
  background: var(--panel); color: var(--text); font: 13px/1.4 var(--font); }
dialog::backdrop { background: #000a; } dialog h2 { margin: 0 0 8px; font-size: 15px; }
dialog p { margin: 0 0 10px; color: var(--quiet); }
dialog ul { margin: 0 0 12px; padding: 0; list-style: none; max-height: 40vh; overflow-y: auto; }
dialog li { display: flex; justify-content: space-between; gap: 12px; padding: 4px 0; border-top: 1px solid var(--edge);
  font-variant-numeric: tabular-nums; }
dialog label { display: grid; gap: 4px; margin-bottom: 14px; color: var(--quiet); }
dialog input { font: inherit; color: var(--text); background: var(--back); border: 1px solid var(--edge);
  border-radius: 4px; padding: 8px 10px; }
dialog form { display: flex; flex-direction: column; } dialog .ends { display: flex; justify-content: end; gap: 8px; }
dialog .ends button { height: 34px; padding: 0 14px; }
@media (max-width: 700px) {
  .steer { position: fixed; z-index: 5; left: 0; right: 0; bottom: 0; justify-content: space-between; gap: 5px;
    padding: 8px 8px calc(8px + env(safe-area-inset-bottom)); background: var(--raised);
    border-top: 1px solid var(--edge); }
  .who { margin-left: auto; } .who span { display: none; }
  .steer button { height: 38px; padding: 0 7px; } .asked { padding: 5px 10px; }
}
"""

ESM: Final = """
const LATE_MS = 2000, UNANSWERED_MS = 5000, LOST_MS = 60000
const WORDS = {sending: 'sending', requested: 'requested', done: 'done', refused: 'refused', failed: 'failed'}

const ask = (parent, word, title, says, build) => {
  const dialog = make('dialog', '', parent), form = make('form', '', dialog)
  dialog.id = `${word}-dialog`
  dialog.setAttribute('aria-label', title)
  make('h2', '', form, title)
  make('p', '', form, says)
  const part = build(form), ends = make('div', 'ends', form)
  const back = make('button', '', ends, 'Cancel'), go = make('button', word, ends, title)
  back.type = 'button'; go.type = 'submit'
  back.onclick = () => dialog.close()
  const ready = () => { go.disabled = !part.ready() }
  form.oninput = ready
  form.onsubmit = event => {
    event.preventDefault()
    if (go.disabled) return
    dialog.close()
    part.send()
  }
  return {dialog, ready, go, open: () => { part.reset(); ready(); dialog.showModal(); (part.field || go).focus() }}
}

const field = (form, label) => {
  const box = make('label', '', form, label), input = make('input', '', box)
  input.autocomplete = 'off'
  return input
}

const nonce = () => [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16)).join('-')

const controls = (model, head, below) => {
  const bar = make('div', 'steer', head), modes = make('div', 'modes', bar)
  const pause = make('button', '', bar), flatten = make('button', '', bar, 'Flatten')
  const kill = make('button', 'kill', bar, 'Kill'), who = make('span', 'who', head), asked = make('div', 'asked', below)
  bar.setAttribute('role', 'group'); bar.setAttribute('aria-label', 'Controls')
  modes.setAttribute('role', 'radiogroup'); modes.setAttribute('aria-label', 'Mode of new entries')
  asked.setAttribute('role', 'status'); asked.setAttribute('aria-label', 'What was asked of the engine')
  pause.id = 'pause'; flatten.id = 'flatten'; kill.id = 'kill'; who.id = 'who'; asked.id = 'asked'
  const name = make('span', '', who), out = make('a', '', who, 'Log out')
  out.href = 'logout'
  const read = () => ({modes: [], positions: [], ...JSON.parse(model.steer)})
  let now = read()
  const sent = new Map()  // nonce -> when it was clicked, and what, until the server tells of it

  const send = (action, label, argument = '') => {
    const key = nonce()
    sent.set(key, {at: Date.now(), label})
    model.send_msg({nonce: key, pulse: model.pulse, book: now.book, action, argument})
    tell()
  }
  const list_held = form => {
    const box = make('ul', '', form)
    box.setAttribute('aria-label', 'Open positions')
    return box
  }
  const held = []
  const flat = ask(below, 'flatten', 'Flatten all', 'Sells everything that is held, now. Entries go on.', form => {
    held.push(list_held(form))
    return {ready: () => true, reset: () => {}, send: () => send('flatten', 'Flatten')}
  })
  const dead = ask(below, 'kill', 'Kill',
    'Cancels all entries, sells everything that is held, then halts until it is re-armed.', form => {
      held.push(list_held(form))
      const input = field(form, 'Type KILL to confirm')
      return {field: input, ready: () => input.value.trim() === 'KILL', reset: () => { input.value = '' },
        send: () => send('kill', 'Kill')}
    })
  const again = ask(below, 'rearm', 'Re-arm', 'Ends the halt: entries may be made again.', form => {
    const input = field(form, 'Why may trading begin again?')
    input.maxLength = 500
    return {field: input, ready: () => input.value.trim() !== '', reset: () => { input.value = '' },
      send: () => send('rearm', 'Re-arm', input.value.trim())}
  })
  flatten.onclick = flat.open
  kill.onclick = dead.open
  pause.onclick = () => {
    if (now.trading === 'HALTED') again.open()
    else if (now.trading === 'REDUCING') send('resume', 'Resume')
    else send('pause', 'Pause')
  }
  // What is in force is told a look later than an answer: while a mode was just asked for, the one shown may be old.
  const turning = () => sent.size > 0 || now.asked.some(one => one.label.startsWith('Mode '))
  const tell = () => {
    const known = new Map(now.asked.map(one => [one.nonce, one]))
    for (const [key, {at, label}] of sent) {
      if (known.has(key)) continue
      if (Date.now() - at > LOST_MS) sent.delete(key)
      else known.set(key, {nonce: key, label, state: 'sending', text: ''})
    }
    list(asked, [...known.values()], () => make('span'), (node, {nonce: key, label, state, text}) => {
      const open = state === 'sending' || state === 'requested', waited = Date.now() - (sent.get(key)?.at ?? Date.now())
      const late = !open || waited < LATE_MS ? '' : waited < UNANSWERED_MS ? 'late' : 'unanswered'
      const says = late === 'unanswered' ? 'no answer yet: see that the engine runs' : text
      put(node, `${label}: ${WORDS[state]}${says ? ', ' + says : ''}`)
      style(node, `ask ${late || state}`)
    })
  }
  const show = () => {
    const before = now
    now = read()
    for (const {nonce: key} of before.asked) if (!now.asked.some(one => one.nonce === key)) sent.delete(key)
    bar.hidden = !now.steers
    put(name, now.who ? `${now.who} ` : '')
    who.hidden = !now.who
    list(modes, now.modes, () => make('button'), (node, [mode, label]) => {
      put(node, label)
      node.setAttribute('role', 'radio')
      node.setAttribute('aria-checked', mode === now.mode)
      node.onclick = () => { if (mode !== now.mode || turning()) send('mode', `Mode ${label}`, mode) }
    })
    put(pause, now.trading === 'HALTED' ? 'Re-arm' : now.trading === 'REDUCING' ? 'Resume' : 'Pause')
    for (const box of held) {
      list(box, now.positions, () => {
        const node = make('li')
        make('span', '', node)
        make('span', '', node)
        return node
      }, (node, {text, pnl}) => {
        put(node.children[0], text)
        put(node.children[1], pnl.text)
        style(node.children[1], pnl.tone)
      })
    }
    put(flat.go, now.positions.length ? `Flatten all ${now.positions.length}` : 'Flatten: nothing is held')
    tell()
  }
  const ticking = setInterval(tell, 250)
  model.on('steer', show)
  model.on('remove', () => clearInterval(ticking))
  show()
}
"""
