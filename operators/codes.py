"""Every reason that the engine gives, once: refusals, exits, dropped second halves.

The members are frozen by a test and stand in the database; their order is the order in which a refusal is explained:
the first failing code of a signal is the smallest in this order. Texts are what a trader reads.
"""

from enum import StrEnum
from typing import Final


class Refusal(StrEnum):
    """Why a signal did not become a trade; `REFUSAL_TEXT` says it in words."""

    TICKER = "ticker"
    START_TIME = "start_time"
    TOO_LATE = "too_late"
    FOMC = "fomc"
    CALENDAR_UNKNOWN = "calendar_unknown"
    CONVICTION = "conviction"
    MACRO = "macro"
    STALE = "stale"
    STATE = "state"
    COOLDOWN = "cooldown"
    POSITION_OPEN = "position_open"
    NO_CHAIN = "no_chain"
    DELTA = "delta"
    SPREAD = "spread"
    OPEN_INTEREST = "open_interest"
    VOLUME = "volume"
    IV_RANK = "iv_rank"
    THETA = "theta"
    GAMMA = "gamma"
    DIVIDEND = "dividend"
    UNMAPPED = "unmapped"
    ADV_UNKNOWN = "adv_unknown"
    FUND_VOLUME = "fund_volume"
    FUND_SPREAD = "fund_spread"
    TOO_SMALL = "too_small"
    PREMIUM_CAP = "premium_cap"
    EXPOSURE_CAP = "exposure_cap"
    BUYING_POWER = "buying_power"
    SLOTS = "slots"
    OPPOSING = "opposing"
    DAY_CAP = "day_cap"
    DAY_TRADES = "day_trades"
    PERMISSION = "permission"
    DUPLICATE = "duplicate"
    COLLAR = "collar"
    RATE = "rate"


class ExitReason(StrEnum):
    """Why a scalp was left; the order of the first ten is their priority."""

    OPERATOR = "operator"
    RISK = "risk"
    STOP_LOSS = "stop_loss"
    STALE_QUOTE = "stale_quote"
    CLOUD_FLIP = "cloud_flip"
    PROFIT_TARGET = "profit_target"
    EXHAUSTION = "exhaustion"
    TIME_CUTOFF = "time_cutoff"
    EVENT = "event"
    SESSION_END = "session_end"
    BROKER = "broker"
    EXPIRED = "expired"


class SecondHalf(StrEnum):
    """What became of a scalp's second half: planned or sent, filled, or why it was dropped."""

    PLANNED = "planned"
    SENT = "sent"
    FILLED = "filled"
    SINGLE = "single"
    NO_TEST = "no_test"
    LOSING = "losing"
    EXIT_DUE = "exit_due"
    PARTIAL_FIRST = "partial_first"
    CAPS = "caps"
    MODE = "mode"


REFUSAL_TEXT: Final[dict[Refusal, str]] = {
    Refusal.TICKER: "the ticker is not among scalp_tickers",
    Refusal.START_TIME: "before scalp_start_time",
    Refusal.TOO_LATE: "too little time is left before the time exit",
    Refusal.FOMC: "inside the window around an FOMC statement",
    Refusal.CALENDAR_UNKNOWN: "the FOMC or session calendar does not reach this day",
    Refusal.CONVICTION: "conviction under min_conviction_to_scalp",
    Refusal.MACRO: "the 10-minute macro cloud does not confirm the direction",
    Refusal.STALE: "the signal is too old or lies in the future",
    Refusal.STATE: "the trading state allows no entries",
    Refusal.COOLDOWN: "too soon after the last exit of this ticker",
    Refusal.POSITION_OPEN: "a scalp of this ticker or symbol is open",
    Refusal.NO_CHAIN: "there is no option chain",
    Refusal.DELTA: "delta outside the target band",
    Refusal.SPREAD: "the option's spread is too wide",
    Refusal.OPEN_INTEREST: "open interest is too low",
    Refusal.VOLUME: "the option's volume today is too low",
    Refusal.IV_RANK: "IV rank is too high or unknown",
    Refusal.THETA: "theta burn is too fast",
    Refusal.GAMMA: "gamma is extreme",
    Refusal.DIVIDEND: "a call would be held over an ex-dividend date",
    Refusal.UNMAPPED: "no leveraged fund is known for the ticker",
    Refusal.ADV_UNKNOWN: "the fund's average dollar volume is not known yet",
    Refusal.FUND_VOLUME: "the fund's average dollar volume is too low",
    Refusal.FUND_SPREAD: "the fund's spread is too wide or it has no usable quote",
    Refusal.TOO_SMALL: "the risk budget does not pay for one unit",
    Refusal.PREMIUM_CAP: "the premium at risk would exceed its cap",
    Refusal.EXPOSURE_CAP: "gross leverage or an order cap leaves less than half of the size",
    Refusal.BUYING_POWER: "not enough buying power",
    Refusal.SLOTS: "all slots are taken",
    Refusal.OPPOSING: "an open scalp of the same exposure group points the other way",
    Refusal.DAY_CAP: "the day's number of scalps is used up",
    Refusal.DAY_TRADES: "the account may make no more day trades",
    Refusal.PERMISSION: "the account may not trade this instrument",
    Refusal.DUPLICATE: "the same ticker, bar and direction was decided before",
    Refusal.COLLAR: "the limit lies too far beyond the quote",
    Refusal.RATE: "too many entry orders in a short time",
}
REFUSAL_ORDER: Final = {code: place for place, code in enumerate(Refusal)}
NO_SUITABLE_CONTRACT: Final = frozenset(
    {
        Refusal.NO_CHAIN,
        Refusal.DELTA,
        Refusal.SPREAD,
        Refusal.OPEN_INTEREST,
        Refusal.VOLUME,
        Refusal.IV_RANK,
        Refusal.THETA,
        Refusal.GAMMA,
        Refusal.DIVIDEND,
        Refusal.TOO_SMALL,
    }
)
"""Failures of the option leg after which mode `both` tries the fund leg: no contract fits; not risk, not time."""
EXIT_TEXT: Final[dict[ExitReason, str]] = {
    ExitReason.OPERATOR: "a person asked to leave",
    ExitReason.RISK: "the kill switch was pulled",
    ExitReason.STOP_LOSS: "the price fell to the stop",
    ExitReason.STALE_QUOTE: "the quotes fell silent for too long",
    ExitReason.CLOUD_FLIP: "the fast cloud turned against the scalp on a closed bar",
    ExitReason.PROFIT_TARGET: "the bid reached the target",
    ExitReason.EXHAUSTION: "the move ran far beyond the fast cloud, bar after bar",
    ExitReason.TIME_CUTOFF: "the option's time cut-off came",
    ExitReason.EVENT: "an FOMC statement was about to come",
    ExitReason.SESSION_END: "the session was about to end",
    ExitReason.BROKER: "the broker closed the position",
    ExitReason.EXPIRED: "the contract expired and was settled at the official close",
}
SECOND_HALF_TEXT: Final[dict[SecondHalf, str]] = {
    SecondHalf.PLANNED: "planned, neither sent nor dropped yet",
    SecondHalf.SENT: "sent, not filled whole",
    SecondHalf.FILLED: "sent and filled whole",
    SecondHalf.SINGLE: "none, one unit cannot be halved",
    SecondHalf.NO_TEST: "dropped, no bar tested the fast cloud and closed beyond it in time",
    SecondHalf.LOSING: "dropped, the position was losing, and a loser is not added to",
    SecondHalf.EXIT_DUE: "dropped, an exit was due first",
    SecondHalf.PARTIAL_FIRST: "dropped, the first half was not filled whole",
    SecondHalf.CAPS: "dropped, budget, caps or the quote no longer allowed it",
    SecondHalf.MODE: "dropped, the mode, the trading state or the calendar allowed no entry",
}
