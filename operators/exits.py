"""When a scalp is left: one rule a row of the table, in its order; the first that holds gives the reason."""

from collections.abc import Callable
from typing import Final

import msgspec

from operators import prices
from operators.codes import ExitReason
from operators.events import Bar, Quote
from operators.intents import AnyScalp, ScalpPosition
from operators.moments import Moment
from operators.orders import LegName

EXHAUSTION_BARS: Final = 3
WIDE: Final = 2.0
"""A spread over twice `max_spread_pct` is not believed at once. Source: product rule "Leave"."""
ROWS: Final[dict[ExitReason, int]] = {
    ExitReason.OPERATOR: 1,
    ExitReason.RISK: 1,
    ExitReason.STOP_LOSS: 2,
    ExitReason.STALE_QUOTE: 3,
    ExitReason.CLOUD_FLIP: 4,
    ExitReason.PROFIT_TARGET: 5,
    ExitReason.EXHAUSTION: 6,
    ExitReason.TIME_CUTOFF: 7,
    ExitReason.EVENT: 8,
    ExitReason.SESSION_END: 9,
}
"""Row of each reason: a reason of a smaller row takes over the working exit of a larger one."""


class Situation(msgspec.Struct, frozen=True):
    """What a rule may look at besides the scalp. `quote` is the fund's newest, None if the stream is too old.

    `asked` is what a person or the kill switch wants, `flip` the fast cloud's new colour on the bar that just
    closed, `silent` that no quote came for too long, `event` and `session_end` that their time has come. A spread over
    `widest_spread` (a fraction of the mid) is too wide for an option's stop to believe before it stood for `stand_ns`.
    """

    now_ns: int
    quote: Quote | None
    widest_spread: float
    stand_ns: int
    asked: ExitReason | None = None
    flip: int = 0
    silent: bool = False
    event: bool = False
    session_end: bool = False


Rule = Callable[[AnyScalp, Situation], ExitReason | None]


def asked(_: AnyScalp, situation: Situation) -> ExitReason | None:
    """Row 1: flatten and kill."""
    return situation.asked


def stop_loss(scalp: AnyScalp, situation: Situation) -> ExitReason | None:
    """Row 2: the fund's mid at or under the stop; a missing bid counts as 0, without an ask the stop waits."""
    return ExitReason.STOP_LOSS if stop_reached(scalp, situation.quote) else None


def option_stop(scalp: AnyScalp, situation: Situation) -> ExitReason | None:
    """Row 2 for options, whose quotes may be wide: at once on a narrow one or with the ask itself at the stop.

    Else when a second quote says so too, or the first has stood long enough.
    """
    quote = situation.quote
    if not isinstance(scalp, ScalpPosition) or quote is None or not stop_reached(scalp, quote):
        return None
    narrow = prices.usable(quote) and prices.spread_fraction(quote) <= WIDE * situation.widest_spread
    second = scalp.doubt_ns not in (0, quote.at_ns)
    stood = situation.now_ns >= quote.at_ns + situation.stand_ns
    if narrow or second or stood or prices.micros(quote.ask) <= scalp.stop_micros:
        return ExitReason.STOP_LOSS
    return None


def stop_reached(scalp: AnyScalp, quote: Quote | None) -> bool:
    """Whether the mid is at or under the stop; a missing bid counts as 0, without an ask there is no mid."""
    mid = prices.mid(quote)
    return scalp.bought > 0 and mid is not None and mid <= scalp.stop_micros


def stale_quote(_: AnyScalp, situation: Situation) -> ExitReason | None:
    """Row 3: the quotes fell silent."""
    return ExitReason.STALE_QUOTE if situation.silent else None


def cloud_flip(scalp: AnyScalp, situation: Situation) -> ExitReason | None:
    """Row 4: the fast cloud of the signal's ticker turned against the scalp."""
    return ExitReason.CLOUD_FLIP if situation.flip == -scalp.direction else None


def profit_target(scalp: AnyScalp, situation: Situation) -> ExitReason | None:
    """Row 5: the bid at or over the target."""
    bid = prices.bid(situation.quote)
    return ExitReason.PROFIT_TARGET if scalp.bought and bid is not None and bid >= scalp.target_micros else None


def exhaustion(scalp: AnyScalp, situation: Situation) -> ExitReason | None:
    """Row 6: three bars in a row wholly outside the fast cloud on the good side, and no loss at the bid."""
    bid = prices.bid(situation.quote)
    if scalp.outside_run < EXHAUSTION_BARS or bid is None or bid < scalp.average_micros:
        return None
    return ExitReason.EXHAUSTION


def time_cutoff(scalp: AnyScalp, situation: Situation) -> ExitReason | None:
    """Row 7: an option's time is over."""
    late = isinstance(scalp, ScalpPosition) and situation.now_ns >= scalp.cutoff_ns
    return ExitReason.TIME_CUTOFF if late else None


def event(_: AnyScalp, situation: Situation) -> ExitReason | None:
    """Row 8: five minutes before an announced FOMC statement."""
    return ExitReason.EVENT if situation.event else None


def session_end(_: AnyScalp, situation: Situation) -> ExitReason | None:
    """Row 9: five minutes before the close."""
    return ExitReason.SESSION_END if situation.session_end else None


FUND_RULES: Final[tuple[Rule, ...]] = (
    asked,
    stop_loss,
    stale_quote,
    cloud_flip,
    profit_target,
    exhaustion,
    event,
    session_end,
)
"""The rows that apply to funds; row 7, the time cut-off, is for options."""
OPTION_RULES: Final[tuple[Rule, ...]] = (
    asked,
    option_stop,
    stale_quote,
    cloud_flip,
    profit_target,
    exhaustion,
    time_cutoff,
    event,
    session_end,
)
"""All rows, the stop as options need it."""
RULES: Final[dict[LegName, tuple[Rule, ...]]] = {"fund": FUND_RULES, "option": OPTION_RULES}


def first(scalp: AnyScalp, situation: Situation) -> ExitReason | None:
    """The reason of the first rule of the scalp's kind that holds."""
    return next((reason for rule in RULES[scalp.leg] if (reason := rule(scalp, situation)) is not None), None)


def outside(bar: Bar, moment: Moment, direction: int) -> bool:
    """Whether the bar lies wholly beyond the fast cloud on the side of `direction`, in that direction's colour."""
    if moment.lower is None or moment.upper is None:
        return False
    beyond = bar.low > moment.upper if direction > 0 else bar.high < moment.lower
    return beyond and (bar.close - bar.open) * direction > 0.0


def bounced(bar: Bar, moment: Moment, direction: int) -> bool:
    """Whether the bar tested the fast cloud and closed beyond it on the side of `direction`."""
    if moment.lower is None or moment.upper is None:
        return False
    if direction > 0:
        return bar.low <= moment.upper < bar.close
    return bar.high >= moment.lower > bar.close
