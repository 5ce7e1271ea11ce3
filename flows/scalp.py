"""The dataflow: one straight line from the tape to the records.

    tape -> market -> signal -> route -> strike -> fund -> liquidity -> desk -> ledger

Every step passes on what does not concern it, in order; nothing leaves the line before the desk.
"""

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.outputs import Sink

from operators import funds, route, strikes
from operators.config import ScalpConfig
from operators.events import AnyEvent
from operators.market import Market
from operators.records import Record
from operators.steps import Desks, act, decide, observe, open_tickets


def scalp(
    tape: Source[tuple[str, AnyEvent]],
    ledger: Sink[tuple[str, Record]],
    market: Market,
    desks: Desks,
    config: ScalpConfig,
) -> Dataflow:
    """The line from a tape to a ledger, for one run: its two states and the rules between them."""
    flow = Dataflow("scalp")

    events = op.input("tape", flow, tape)
    # ("line", Bar(seq=7, ticker="QQQ", close=571.3, ...)) or a Quote, OutsideSignal, Command, RunStarted
    line = observe("market", events, market)
    # a Bar is a Moment now (bar with fast cloud); a flip with volume adds a Setup (bar, direction, view)
    line = open_tickets("signal", line)
    # a Setup is a Ticket now: signal_id, conviction, an option and a fund leg without verdicts
    line = decide("route", line, route.prechecks(config))
    # both legs carry ticker, conviction, macro, stale, start_time, fomc, too_late
    line = decide("strike", line, strikes.choose)
    # the option leg has a contract or says why not
    line = decide("fund", line, funds.map_to_funds(config))
    # the fund leg lists its candidates, e.g. TQQQ then QLD
    line = decide("liquidity", line, funds.check_liquidity(config))
    # the fund leg has a chosen fund or the first one's verdicts
    records = act("desk", line, desks)
    # SignalRecord, VerdictRecord, OrderRecord, FillRecord, EtfScalpRecord, ...
    op.output("ledger", records, ledger)
    return flow
