"""What became of a signal that entered, in words: its orders and fills, its scalp."""

from collections.abc import Iterator
from typing import Final

from flows.records.parts import FillPart, OrderPart, ScalpPart, Story
from flows.wording import instrument, money, number, percent, second
from operators.codes import EXIT_TEXT, SECOND_HALF_TEXT, ExitReason, SecondHalf

ACTION: Final = {"first": "entry", "second": "second half", "exit": "exit"}
CANCEL_TEXT: Final = {
    "timeout": "it was not filled in time",
    "state": "the trading state stopped entries",
    "event": "the window around an FOMC statement began",
    "mode": "the mode was changed",
}
"""Why an entry is cancelled, besides an exit that is due."""


def orders(story: Story) -> Iterator[str]:
    """The orders by time, each with its fills."""
    if not story.orders:
        return
    yield ""
    yield "Orders and fills:"
    for order in story.orders:
        yield f"  {_order(order)}"
        for fill in story.fills:
            if fill.client_order_id == order.client_order_id:
                yield f"    {_fill(fill)}"


def _order(order: OrderPart) -> str:
    action = ACTION.get(order.action, order.action) + (f" {order.attempt}" if order.action == "exit" else "")
    price = "at the market" if order.limit_price is None else f"at {money(order.limit_price)} or better"
    wanted = f"{order.side} {order.quantity:,} {instrument(order.symbol)} {price}"
    sent = f", because {exit_text(order.reason)}" if order.action == "exit" and order.reason else ""
    return f"{second(order.sent_at)}  {action}: {wanted}{sent}; {_state(order)}"


def _state(order: OrderPart) -> str:
    """How far it came, and why an entry was cancelled; a cancel may have come too late."""
    state = "filled whole" if order.state == "filled" else order.state
    if order.action != "exit" and order.reason:
        asked = "" if order.state == "cancelled" else " though a cancel was asked for"
        state += f"{asked} because {CANCEL_TEXT.get(order.reason, exit_text(order.reason))}"
    return state if order.state == "filled" else f"{state}, {order.filled_quantity:,} of {order.quantity:,} filled"


def _fill(fill: FillPart) -> str:
    return f"{second(fill.filled_at)}  {fill.quantity:,} at {money(fill.price)}, fee {money(fill.fee)}"


def exit_text(code: str) -> str:
    """An exit's reason in words, with its code; one of another version of this program as it is."""
    return f"{EXIT_TEXT[ExitReason(code)]} ({code})" if code in set(ExitReason) else code


def second_half_text(code: str) -> str:
    """What became of a second half, in words."""
    return SECOND_HALF_TEXT[SecondHalf(code)] if code in set(SecondHalf) else code


def scalp(story: Story) -> Iterator[str]:
    """The scalp from its first fill to its result; nothing where nothing was bought."""
    if story.scalp is None:
        return
    held = story.scalp
    yield ""
    yield f"Scalp, {held.status}:"
    yield f"  entry {held.quantity:,} {_instrument(held)} at {money(held.entry_price)}, {second(held.entry_time)}"
    for line in (_greeks(held), _levels(held), _second_half(held), _exit(held), _result(held)):
        if line:
            yield f"  {line}"
    if held.alarm:
        yield f"  ALARM: {held.alarm}"


def _instrument(held: ScalpPart) -> str:
    leverage = "" if held.leverage is None else f" (leverage {held.leverage:g})"
    sessions = "" if held.dte is None else f" ({held.dte} DTE, {held.multiplier} shares a contract)"
    return f"{instrument(held.symbol)}{leverage}{sessions}"


def _greeks(held: ScalpPart) -> str:
    known = {"delta": held.entry_delta, "theta a day": held.entry_theta, "IV": held.entry_iv}
    shown = [f"{words} {number(value)}" for words, value in known.items() if value is not None]
    return f"at the decision {', '.join(shown)}" if shown else ""


def _levels(held: ScalpPart) -> str:
    levels = {"stop": held.stop_loss, "target": held.target_price}
    return ", ".join(f"{words} {'unknown' if level is None else money(level)}" for words, level in levels.items())


def _second_half(held: ScalpPart) -> str:
    return "" if held.second_half is None else f"second half: {second_half_text(held.second_half)}"


def _exit(held: ScalpPart) -> str:
    if held.status == "open":
        return "not left yet"
    price = "at an unknown price" if held.exit_price is None else f"at {money(held.exit_price)}"
    when = "" if held.exit_time is None else f", {second(held.exit_time)}"
    why = "unknown" if held.exit_reason is None else exit_text(held.exit_reason)
    return f"left {price}{when}; reason: {why}"


def _result(held: ScalpPart) -> str:
    """Gross, fees, net and the share of cost; while it is open only fees are known."""
    amounts = {"gross": held.gross_pnl, "fees": held.fees, "net": held.pnl}
    shown = [f"{words} {money(amount)}" for words, amount in amounts.items() if amount is not None]
    if held.pnl_pct is not None:
        shown.append(f"{percent(held.pnl_pct)} of cost")
    return ", ".join(shown)
