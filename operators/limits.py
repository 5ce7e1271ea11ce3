"""What the account still allows: trading state, cool-downs, slots, one bias. How much it allows says `budget`.

Every check gives a verdict; none is skipped because another failed.
"""

from typing import Final

from operators import prices
from operators.book import BookState
from operators.codes import Refusal
from operators.config import EngineSettings, ScalpConfig
from operators.events import MINUTE_NS
from operators.intents import Candidate, Ticket, Verdict
from operators.orders import LegName

PDT_EQUITY_MICROS: Final = 25_000 * prices.DOLLAR
PDT_TRADES = 3
"""FINRA's pattern-day-trader rule: under 25,000 USD at most three day trades in five sessions."""


def decided_key(ticket: Ticket) -> str:
    """Names the ticker, bar and direction of a ticket, whatever its source."""
    return f"{ticket.setup.ticker}|{ticket.setup.bar_close_ns}|{ticket.setup.direction}"


def account_verdicts(book: BookState, config: ScalpConfig, settings: EngineSettings, ticket: Ticket) -> list[Verdict]:
    """What is asked of a ticket whatever its instrument."""
    earlier = book.decided.get(decided_key(ticket))
    trades = book.scalps_today + sum(not scalp.bought for scalp in book.scalps.values())
    verdicts = [
        Verdict(Refusal.STATE, book.trading == "ACTIVE", reason=book.trading_reason or None),
        Verdict(Refusal.DUPLICATE, earlier is None, reason=None if earlier is None else f"decided as {earlier}"),
        Verdict(Refusal.DAY_CAP, trades < config.max_scalps_per_day, trades, config.max_scalps_per_day, "scalps"),
        *_cooldown(book, config, ticket),
        *_switched(book, ticket),
    ]
    if settings.account_profile == "pdt_25k" and book.equity_micros() < PDT_EQUITY_MICROS:
        made = sum(count for _, count in book.day_trades) + len(book.scalps)
        verdicts.append(Verdict(Refusal.DAY_TRADES, made < PDT_TRADES, made, PDT_TRADES, "day trades in 5 sessions"))
    return verdicts


def _switched(book: BookState, ticket: Ticket) -> list[Verdict]:
    """What a person left of the ticker. Not listed where nobody touched it."""
    side, ticker = book.sides.get(ticket.setup.ticker), ticket.setup.ticker
    if side is None:
        return []
    allowed = side == ("long" if ticket.setup.direction > 0 else "short")
    said = "is switched off" if side == "off" else f"may be traded {side} only"
    return [Verdict(Refusal.TICKER, allowed, reason=f"{ticker} {said}")]


def _cooldown(book: BookState, config: ScalpConfig, ticket: Ticket) -> list[Verdict]:
    """After a stop some minutes, after another exit a bar that opened after it. Not listed where nothing was left."""
    setup, verdicts = ticket.setup, []
    stopped = book.stopped.get(f"{setup.ticker}|{setup.direction}")
    if stopped is not None:
        minutes, least = (setup.at_ns - stopped) / MINUTE_NS, float(config.cooldown_minutes)
        verdicts.append(Verdict(Refusal.COOLDOWN, minutes >= least, minutes, least, "minutes after a stop"))
    left = book.left.get(setup.ticker)
    if left is not None:
        opened_ns = setup.bar_close_ns - setup.timeframe_minutes * MINUTE_NS
        minutes = (opened_ns - left) / MINUTE_NS
        verdicts.append(
            Verdict(Refusal.COOLDOWN, minutes >= 0.0, minutes, 0.0, "minutes from the exit to the bar's open")
        )
    return verdicts


def open_verdicts(
    book: BookState, config: ScalpConfig, ticket: Ticket, leg: LegName, chosen: Candidate | None
) -> list[Verdict]:
    """Open positions, slots of the leg's kind, opposing exposure; what needs an instrument only once there is one."""
    scalps, ticker, direction = book.scalps_in_order(), ticket.setup.ticker, ticket.setup.direction
    symbol = None if chosen is None else chosen.symbol
    same = [scalp for scalp in scalps if scalp.ticker == ticker or scalp.symbol == symbol]
    taken = sum(scalp.leg == leg for scalp in scalps)
    most = config.max_concurrent_scalps if leg == "option" else config.etf_max_concurrent_scalps
    verdicts = [
        Verdict(Refusal.POSITION_OPEN, not same, reason=f"{same[0].symbol} for {same[0].ticker}" if same else None),
        Verdict(Refusal.SLOTS, taken < most, taken, most, f"{leg} scalps"),
    ]
    if chosen is not None:
        against = [scalp for scalp in scalps if scalp.group == chosen.group and scalp.direction != direction]
        reason = f"{against[0].symbol} is held in {chosen.group}" if against else None
        verdicts.append(Verdict(Refusal.OPPOSING, not against, reason=reason))
    return verdicts


def entries_allowed(book: BookState) -> bool:
    """Whether the trading state and the calendar allow an entry now."""
    return book.trading == "ACTIVE" and not book.window_from_ns <= book.now_ns < book.window_until_ns
