"""The dataflow: one straight line from the tape to the records.

    tape -> market -> signal -> route -> greeks -> strike -> gate -> fund -> liquidity -> desk -> ledger

Every step passes on what does not concern it, in order; nothing leaves the line before the desk.
"""

from typing import TypeAlias

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.outputs import Sink

from operators import funds, gate, route, strikes, underlyings
from operators.events import AnyEvent
from operators.market import Market
from operators.steps import Desks, Outcome, act, decide, observe, open_tickets

Tape: TypeAlias = Source[tuple[str, AnyEvent]]
Ledger: TypeAlias = Sink[tuple[str, Outcome]]


def scalp(tape: Tape, ledger: Ledger, market: Market, desks: Desks) -> Dataflow:
    """The line from a tape to a ledger: its two states and the rules between them, by the settings in force."""
    flow, now = Dataflow("scalp"), desks.in_force

    events = op.input("tape", flow, tape)
    # ("line", Bar(seq=7, ticker="QQQ", close=571.3, ...)) or a Quote, Chain, OutsideSignal, Command, ...
    line = observe("market", events, market)
    # a Bar is a Moment now (bar with fast cloud); a flip with volume adds a Setup (bar, direction, view)
    line = open_tickets("signal", line)
    # a Setup is a Ticket now: signal_id, conviction, an option and a fund leg without verdicts
    line = decide("route", line, lambda rules, _: route.prechecks(rules), now)
    # both legs carry ticker, conviction, macro, stale, start_time, fomc; the fund leg too_late
    line = decide("greeks", line, underlyings.price_chain, now)
    # the ticket has a chain with Greeks, or the option leg says no_chain
    line = decide("strike", line, lambda rules, _: strikes.choose(rules), now)
    # the option leg has ranked contracts, the chosen one, too_late, delta, spread, open_interest, volume
    line = decide("gate", line, lambda rules, _: gate.greeks_gate(rules), now)
    # the option leg carries iv_rank, theta, gamma, dividend of the chosen contract
    line = decide("fund", line, lambda rules, _: funds.map_to_funds(rules), now)
    # the fund leg lists its candidates, e.g. TQQQ then QLD
    line = decide("liquidity", line, lambda rules, _: funds.check_liquidity(rules), now)
    # the fund leg has a chosen fund or the first one's verdicts
    records = act("desk", line, desks)
    # SignalRecord, VerdictRecord, OrderRecord, FillRecord, OptionsScalpRecord, EtfScalpRecord, ...
    op.output("ledger", records, ledger)
    return flow
