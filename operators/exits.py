"""When a scalp is left: one rule a row of the table, in its order; the first that holds gives the reason."""

from collections.abc import Callable
from typing import Final

import msgspec

from operators import prices
from operators.codes import ExitReason
from operators.events import Bar, Quote
from operators.intents import ETFScalpPosition
from operators.moments import Moment

EXHAUSTION_BARS: Final = 3
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
    closed, `silent` that no quote came for too long, `event` and `session_end` that their time has come.
    """

    quote: Quote | None
    asked: ExitReason | None = None
    flip: int = 0
    silent: bool = False
    event: bool = False
    session_end: bool = False


Rule = Callable[[ETFScalpPosition, Situation], ExitReason | None]


def asked(_: ETFScalpPosition, situation: Situation) -> ExitReason | None:
    """Row 1: flatten and kill."""
    return situation.asked


def stop_loss(scalp: ETFScalpPosition, situation: Situation) -> ExitReason | None:
    """Row 2: the fund's mid at or under the stop; a missing bid counts as 0, without an ask the stop waits."""
    mid = prices.mid(situation.quote)
    return ExitReason.STOP_LOSS if scalp.bought and mid is not None and mid <= scalp.stop_micros else None


def stale_quote(_: ETFScalpPosition, situation: Situation) -> ExitReason | None:
    """Row 3: the quotes fell silent."""
    return ExitReason.STALE_QUOTE if situation.silent else None


def cloud_flip(scalp: ETFScalpPosition, situation: Situation) -> ExitReason | None:
    """Row 4: the fast cloud of the signal's ticker turned against the scalp."""
    return ExitReason.CLOUD_FLIP if situation.flip == -scalp.direction else None


def profit_target(scalp: ETFScalpPosition, situation: Situation) -> ExitReason | None:
    """Row 5: the bid at or over the target."""
    bid = prices.bid(situation.quote)
    return ExitReason.PROFIT_TARGET if scalp.bought and bid is not None and bid >= scalp.target_micros else None


def exhaustion(scalp: ETFScalpPosition, situation: Situation) -> ExitReason | None:
    """Row 6: three bars in a row wholly outside the fast cloud on the good side, and no loss at the bid."""
    bid = prices.bid(situation.quote)
    if scalp.outside_run < EXHAUSTION_BARS or bid is None or bid < scalp.average_micros:
        return None
    return ExitReason.EXHAUSTION


def event(_: ETFScalpPosition, situation: Situation) -> ExitReason | None:
    """Row 8: five minutes before an announced FOMC statement."""
    return ExitReason.EVENT if situation.event else None


def session_end(_: ETFScalpPosition, situation: Situation) -> ExitReason | None:
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


def first(rules: tuple[Rule, ...], scalp: ETFScalpPosition, situation: Situation) -> ExitReason | None:
    """The reason of the first rule that holds."""
    return next((reason for rule in rules if (reason := rule(scalp, situation)) is not None), None)


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
