"""When an option scalp is left for its time, and whether enough of it remains to enter one."""

from datetime import time

from operators import sessions
from operators.codes import Refusal
from operators.config import ScalpConfig
from operators.events import MINUTE_NS
from operators.intents import Verdict
from operators.sessions import Session


def clock(dte: int, config: ScalpConfig) -> time:
    """The cut-off of an option with this DTE on a normal day."""
    return config.zero_dte_cutoff if dte <= 0 else config.one_dte_cutoff


def cutoff_ns(dte: int, session: Session, config: ScalpConfig) -> int:
    """When a scalp with this DTE is left in a session; earlier by as much as an early close is."""
    return sessions.cutoff_ns(session, clock(dte, config))


def minutes_left(dte: int, at_ns: int, session: Session, config: ScalpConfig) -> float:
    """Minutes from an instant to the cut-off of this DTE; negative after it."""
    return (cutoff_ns(dte, session, config) - at_ns) / MINUTE_NS


def most_minutes_left(at_ns: int, session: Session, config: ScalpConfig) -> float:
    """Minutes to the later one of the cut-offs, where it is not known what is listed."""
    return max(minutes_left(dte, at_ns, session, config) for dte in (0, 1))


def too_late(minutes: float, config: ScalpConfig) -> Verdict:
    """Whether these minutes to the exit are enough."""
    least = float(config.min_minutes_to_exit)
    return Verdict(Refusal.TOO_LATE, minutes >= least, minutes, least, "minutes to the exit")
