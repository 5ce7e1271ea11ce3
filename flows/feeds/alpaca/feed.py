"""The market of Alpaca, live: shares and funds by stream, option chains by question, quotes near the money by stream.

history ----------------------------------> put, before the first run's streams; splits before it
shares   stream, watched, made again --+
  beside it: missed bars, splits ------+
options  stream, watched, made again --+--- conflated -- queue --> put
chain X  questions, begun again -------+
"""

import threading
import time
from functools import partial
from queue import Empty
from typing import Final, NamedTuple

from flows.backoff import USUAL
from flows.engine.telling import tell
from flows.feeds.alpaca.asking import Access, Asking
from flows.feeds.alpaca.chains import Chains
from flows.feeds.alpaca.connecting import Emit, handler, hear, option_stream, resubscribe
from flows.feeds.alpaca.faults import Unanswered
from flows.feeds.alpaca.shares import Clock, Shares
from flows.feeds.alpaca.streams import Streams
from flows.feeds.alpaca.translating import Told, quote
from flows.feeds.alpaca.window import Window
from flows.feeds.feed import Feed, Put
from operators import sessions
from operators.events import SECOND_NS

MOMENT_SECONDS: Final = 0.05


class Wanted(NamedTuple):
    """What of the market: `symbols` are shares and funds, `options_of` those of them whose chains are asked for.

    `chain_seconds` lie between two snapshots, `option_symbols` contracts are streamed at most, a stream that says
    nothing for `silent_seconds` while the market is open is made again: thrice before positions are left for it.
    """

    symbols: tuple[str, ...]
    options_of: tuple[str, ...] = ()
    history_days: int = 5
    chain_seconds: float = 5.0
    option_symbols: int = 200
    silent_seconds: float = 10.0


class AlpacaFeed(Feed):
    """Alpaca's market from now on; `clock` gives UTC nanoseconds. Wrong keys end `run` with WrongKeys.

    A fake's time may go `speed` times as fast as the wall's: its chains are asked for as much oftener.
    Marked IEX where shares are those of one exchange, INDICATIVE where option quotes are not those of the exchanges.
    Raises ValueError for options of a ticker whose price is not heard.
    """

    def __init__(self, access: Access, wanted: Wanted, clock: Clock = time.time_ns, speed: float = 1.0) -> None:
        if unheard := set(wanted.options_of) - set(wanted.symbols):
            raise ValueError(f"options of {', '.join(sorted(unheard))} need its quotes: name it among the symbols")
        self.cadences = {"bar": 0.0, "quote": 0.0, "chain": wanted.chain_seconds}
        marks = {"IEX": access.stocks == "iex", "INDICATIVE": access.options == "indicative"}
        self.marks = tuple(mark for mark, holds in marks.items() if holds)
        self._access, self._wanted, self._clock, self._speed = access, wanted, clock, speed
        self._shares = Shares(access, wanted.symbols, clock, wanted.history_days)
        self._window = Window(wanted.option_symbols, len(wanted.options_of))

    def now_ns(self) -> int:
        """The wall clock's time."""
        return self._clock()

    def run(self, put: Put, stopping: threading.Event, passed: int) -> None:
        """Puts the history, then what comes, until it is told to stop. Raises WrongKeys.

        An engine that has begun may hold something: it hears quotes at once, and the bars that it missed beside them.
        """
        if passed:
            self._shares.go_on(self.closes())
        elif not self._warm(put, stopping):
            return
        with self._streams() as streams:
            while not stopping.is_set() and streams.fault is None:
                try:
                    put(streams.queue.get(timeout=MOMENT_SECONDS))
                except Empty:
                    streams.release()
        if streams.fault is not None:
            raise streams.fault

    def _warm(self, put: Put, stopping: threading.Event) -> bool:
        """Puts the history, asked for until it is there; False if the engine stops before."""
        asking, failures = Asking(self._access), 0
        while not stopping.is_set():
            try:
                told = self._shares.history(asking)
            except Unanswered as fault:
                failures += 1
                seconds = USUAL.seconds(failures, 1.0)
                tell("W121", stream="history", detail=str(fault), again_in_seconds=seconds)
                stopping.wait(seconds)
            else:
                for event in told:
                    put(event)
                return True
        return False

    def _streams(self) -> Streams:
        streams, wanted = Streams(), self._wanted
        every_seconds = wanted.chain_seconds / self._speed
        streams.add("shares", self._shares.hear, wanted.silent_seconds, self._open)
        if wanted.options_of:
            streams.add("options", self._hear_options, wanted.silent_seconds, self._options_speak)
        for ticker in wanted.options_of:
            chains = Chains(self._access, ticker, self._shares.spots, self._window, self._clock, self.held)
            streams.add(f"chain {ticker}", partial(chains.look, every_seconds=every_seconds))
        return streams

    def _open(self) -> bool:
        return sessions.session_holding(self._clock()) is not None

    def _options_speak(self) -> bool:
        return self._open() and bool(self._window.wanted)

    async def _hear_options(self, emit: Emit) -> None:
        """Hears the quotes of the window's contracts until the stream breaks; subscriptions follow the window."""
        window, stream = self._window, option_stream(self._access)
        take = handler(lambda told: self._option_quote(told, emit))

        async def follow() -> None:
            tell("I011", stream="options", symbols=len(window.wanted))
            while True:
                await window.changed.wait()
                window.changed.clear()
                await resubscribe(stream, take, window.wanted)

        while not window.wanted:
            await window.changed.wait()
            window.changed.clear()
        window.changed.clear()
        stream.subscribe_quotes(take, *sorted(window.wanted))
        await hear(stream, "options", follow)

    def _option_quote(self, told: Told, emit: Emit) -> None:
        """Passes a quote on while shares are heard too; while they are silent it comes with the next chain alone."""
        try:
            found = quote(str(told.get("S")), told)
        except ValueError as wrong:
            self._shares.refuse("a quote of an option", "time_bad", str(wrong))
            return
        self._window.quotes[found.symbol] = found
        if self._clock() - self._shares.heard_ns <= self._wanted.silent_seconds * SECOND_NS:
            emit(found)
