"""Shares and funds: their history, their stream, the bars that a break left out, and their splits."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import time
from itertools import count
from math import isfinite
from operator import attrgetter
from typing import Final, NoReturn

from msgspec.structs import replace

from flows.backoff import USUAL
from flows.engine.telling import tell
from flows.feeds.alpaca.asking import Access, Asking
from flows.feeds.alpaca.connecting import Emit, handler, hear, share_stream
from flows.feeds.alpaca.faults import Unanswered, WrongKeys
from flows.feeds.alpaca.splits import News, Splits
from flows.feeds.alpaca.translating import Told, bar, quote
from flows.tape.faults import Refused
from operators import prices, sessions
from operators.events import MINUTE_NS, Bar, Split

Clock = Callable[[], int]
OVERLAP_NS: Final = 2 * MINUTE_NS
"""A break may have swallowed bars that closed together with the last one that came."""
LOOK_SECONDS: Final = 1.0
IN_ORDER: Final = attrgetter("event_ns", "ticker")


class Shares:
    """What was told of these symbols: `spots` are the newest prices in dollars, `heard_ns` is when a quote came last.

    Bars come in the order of their closes, each once. One that comes late says so by its time: an engine moves its
    clouds with it and enters nothing on it. `days` is of how many sessions before today the history is.
    A split comes before the bars of prices as of after it.
    """

    def __init__(self, access: Access, symbols: tuple[str, ...], clock: Clock, days: int) -> None:
        self.spots: dict[str, float] = {}
        self.heard_ns = 0
        self._access, self._symbols, self._clock, self._days = access, symbols, clock, days
        self._splits = Splits(symbols, clock, self.refuse)
        self._closes: dict[str, int] = {}
        self._refused = Refused()
        self._held: list[Bar] | None = None
        self._missed = False

    def go_on(self, closes: dict[str, int]) -> None:
        """For an engine that knows bars to these closes (UTC nanoseconds): the first connection brings those since.

        Of symbols without one it brings the whole history.
        """
        self._closes = {symbol: closes[symbol] for symbol in self._symbols if symbol in closes}
        self._missed = True

    def history(self, asking: Asking) -> list[Bar | Split]:
        """The splits known and the bars of the days before and of today until now, in order of time.

        Raises WrongKeys, and Unanswered where there are no bars; splits that nobody tells are asked for later.
        """
        found = [replace(one, history=True) for one in self._past(asking, self._symbols)]
        news = self._news(asking)
        if news is not None:
            self._splits.passed_on(news)
        return [*(() if news is None else news.splits), *(one for one in found if self._is_new(one))]

    async def hear(self, emit: Emit) -> None:
        """Hears the stream until it breaks; the bars since the last one known are asked for beside it."""
        stream = share_stream(self._access)
        stream.subscribe_quotes(handler(lambda told: self._quote(told, emit)), *self._symbols)
        stream.subscribe_bars(handler(lambda told: self._bar(told, emit)), *self._symbols)
        self._held = []
        await hear(stream, "shares", lambda: self._beside(emit))

    def _quote(self, told: Told, emit: Emit) -> None:
        try:
            found = quote(str(told.get("S")), told)
        except ValueError as wrong:
            self.refuse("a quote", "time_bad", str(wrong))
            return
        self.heard_ns = self._clock()
        if prices.usable(found):
            self.spots[found.symbol] = (found.bid + found.ask) / 2.0
        emit(found)

    def _bar(self, told: Told, emit: Emit) -> None:
        found = self._read(str(told.get("S")), told)
        if found is None:
            return
        if self._held is not None:
            self._held.append(found)
        elif self._is_new(found):
            emit(found)

    async def _beside(self, emit: Emit) -> NoReturn:
        """What no stream brings: the bars that were missed, and splits, for as long as the stream lasts."""
        if self._missed:
            await self._hear_of_splits(emit)
        await self._fill(emit)
        while True:
            await self._hear_of_splits(emit)
            await asyncio.sleep(LOOK_SECONDS)

    def _news(self, asking: Asking) -> News | None:
        """Splits that are new; None where nobody says, which keeps no bar from anybody."""
        try:
            return self._splits.news(asking)
        except (Unanswered, WrongKeys) as fault:
            self._splits.failed(fault)
            return None

    async def _hear_of_splits(self, emit: Emit) -> None:
        """Passes on the splits that are new, if it is time to ask."""
        news = await asyncio.to_thread(self._news, Asking(self._access)) if self._splits.due() else None
        if news is None:
            return
        if news.splits and not self._missed:
            await self._begin_anew(news.splits, emit)
        else:  # the whole history comes behind them, with the bars that were missed
            for split in news.splits:
                emit(split)
                self._closes.pop(split.ticker, None)
        self._splits.passed_on(news)

    async def _begin_anew(self, splits: Sequence[Split], emit: Emit) -> None:
        """Puts splits with the history as of after them; what the stream brings meanwhile waits."""
        tickers = tuple(dict.fromkeys(split.ticker for split in splits))
        self._held = []
        bars = await self._until_answered(lambda asking: self._past(asking, tickers))
        for split in splits:
            emit(split)
            self._closes.pop(split.ticker, None)
        for one in bars:
            self._is_new(one)
            emit(replace(one, history=True))
        self._release(emit)

    def _release(self, emit: Emit, found: Sequence[Bar] = ()) -> int:
        """Passes on what is new of some bars and of those that the stream brought meanwhile; how many that are."""
        held, self._held = self._held or [], None
        new = [one for one in (*found, *held) if self._is_new(one)]
        for one in new:
            emit(one)
        return len(new)

    async def _fill(self, emit: Emit) -> None:
        """Brings the bars that closed since the last known one, then those that the stream brought meanwhile."""
        found = await self._until_answered(self._since_the_last)
        self._missed = False
        tell("I011", stream="shares", bars=self._release(emit, found))

    async def _until_answered(self, ask: Callable[[Asking], list[Bar]]) -> list[Bar]:
        """Bars that REST has, asked for until it answers: newer ones wait for them.

        Without them the clouds would have a gap that nothing fills any more.
        """
        asking = Asking(self._access)
        for failures in count(1):
            try:
                return await asyncio.to_thread(ask, asking)
            except Unanswered as fault:
                seconds = USUAL.seconds(failures, 1.0)
                tell("W123", detail=str(fault), again_in_seconds=seconds)
                await asyncio.sleep(seconds)
        raise AssertionError("it is asked for without end")

    def _since_the_last(self, asking: Asking) -> list[Bar]:
        """Bars since shortly before the newest one known."""
        now_ns = self._clock()
        if self._missed:
            return self._since_the_end(asking, now_ns)
        session = sessions.session_holding(now_ns)
        first_ns = now_ns if session is None else session.open_ns
        newest_ns = max(self._closes.values(), default=first_ns + OVERLAP_NS)
        return self._asked(asking, self._symbols, newest_ns - OVERLAP_NS, now_ns)

    def _since_the_end(self, asking: Asking, now_ns: int) -> list[Bar]:
        """Bars since the engine ended, of each symbol since its newest one at least; at most those of a history.

        What is held may concern today's bars: they are late ones and no history.
        """
        known = tuple(self._closes)
        unknown = [symbol for symbol in self._symbols if symbol not in self._closes]
        first_ns = self._first_ns(now_ns)
        found = self._asked(asking, unknown, first_ns, now_ns) if unknown else []
        if known:
            found += self._asked(asking, known, max(min(self._closes.values()) - OVERLAP_NS, first_ns), now_ns)
        midnight_ns = sessions.at(sessions.new_york(now_ns).date(), time())
        return [replace(one, history=one.event_ns <= midnight_ns) for one in sorted(found, key=IN_ORDER)]

    def _past(self, asking: Asking, symbols: Sequence[str]) -> list[Bar]:
        """The bars of the sessions of a history and of today until now, in order of time."""
        now_ns = self._clock()
        return self._asked(asking, symbols, self._first_ns(now_ns), now_ns)

    def _first_ns(self, now_ns: int) -> int:
        """When the first session of a history opens."""
        first = sessions.new_york(now_ns).date()
        for _ in range(self._days):
            first = sessions.previous_session(first).day
        return sessions.at(first, sessions.OPEN)

    def _asked(self, asking: Asking, symbols: Sequence[str], start_ns: int, end_ns: int) -> list[Bar]:
        """The bars that closed by now, in order of time."""
        told = asking.bars(symbols, start_ns, end_ns)
        read = (self._read(symbol, one) for symbol, rows in told.items() for one in rows)
        closed = [one for one in read if one is not None and one.event_ns <= end_ns]
        return sorted(closed, key=IN_ORDER)

    def _read(self, symbol: str, told: Told) -> Bar | None:
        known = len(self._refused.first)
        found = bar(symbol, told, self._refused)
        self._tell_refused(known)
        return found

    def _is_new(self, found: Bar) -> bool:
        """Whether a bar is later than the last one of its symbol, whose price may be told again."""
        last_ns = self._closes.get(found.ticker, 0)
        if found.event_ns >= last_ns and isfinite(found.close):
            self.spots[found.ticker] = found.close
        self._closes[found.ticker] = max(found.event_ns, last_ns)
        return found.event_ns > last_ns

    def refuse(self, where: str, reason: str, detail: str) -> None:
        """Counts something that was left out, and says the first few."""
        known = len(self._refused.first)
        self._refused.add(where, reason, detail)
        self._tell_refused(known)

    def _tell_refused(self, known: int) -> None:
        """Says what is new among the first few that were left out: a stream may be wrong for hours."""
        for sentence in self._refused.first[known:]:
            tell("W124", detail=sentence)
