"""What the account still allows: trading state, cool-downs, slots, exposure, and the size of an entry.

Every check gives a verdict; none is skipped because another failed.
"""

from typing import Final

from operators import orders, prices
from operators.book import BookState
from operators.codes import Refusal
from operators.config import EngineSettings, ScalpConfig
from operators.events import MINUTE_NS
from operators.intents import Candidate, ETFScalpPosition, Ticket, Verdict
from operators.sizing import ETFScalpSizer

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
    ]
    if settings.account_profile == "pdt_25k" and book.equity_micros() < PDT_EQUITY_MICROS:
        made = sum(count for _, count in book.day_trades) + len(book.scalps)
        verdicts.append(Verdict(Refusal.DAY_TRADES, made < PDT_TRADES, made, PDT_TRADES, "day trades in 5 sessions"))
    return verdicts


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


def fund_verdicts(book: BookState, config: ScalpConfig, ticket: Ticket, fund: Candidate | None) -> list[Verdict]:
    """Open positions, slots and opposing exposure; what concerns the fund itself only once there is one."""
    scalps, ticker, direction = list(book.scalps.values()), ticket.setup.ticker, ticket.setup.direction
    symbol = None if fund is None else fund.symbol
    same = [scalp for scalp in scalps if scalp.ticker == ticker or scalp.symbol == symbol]
    most = config.etf_max_concurrent_scalps
    verdicts = [
        Verdict(Refusal.POSITION_OPEN, not same, reason=f"{same[0].symbol} for {same[0].ticker}" if same else None),
        Verdict(Refusal.SLOTS, len(scalps) < most, len(scalps), most, "fund scalps"),
    ]
    if fund is not None:
        against = [scalp for scalp in scalps if scalp.group == fund.group and scalp.direction != direction]
        reason = f"{against[0].symbol} is held in {fund.group}" if against else None
        verdicts.append(Verdict(Refusal.OPPOSING, not against, reason=reason))
    return verdicts


def fund_size(
    book: BookState,
    config: ScalpConfig,
    settings: EngineSettings,
    ticket: Ticket,
    fund: Candidate,
    limit_micros: int | None,
) -> tuple[int, list[Verdict]]:
    """Whole shares of both halves at the limit (the ask of a market order), and the verdicts on them."""
    equity, conviction = book.equity_micros(), ticket.conviction.total
    quote = book.quotes.get(fund.symbol)
    price = limit_micros if limit_micros is not None else prices.micros(quote.ask) if quote is not None else 0
    power, sizer = book.buying_power_micros(settings.account_profile == "cash"), ETFScalpSizer(config)
    affordable = sizer.budget(fund.leverage, conviction, equity) // price
    shares = sizer.calculate(price, fund.leverage, conviction, equity, power)
    verdicts = [
        Verdict(Refusal.TOO_SMALL, affordable >= 1, affordable, 1.0, "shares"),
        Verdict(
            Refusal.BUYING_POWER, shares >= min(1, affordable), power / prices.DOLLAR, price / prices.DOLLAR, "USD"
        ),
    ]
    allowed = min(shares, _room(book, config, fund.leverage, price))
    verdicts.append(Verdict(Refusal.EXPOSURE_CAP, 2 * allowed >= shares, allowed, shares / 2, "shares"))
    verdicts += orders.pretrade(book, fund.symbol, first_half(allowed), limit_micros)
    return allowed, verdicts


def first_half(shares: int) -> int:
    """Shares of the first order: half, rounded up."""
    return -(-shares // 2)


def _room(book: BookState, config: ScalpConfig, leverage: float, price_micros: int) -> int:
    """Shares that gross leverage and the caps of one order (half of the position) leave, never under 0."""
    equity = book.equity_micros()
    free = config.max_gross_leverage * equity - book.exposure_micros()
    gross = int(free / (abs(leverage) * price_micros))
    one_order = min(config.max_order_shares, int(config.max_order_notional_fraction * equity) // price_micros)
    return max(0, min(gross, 2 * one_order))


def entries_allowed(book: BookState) -> bool:
    """Whether the trading state and the calendar allow an entry now."""
    return book.trading == "ACTIVE" and not book.window_from_ns <= book.now_ns < book.window_until_ns


def second_fits(
    book: BookState, config: ScalpConfig, settings: EngineSettings, scalp: ETFScalpPosition, price_micros: int
) -> bool:
    """Whether the planned second half, at this price a share, is still within budget, cash and caps."""
    budget = ETFScalpSizer(config).budget(scalp.leverage, scalp.conviction, book.equity_micros())
    cost, planned = scalp.second * price_micros, scalp.second * scalp.limit_micros
    dearer = round(abs(scalp.leverage) * (cost - planned))
    exposure = book.exposure_micros() + dearer
    return (
        scalp.cost_micros + cost <= budget
        and cost <= book.buying_power_micros(settings.account_profile == "cash") + planned
        and exposure <= config.max_gross_leverage * book.equity_micros()
        and all(verdict.passed for verdict in orders.pretrade(book, scalp.symbol, scalp.second, price_micros))
    )
