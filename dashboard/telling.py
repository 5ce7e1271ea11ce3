"""A signal's story as sections of plain values: what it was, what was asked of it, what became of it."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from dashboard.look import MISSING, TIMES, Cell, cell, clock, contract, gain, moment_text, number, percent
from flows.records.parts import CandidatePart, LegPart, OrderPart, ScalpPart, SignalPart, Story, VerdictPart
from operators.codes import EXIT_TEXT, REFUSAL_TEXT, SECOND_HALF_TEXT, ExitReason, Refusal, SecondHalf

CANDIDATES_SHOWN: Final = 10
MOST_PLACES: Final = 10
PARTS: Final = {
    "part_macro": "Macro",
    "part_agreement": "Agreeing clouds",
    "part_volume": "Volume",
    "part_distance": "Distance from the fast cloud",
    "part_slope": "Slope",
    "part_body": "Body of the bar",
}
ACTIONS: Final = {"first": "entry", "second": "second half", "exit": "exit"}


class Section(msgspec.Struct, frozen=True):
    """A part of a story: pairs of label and value, then a table with its headings."""

    title: str
    facts: Sequence[tuple[str, Cell]] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Cell]] = ()


def title(story: Story) -> str:
    """What the story is about, in a line."""
    signal = story.signal
    return f"{signal.ticker} {signal.direction}, {moment_text(signal.bar_close)} New York"


def sections(story: Story) -> list[Section]:
    """The whole story in the order in which it happened; the result comes first, because it is asked for first."""
    found = [_outcome(story), _signal(story.signal)]
    for leg in story.legs:
        found.append(_checks(leg))
        if leg.candidates:
            found.append(_candidates(leg))
    return [*found, *_orders(story), *_scalp(story.scalp)]


def _outcome(story: Story) -> Section:
    signal, scalp = story.signal, story.scalp
    facts = [("Decision", decision(signal))]
    if scalp is not None:
        facts.append(("Bought", cell(f"{scalp.quantity:,} {TIMES} {contract(scalp.symbol)}")))
        facts.append(("Net P&L", _money(scalp.pnl) if scalp.pnl is not None else cell(scalp.status)))
    return Section("Outcome", facts)


def decision(signal: SignalPart) -> Cell:
    """What was decided, and for a refusal why."""
    if signal.decision != "refused":
        leg = f" by the {signal.leg} leg" if signal.leg else ""
        return cell(f"{signal.decision}{leg}", "calm")
    code = signal.code or ""
    said = REFUSAL_TEXT[Refusal(code)] if code in set(Refusal) else code or "the reason is unknown"
    return cell(f"refused: {said}", "warn", sub=code)


def _signal(signal: SignalPart) -> Section:
    facts = [
        ("Signal", cell(f"{signal.ticker} {signal.direction}, {signal.timeframe_minutes}-minute bar, {signal.source}")),
        ("Bar closed", cell(f"{moment_text(signal.bar_close)} New York")),
        ("Decided", cell(f"{moment_text(signal.decided_at)} New York")),
        ("Macro bias", cell(signal.macro)),
        (
            "Volume",
            cell(MISSING if signal.volume_ratio is None else f"{TIMES}{number(signal.volume_ratio)} of its mean"),
        ),
        ("Conviction", cell(f"{number(signal.conviction, 1)} of 100")),
    ]
    facts += [(label, cell(_points(getattr(signal, name)), "quiet")) for name, label in PARTS.items()]
    return Section(
        "Signal", [*facts, ("Signal id", cell(signal.signal_id, "quiet")), ("Book", cell(signal.book_id, "quiet"))]
    )


def _points(value: float | None) -> str:
    return MISSING if value is None else f"{number(value, 1)} points"


def _checks(leg: LegPart) -> Section:
    failed = sum(not verdict.passed for verdict in leg.verdicts)
    chosen = f", {contract(leg.symbol)}" if leg.symbol else ""
    name = f"{leg.name.capitalize()} leg{chosen}: {len(leg.verdicts)} checks, {failed} failed"
    return Section(
        name, columns=("Check", "Result", "Measured", "Limit", "Unit", "Why"), rows=list(map(_check, leg.verdicts))
    )


def _check(verdict: VerdictPart) -> Sequence[Cell]:
    result = cell("passed", "gain") if verdict.passed else cell("FAILED", "loss")
    if not verdict.evaluated:
        result = cell(f"{result['text']}, not evaluated", "quiet")
    known = verdict.code in set(Refusal)
    failure = REFUSAL_TEXT[Refusal(verdict.code)] if known and not verdict.passed else ""
    why = "; ".join(text for text in (verdict.reason, failure) if text)
    numbers = against(verdict.measured, verdict.limit_value)
    return [cell(verdict.code.replace("_", " ")), result, *map(cell, numbers), cell(verdict.unit, "quiet"), cell(why)]


def against(measured: float | None, limit: float | None) -> tuple[str, str]:
    """Two numbers in as many places as it takes to see which is larger; a dash for what is not known."""
    if measured is None or limit is None:
        return _shortest(measured), _shortest(limit)
    whole = measured == round(measured) and limit == round(limit)
    for places in range(0 if whole else 2, MOST_PLACES):
        pair = number(measured, places), number(limit, places)
        if measured == limit or pair[0] != pair[1]:
            break
    return pair


def _shortest(value: float | None) -> str:
    return MISSING if value is None else number(value, 0 if value == round(value) else 2)


def _candidates(leg: LegPart) -> Section:
    shown = leg.candidates[:CANDIDATES_SHOWN]
    more = f", {len(leg.candidates) - len(shown)} more not shown" if len(leg.candidates) > len(shown) else ""
    greeks = ("Score", "Delta", "IV", "Bid", "Ask", "Volume", "Open interest") if leg.name == "option" else ()
    rows = [_candidate(candidate, bool(greeks)) for candidate in shown]
    return Section(
        f"Candidates of the {leg.name} leg, best first{more}", columns=("Candidate", "Fate", *greeks), rows=rows
    )


def _candidate(one: CandidatePart, greeks: bool) -> Sequence[Cell]:
    name = cell(contract(one.symbol), "strong" if one.chosen else "")
    cells = [name, _fate(one)]
    if greeks:
        told = (number(one.score), number(one.delta), percent(one.iv), number(one.bid), number(one.ask))
        cells += [*map(cell, told), cell(number(one.volume, 0)), cell(number(one.open_interest, 0))]
    return cells


def _fate(one: CandidatePart) -> Cell:
    if one.chosen:
        return cell("chosen", "gain")
    if one.lost_by is None:
        return cell("passed, not chosen", "quiet")
    measured, limit = against(one.measured, one.limit_value)
    numbers = "" if one.measured is None else f" {measured} against {limit}"
    return cell(f"lost: {one.lost_by.replace('_', ' ')}{numbers}", "quiet")


def _orders(story: Story) -> Iterable[Section]:
    if not story.orders:
        return
    rows = []
    for order in story.orders:
        rows.append(_order(order))
        for fill in story.fills:
            if fill.client_order_id == order.client_order_id:
                filled = f"{fill.quantity:,} at {_price(fill.price)}, fee {_price(fill.fee)}"
                rows.append(
                    [cell(clock(fill.filled_at)), cell("fill", "calm"), cell(""), cell(filled), cell(""), cell("")]
                )
    yield Section("Orders and fills", columns=("Time", "What", "Symbol", "Order", "State", "Reason"), rows=rows)


def _order(order: OrderPart) -> Sequence[Cell]:
    action = ACTIONS.get(order.action, order.action) + (f" {order.attempt}" if order.action == "exit" else "")
    price = "at the market" if order.limit_price is None else f"limit {_price(order.limit_price)}"
    state = f"{order.state}, {order.filled_quantity:,} of {order.quantity:,} filled"
    symbol = contract(order.symbol)
    wanted = cell(f"{order.side} {order.quantity:,} {price}")
    return [cell(clock(order.sent_at)), cell(action), cell(symbol), wanted, cell(state), cell(exit_text(order.reason))]


def _scalp(scalp: ScalpPart | None) -> Iterable[Section]:
    """The scalp from entry to result."""
    if scalp is None:
        return
    facts = [
        ("Instrument", cell(contract(scalp.symbol))),
        ("Entry", cell(f"{_price(scalp.entry_price)} at {clock(scalp.entry_time)}")),
        ("Stop / target", cell(f"{_price(scalp.stop_loss)} / {_price(scalp.target_price)}")),
        ("Second half", cell(_second_half(scalp.second_half))),
        ("Exit", cell(f"{_price(scalp.exit_price)} at {clock(scalp.exit_time)}" if scalp.exit_time else "still open")),
        ("Exit reason", cell(exit_text(scalp.exit_reason) or MISSING)),
        ("Gross P&L", _money(scalp.gross_pnl)),
        ("Fees", cell(_price(scalp.fees))),
        ("Net P&L", _money(scalp.pnl)),
        ("Net of cost", gain(None if scalp.pnl_pct is None else scalp.pnl_pct * 100, 1, " %")),
    ]
    yield Section(f"Scalp, {scalp.status}", [*facts, *_own(scalp)])


def _own(scalp: ScalpPart) -> Iterable[tuple[str, Cell]]:
    """What only one kind of scalp has, and its alarm."""
    if scalp.leverage is not None:
        yield "Leverage", cell(f"{TIMES}{number(scalp.leverage, 0)}")
    if scalp.dte is not None:
        yield "Days to expiry", cell(f"{scalp.dte}")
        yield (
            "Delta / theta / IV",
            cell(
                f"{number(scalp.entry_delta)} / {number(scalp.entry_theta)} / {percent(scalp.entry_iv)} at the decision"
            ),
        )
    if scalp.alarm:
        yield "ALARM", cell(scalp.alarm, "loss")


def exit_text(code: str | None) -> str:
    """Why it was left or cancelled, in words; a code of another version of this program as it is."""
    if not code:
        return ""
    return f"{EXIT_TEXT[ExitReason(code)]}" if code in set(ExitReason) else code


def _second_half(code: str | None) -> str:
    return SECOND_HALF_TEXT[SecondHalf(code)] if code in set(SecondHalf) else code or MISSING


def _price(text: str | None) -> str:
    """Decimal text in dollars, four places only where the third or fourth says something."""
    if text is None:
        return MISSING
    value = float(text)
    return number(value, 2 if round(value, 2) == value else 4)


def _money(text: str | None) -> Cell:
    return gain(None if text is None else float(text))
