"""The head of the chart: which ticker it shows, and what is known of the ticker and its options in one line each."""

from typing import Any, ClassVar

import param
from panel.custom import JSComponent

from dashboard.look import CALM, PART_CSS, WARN, Cell, age, cell, number, percent, signed, tone_of
from dashboard.nodes import NODES
from flows.records.now_parts import Candle, ChainLine, Snapshot
from operators.sessions import NEW_YORK

CSS = f"""
.bar {{ display: flex; flex-wrap: wrap; align-items: center; gap: 4px 14px; padding: 6px 14px 2px; }}
.picks {{ display: flex; flex-wrap: wrap; gap: 3px; }}
.picks button {{ padding: 3px 9px; border-radius: 4px; color: var(--quiet); border: 1px solid var(--edge);
  font-size: 12px; }}
.picks button[aria-checked=true] {{ color: var(--text); background: var(--raised); border-color: var(--calm); }}
.said {{ display: flex; flex-wrap: wrap; gap: 2px 14px; font-size: 12px; font-variant-numeric: tabular-nums; }}
.said span {{ color: var(--live); white-space: nowrap; }}
.said span.gain {{ color: var(--gain); }} .said span.loss {{ color: var(--loss); }}
.said span.quiet {{ color: var(--dim); }} .said span.warn {{ color: var(--warn); }}
.said span.entry {{ color: {CALM}; }} .said span.exit {{ color: {WARN}; }}
@media (max-width: 700px) {{ .bar {{ padding: 8px 10px 2px; }} .picks button {{ padding: 7px 10px; }}
  .said span {{ white-space: normal; }} }}
"""

ESM = """
export function render({model}) {
  const root = make('div', 'bar'), picks = make('div', 'picks', root), said = make('div', 'said', root)
  picks.setAttribute('role', 'radiogroup')
  picks.setAttribute('aria-label', 'Ticker of the chart')
  said.id = 'ticker'
  const build = () => {
    const node = make('button')
    node.setAttribute('role', 'radio')
    return node
  }
  const show = () => {
    const {tickers, active} = model, go = to => { model.picked = tickers[(to + tickers.length) % tickers.length] }
    list(picks, tickers, build, (node, name, place) => {
      put(node, name)
      node.tabIndex = name === active ? 0 : -1
      node.setAttribute('aria-checked', name === active)
      node.onclick = () => go(place)
      node.onkeydown = event => walk(event, step => {
        go(place + step)
        picks.children[(place + step + tickers.length) % tickers.length].focus()
      })
    })
    list(said, model.said, () => make('span'), (node, {text, tone}) => {
      put(node, text)
      style(node, tone)
    })
  }
  model.on(['tickers', 'active', 'said'], show)
  show()
  return root
}
"""


class Tickers(JSComponent):
    """A choice of tickers and what is `said` of the active one; `picked` is what the person chose, "" before."""

    tickers = param.List(default=[])
    active = param.String(default="")
    picked = param.String(default="")
    said = param.List(default=[])

    _esm: ClassVar[Any] = NODES + ESM
    _stylesheets: ClassVar[list[str]] = [PART_CSS, CSS]


def newest_ticker(snapshot: Snapshot) -> str:
    """The ticker that a chart should show: that of the newest open scalp, else of the newest fill, else any."""
    if snapshot.positions:
        return snapshot.positions[-1].ticker
    if snapshot.executions:
        return snapshot.executions[-1].ticker
    return min(snapshot.candles, default="")


def said(snapshot: Snapshot, ticker: str) -> list[Cell]:
    """The ticker's last price, its clouds and its option chain."""
    candles = snapshot.candles.get(ticker, ())
    if not candles:
        return [cell("no bar yet", "quiet")]
    chain = next((line for line in snapshot.chains if line.underlying == ticker), None)
    return [*_price(candles), *_clouds(candles[-1]), *LEGEND, *_chain(chain, snapshot)]


LEGEND = (cell("▲ entry", "entry"), cell("▼ exit", "exit"))


def _price(candles: tuple[Candle, ...]) -> list[Cell]:
    """The last close, and the move since the open of its day."""
    last = candles[-1]
    day = last.closed_at.astimezone(NEW_YORK).date()
    first = next(candle for candle in candles if candle.closed_at.astimezone(NEW_YORK).date() == day)
    change = last.close / first.open - 1 if first.open else None
    since = "since the first bar shown" if first is candles[0] else "since the open"
    moved = cell(f"{signed(None if change is None else change * 100, 2, ' %')} {since}")
    return [cell(f"{last.ticker} {number(last.close)}"), moved | {"tone": tone_of(change)}]


def _clouds(candle: Candle) -> list[Cell]:
    pairs = (("5/12", candle.ema5, candle.ema12), ("34/50", candle.ema34, candle.ema50))
    return [*(_cloud(*pair) for pair in pairs), cell(f"macro {candle.macro}", MACRO.get(candle.macro, "quiet"))]


MACRO = {"bullish": "gain", "bearish": "loss"}


def _cloud(name: str, fast: float | None, slow: float | None) -> Cell:
    if fast is None or slow is None:
        return cell(f"{name} not ready", "quiet")
    return cell(f"{name} bullish", "gain") if fast > slow else cell(f"{name} bearish", "loss")


def _chain(chain: ChainLine | None, snapshot: Snapshot) -> list[Cell]:
    if chain is None:
        return [cell("no option chain", "quiet")]
    now = snapshot.tape_at
    old = None if now is None else (now - chain.quoted_at).total_seconds()
    expiry = "" if chain.dte is None else f" {chain.dte}DTE"
    line = (
        f"chain {age(old)} old, {chain.quoted:,} of {chain.contracts:,} contracts quoted, "
        f"spot {number(chain.spot)}, at-the-money IV{expiry} {percent(chain.atm_iv)}"
    )
    return [cell(line, "quiet") if chain.fresh else cell(f"{line}, stale", "warn")]
