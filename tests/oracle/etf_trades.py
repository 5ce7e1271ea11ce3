"""Minute-by-minute oracle of the leveraged-fund path, written from the specification alone.

It replays mode `leveraged_etf` on quotes made from 1-minute bars against the paper exchange. It walks the minutes and
wakes up inside one only when something falls due; rules are levels that are looked at again. Units inside: prices in
whole cents, other money in cents (Fraction where divided), instants in ns of UTC; a sign of +1 is long or bullish.
"""

from __future__ import annotations

import math
from collections import defaultdict, deque
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pandas as pd

from tests.oracle.etf_input import (
    MINUTE,
    SECOND,
    Bar,
    Recording,
    Settings,
    read,
    wall_ns,
)
from tests.oracle.etf_paper import Account, Order, Quote, Refused, Scalp, Signal, Trade

__all__ = ["Refused", "Signal", "Trade", "simulate"]

SIGNS = {"long": 1, "short": -1}
PAUSE = 2 * SECOND  # between two prices of an exit
BIASES = {"long": "bullish", "short": "bearish"}
# The table of exits for funds, highest rank first.
REASONS = ("stop_loss", "stale_quote", "cloud_flip", "profit_target", "exhaustion", "event", "session_end")
# Signal ticker (here also its exposure group) -> candidates (bull fund, bear fund, |leverage|), preferred first.
FUNDS: dict[str, list[tuple[str, str, int]]] = {
    "QQQ": [("TQQQ", "SQQQ", 3), ("QLD", "QID", 2)],
    "SPY": [("SPXL", "SPXS", 3), ("SSO", "SDS", 2)],
    "IWM": [("TNA", "TZA", 3), ("UWM", "TWM", 2)],
    "XLF": [("FAS", "FAZ", 3), ("UYG", "SKF", 2)],
}


class _Simulator(Account):
    """The rules over an account, minute by minute."""

    def __init__(self, recording: Recording, tickers: set[str], equity: Decimal, settings: Settings) -> None:
        """Start flat with `equity` in USD."""
        super().__init__(recording, equity, settings)
        self.tickers = tickers
        self.recent: dict[str, deque[Bar]] = defaultdict(lambda: deque(maxlen=3))
        self.refused: list[Refused] = []
        self.entries, self.opening = 0, Fraction(0)
        self._timeout = settings.fill_timeout_seconds * SECOND

    def run(self, signals: list[Signal], history: int) -> None:
        """Walk the minutes after the first `history` sessions."""
        asked: dict[int, list[Signal]] = defaultdict(list)
        for signal in signals:
            asked[int(signal.bar_close.as_unit("ns").value)].append(signal)
        if lost := sorted(set(asked) - set(self.recording.minutes)):
            raise ValueError(f"no bar closes at {pd.Timestamp(lost[0], tz='UTC')}")
        first = self.recording.days[history].start if history < len(self.recording.days) else math.inf
        # Reading: history sessions are the first of the whole input, and signals in them are ignored.
        for at in sorted(minute for minute in self.recording.minutes if minute > first):
            bars, clock = self.recording.minutes[at], at
            for symbol in sorted(bars):
                self._quoted(symbol, bars[symbol], at, clock)
                clock += 1
            for symbol in sorted(bars):
                self._closed(symbol, bars[symbol], clock)
                # Reading: a signal is decided at its own ticker's bar, after its exits, before the next ticker's bar.
                for signal in [signal for signal in asked[at] if signal.ticker == symbol]:
                    self._decide(signal)
                clock += 1
            for signal in [signal for signal in asked[at] if signal.ticker not in bars]:
                self._decide(signal)

    def _advance(self, until: int) -> None:
        """Do all that falls due up to and including `until`, each at its own time."""
        while True:
            arrivals, timers = [due for order in self.orders for due, _ in order.changes], self._timers()
            if (due := min(arrivals + timers, default=until + 1)) > until:
                break
            self.now = due
            for order in list(self.orders):
                self.arrive(order)
            # Reading: exits are judged on quotes, bars and timers, not on a fill or another answer of the exchange.
            for scalp in list(self.scalps) if due in timers else []:
                self._reprice(scalp)
                self._attend(scalp)
        self.now = until

    def _timers(self) -> list[int]:
        """When the rules have something to look at again (ns)."""
        times = [self.day.end, self.day.blocked[0], self.day.event[0], self.late(self.set.stale_exit_after)]
        for scalp in self.scalps:
            if scalp.buy:
                times.append(scalp.buy.sent + self._timeout)
            if sell := scalp.sell:
                if scalp.reason == "profit_target":
                    times.append(sell.sent + PAUSE)
                elif self._bid(scalp.symbol) != sell.asked:
                    times.append(sell.sent + ((self.now - sell.sent) // PAUSE + 1) * PAUSE)
        return [at for at in times if self.scalps and at > self.now]

    def _quoted(self, symbol: str, bar: Bar, event: int, at: int) -> None:
        """A quote that happened at `event` is known at `at`: matched first, then timers of that time, then judged."""
        self._advance(at - 1)
        if self.recording.day_of[event] != self.day or not self.opening:
            self.day, self.reducing, self.streak, self.entries = self.recording.day_of[event], False, 0, 0
            self.opening = self.equity
        self.now, self.stream = at, event
        self.book[symbol] = quote = Quote(bar.bid, bar.ask, bar.size, bar.size)
        for order in [order for order in self.orders if order.scalp.symbol == symbol]:
            order.quoted = True
            self.match(order)
        self._advance(at)
        self.known[symbol] = quote
        # Reading: the limit is reached at exactly the loss; then as after three stops, until the next session.
        if self.equity <= self.opening * (1 - self.set.daily_loss_limit):
            self.reducing = True
        for scalp in list(self.scalps):
            self._attend(scalp)

    def _closed(self, symbol: str, bar: Bar, at: int) -> None:
        """A bar closes: exits, then second halves of its ticker's scalps."""
        self._advance(at)
        self.recent[symbol].append(bar)
        for scalp in [scalp for scalp in self.scalps if scalp.signal.ticker == symbol]:
            self._attend(scalp, flipped=bar.flip == -SIGNS[scalp.signal.direction])
            self._second_half(scalp, bar)

    def _bid(self, symbol: str) -> int:
        """Price of a chasing sell: the known bid, or one tick."""
        # Reading: the floor, bid - max(3 ticks, 10 % of mid), is always under the bid, so a chase asks the bid itself.
        return max(1, self.known[symbol].bid)

    def _due(self, scalp: Scalp, flipped: bool) -> str:
        """The first reason in the table that holds, or nothing."""
        quote, sign = self.known[scalp.symbol], SIGNS[scalp.signal.direction]
        average = Fraction(scalp.cost, scalp.bought)
        # Reading: rows are levels judged on every quote, so exhaustion may wait for its bid; a flip is of its bar only.
        tired = [bar for bar in self.recent[scalp.signal.ticker] if bar.start > scalp.entered and bar.outside == sign]
        holds = (
            quote.mid <= scalp.stop,
            self.now >= self.late(self.set.stale_exit_after),
            flipped,
            quote.bid >= average * (1 + self.set.etf_profit_target_pct),
            len(tired) == 3 and quote.bid >= average,
            self.set.fomc_flatten and self.day.event[0] <= self.now < self.day.event[1],
            self.now >= self.day.end,
        )
        return next((reason for reason, due in zip(REASONS, holds, strict=True) if due), "")

    def _attend(self, scalp: Scalp, flipped: bool = False) -> None:
        """Cancel what must not work any longer, and start, take over or withdraw the exit."""
        buy, sell = scalp.buy, scalp.sell
        # Reading: the time-out counts from the sending; on minute data it waits for a quote after the sending.
        if buy and (flipped or self._no_entries() or (buy.quoted and self.now >= buy.sent + self._timeout)):
            self.cancel(buy)
        reason = self._due(scalp, flipped) if scalp.held else ""
        if reason and (not sell or sell.cancelled or REASONS.index(reason) < REASONS.index(scalp.reason)):
            # Reading: any exit also cancels the working entry, so that nothing is bought behind it.
            if buy:
                self.cancel(buy)
            scalp.reason = reason
            if sell and not sell.cancelled:
                # Reading: a take-over re-prices at once and starts the 2 s anew.
                self._replace(sell)
                sell.sent = self.now
            else:
                scalp.sell = self.send(scalp, self._bid(scalp.symbol))
        elif sell and scalp.reason == "profit_target" and reason != "profit_target" and self.now >= sell.sent + PAUSE:
            # Reading: a target is withdrawn whenever the bid is under it from 2 s on; until then it keeps its price.
            self.cancel(sell)

    def _reprice(self, scalp: Scalp) -> None:
        """Every 2 s after its sending a chasing exit follows the bid."""
        if not (sell := scalp.sell) or sell.cancelled or scalp.reason == "profit_target":
            return
        if self.now > sell.sent and (self.now - sell.sent) % PAUSE == 0:
            self._replace(sell)

    def _replace(self, sell: Order) -> None:
        """Send the present price, if it is another one."""
        if (bid := self._bid(sell.scalp.symbol)) != sell.asked:
            sell.asked = bid
            sell.changes.append((self.there, bid))

    @property
    def _around_fomc(self) -> bool:
        """Whether the clock is in the window without entries."""
        return self.set.no_scalp_around_fomc and self.day.blocked[0] <= self.now < self.day.blocked[1]

    def _no_entries(self) -> bool:
        """Whether no entry order may work now."""
        stale = self.now >= self.late(self.set.stale_exit_after)
        return self._around_fomc or stale or self.reducing or self.now >= self.day.end

    def _limit(self, quote: Quote) -> int:
        """Entry limit (cents)."""
        offset = max(100 * self.set.limit_offset, Fraction(1, 2))
        return min(quote.ask, math.ceil(quote.mid + offset))

    def _budget(self, k: Fraction, leverage: int) -> Fraction:
        """Notional (cents) that one scalp may have, without buying power."""
        risk = self.set.etf_max_risk_per_scalp / self.set.etf_stop_loss_pct
        parts = (risk, self.set.etf_leverage_budget_per_scalp / leverage, self.set.etf_max_position_fraction)
        return k * min(parts) * self.equity

    def _size(self, k: Fraction, leverage: int, limit: int) -> tuple[int, set[str]]:
        """Shares, and the codes that forbid them."""
        equity, budget = self.equity, self._budget(k, leverage)
        funded = math.floor(min(budget, k * self.power) / limit)
        # Reading: the caps of an order (5,000 shares, 100 % of equity) cut the whole size and refuse nothing.
        wanted = min(funded, self.set.max_order_shares, math.floor(self.set.max_order_notional * equity / limit))
        if wanted < 1:
            # Reading: `buying_power` is the code only where it alone leaves no share.
            return 0, {"buying_power" if budget >= limit and funded < 1 else "too_small"}
        free = self.set.max_gross_leverage * equity - sum(scalp.exposure for scalp in self.scalps)
        shares = max(0, min(wanted, math.floor(free / (leverage * limit))))
        return shares, {"exposure_cap"} if 2 * shares < wanted or not shares else set()

    def _liquidity(self, symbol: str) -> tuple[Quote | None, set[str]]:
        """The fund's quote, if usable, and its failing codes."""
        codes = set()
        # Reading: a session without bars of the fund is not one of its completed sessions.
        past = [usd for day, usd in self.recording.dollars.get(symbol, {}).items() if day < self.day.date][-20:]
        if len(past) < 3:
            codes.add("adv_unknown")
        elif math.fsum(past) / len(past) < self.set.etf_min_daily_volume:
            codes.add("fund_volume")
        # Reading: a quote of an earlier minute or day stands while the stream lives.
        quote = self.known.get(symbol)
        if quote is None or not 0 < quote.bid < quote.ask:
            return None, codes | {"fund_spread"}
        widest = min(max(self.set.etf_max_spread_pct / 100 * quote.mid, Fraction(1)), quote.mid / 400)
        return quote, codes | ({"fund_spread"} if quote.ask - quote.bid > widest else set())

    def _fund(self, signal: Signal) -> tuple[Scalp | None, set[str]]:
        """The scalp that the fund leg proposes, and its failing codes."""
        candidates = FUNDS.get(signal.ticker, [])
        results: list[tuple[Scalp | None, set[str]]] = []
        k = Fraction(1 if signal.conviction >= 75 else "1/2")
        for bull, bear, leverage in candidates if self.set.etf_prefer_3x else candidates[::-1]:
            symbol = bull if signal.direction == "long" else bear
            quote, illiquid = self._liquidity(symbol)
            if quote is None:
                # Reading: without a usable quote the size lacks its price and fails as `too_small`.
                results.append((None, illiquid | {"too_small"}))
                continue
            limit = self._limit(quote)
            shares, failed = self._size(k, leverage, limit)
            scalp = Scalp(signal, symbol, leverage, k, limit, shares - shares // 2, shares // 2)
            if not illiquid:
                return scalp, failed
            results.append((scalp, illiquid | failed))
        # Reading: if no candidate passes, the leg carries the verdicts of the first (options have such a rule).
        return results[0] if results else (None, {"unmapped"})

    def _prechecks(self, signal: Signal) -> set[str]:
        """Failing codes of the rules on time, signal and state; all on the rule clock."""
        start = wall_ns(self.day.date, self.set.scalp_start_time)
        end = self.day.end - self.set.min_minutes_to_exit * MINUTE
        mine = [scalp for scalp in self.scalps if scalp.signal.ticker == signal.ticker]
        # Reading: after a stop only the same direction waits; after other exits both do. Fills count, not decisions.
        stop = self.stopped.get((signal.ticker, signal.direction))
        stopped = stop is not None and self.now < stop + self.set.cooldown_minutes * MINUTE
        early = self.now // MINUTE * MINUTE - MINUTE < self.left.get(signal.ticker, 0)
        rules = {
            "ticker": signal.ticker not in self.tickers,
            "start_time": self.now < start,
            # Reading: a decision some ns after 15:40 has less than 15 minutes to 15:55.
            "too_late": self.now > end,
            "calendar_unknown": self.set.no_scalp_around_fomc and not self.day.known,
            "fomc": self._around_fomc,
            "conviction": signal.conviction < self.set.min_conviction_to_scalp,
            "macro": self.set.require_macro_alignment and signal.macro != BIASES[signal.direction],
            "state": self.reducing,
            "cooldown": stopped or early,
            "position_open": bool(mine),
            "slots": len(self.scalps) >= self.set.etf_max_concurrent_scalps,
            "opposing": any(scalp.signal.direction != signal.direction for scalp in mine),
            # Reading: scalps of a day are entries sent in it.
            "day_cap": self.entries >= self.set.max_scalps_per_day,
        }
        return {code for code, failed in rules.items() if failed}

    def _decide(self, signal: Signal) -> None:
        """Trade or refuse a signal; all rules are evaluated."""
        scalp, codes = self._fund(signal)
        codes = codes | self._prechecks(signal)
        if codes or scalp is None:
            self.refused.append(Refused(signal, frozenset(codes)))
            return
        scalp.buy = self.send(scalp, scalp.limit, scalp.first)
        self.scalps.append(scalp)
        self.entries += 1

    def _second_half(self, scalp: Scalp, bar: Bar) -> None:
        """Send or drop the second half on a bar of the ticker."""
        if scalp.second or not scalp.entered or bar.start < scalp.entered:
            return
        # Reading: exits are judged on a bar first, and one that is due or working ends the wait for the second half.
        if scalp.sell is not None:
            scalp.second = "exit_due"
            return
        scalp.bars += 1
        if not bar.bounces[0 if scalp.signal.direction == "long" else 1]:
            # Reading: the five are bars that exist; a missing minute does not count.
            scalp.second = "no_test" if scalp.bars >= 5 else None
            return
        quote = self.known[scalp.symbol]
        limit = self._limit(quote)
        drops = {
            "partial_first": not scalp.whole,
            "caps": self._over_caps(scalp, limit),
            "losing": self.set.no_average_up and quote.bid * scalp.bought < scalp.cost,
            "mode": self._no_entries(),
        }
        # Reading: the first bar that tests decides; reasons in the rule's order; REDUCING or an FOMC window is `mode`.
        scalp.second = next((reason for reason, drop in drops.items() if drop), "unfilled")
        if scalp.second == "unfilled":
            scalp.buy = self.send(scalp, limit, scalp.planned)

    def _over_caps(self, scalp: Scalp, limit: int) -> bool:
        """Whether the second half at `limit` (cents) breaks a cap or the budget."""
        # Reading: "caps and budget" = what was paid plus the second at its limit is within the notional of the sizing
        # rule, and gross leverage, buying power and the caps of an order hold, all with the equity of now.
        cost, equity = limit * scalp.planned, self.equity
        total = scalp.cost + cost
        gross = scalp.leverage * total + sum(other.exposure for other in self.scalps if other is not scalp)
        return (
            total > self._budget(scalp.k, scalp.leverage)
            or cost > self.power
            or gross > self.set.max_gross_leverage * equity
            or scalp.planned > self.set.max_order_shares
            or cost > self.set.max_order_notional * equity
        )


def simulate(
    bars: dict[str, pd.DataFrame],
    signals: list[Signal],
    *,
    history_sessions: int,
    tickers: set[str],
    start_equity: Decimal = Decimal(100_000),
    **settings: Any,
) -> tuple[list[Trade], list[Refused]]:
    """Trades and refusals of `signals` on `bars` (columns start (tz-aware), open, high, low, close (USD), volume)."""
    chosen = Settings(**settings)
    simulator = _Simulator(read(bars, chosen), tickers, start_equity, chosen)
    simulator.run(signals, history_sessions)
    for scalp in simulator.scalps:
        if scalp.bought:
            simulator.record(scalp, None)
    return simulator.trades, simulator.refused
