"""What the market looks like: events become moments (for exits) and setups (for entries).

The first of the two states of the line. Per ticker it keeps clouds, averages and the session's volumes; besides these
the newest quote of each leveraged fund and every ticker's average daily dollar volume.
"""

from math import inf
from typing import Literal

import msgspec

from operators import catalog, sessions
from operators.clouds import Atr, Bucket, Cloud, LongBar
from operators.config import EngineSettings, ScalpConfig
from operators.events import MINUTE_NS, SECOND_NS, AnyEvent, Bar, OutsideSignal, Quote, RunStarted

Source = Literal["own", "outside"]
VOLUME_BARS, VOLUME_BARS_LEAST = 20, 5
DOLLAR_SESSIONS, DOLLAR_SESSIONS_LEAST = 20, 3
FUND_SYMBOLS = frozenset(fund.ticker for fund in catalog.LEVERAGED_ETF_CATALOG)


class Moment(msgspec.Struct, frozen=True):
    """A closed one-minute bar with the fast cloud after it; `flip` is the cloud's new colour if this bar changed it."""

    seq: int
    at_ns: int
    bar: Bar
    flip: int
    lower: float | None
    upper: float | None


class View(msgspec.Struct, frozen=True):
    """The market as one ticker's signal sees it, after its newest one-minute bar; dollars, colours +1, -1 or 0.

    `quotes_age_ns` is the age of the quote stream, any fund's, and `quotes_max_age_ns` its limit for an entry.
    `agreement` holds the colours of 8/9, 34/50, 72/89 and 5-minute 5/12, 0 where not ready. `bias` is 0 while the
    macro cloud is not ready or price and colour disagree. `dollar_volume` lists only averages that are known.
    """

    bar: Bar | None
    ema12: float | None
    ema12_before: float | None
    atr: float | None
    agreement: tuple[int, ...]
    macro_ready: bool
    macro_colour: int
    bias: int
    quotes: dict[str, Quote]
    quotes_age_ns: int
    quotes_max_age_ns: int
    dollar_volume: dict[str, float]


class Setup(msgspec.Struct, frozen=True):
    """A flip with volume, or another engine's signal, with the view it was born in; `direction` +1 long, -1 short.

    Older than `max_age_ns` after `bar_close_ns`, or in its future, it is stale. An outside signal brings its own
    conviction and has no `volume_ratio`.
    """

    seq: int
    at_ns: int
    ticker: str
    bar_close_ns: int
    direction: int
    timeframe_minutes: int
    source: Source
    volume_ratio: float | None
    conviction: float | None
    max_age_ns: int
    view: View


class TickerState(msgspec.Struct):
    """Clouds and averages of one ticker, carried over sessions; `volumes` and `previous` begin anew each session."""

    fast: Cloud
    pullback: Cloud
    trend: Cloud
    long_term: Cloud
    fast5: Cloud
    macro: Cloud
    bucket5: Bucket
    bucket10: Bucket
    atr: Atr
    ema12: list[float] = []
    macro_close: float | None = None
    previous: Bar | None = None
    day: str = ""
    volumes: list[float] = []
    first_seen: bool = False
    dollars_today: float = 0.0
    dollars: list[float] = []

    @classmethod
    def new(cls) -> "TickerState":
        """Nothing seen yet. The periods are those of Ripster's clouds."""
        one_minute = (Cloud.of(5, 12), Cloud.of(8, 9), Cloud.of(34, 50), Cloud.of(72, 89))
        return cls(*one_minute, Cloud.of(5, 12), Cloud.of(34, 50), Bucket(5), Bucket(10), Atr())

    def roll(self, day: str) -> None:
        """Begins the session of `day`: completed dollars join the average, volumes and true range start anew."""
        if day == self.day:
            return
        if self.day:
            self.dollars = [*self.dollars, self.dollars_today][-DOLLAR_SESSIONS:]
        self.day, self.dollars_today = day, 0.0
        self.volumes, self.first_seen, self.previous = [], False, None

    def dollar_volume(self, day: str) -> float | None:
        """Average dollars a session over up to 20 sessions completed before `day`; None with fewer than three."""
        completed = [*self.dollars, self.dollars_today][-DOLLAR_SESSIONS:] if self.day < day else self.dollars
        return sum(completed) / len(completed) if len(completed) >= DOLLAR_SESSIONS_LEAST else None

    def take_volume(self, volume: float, least_ratio: float) -> float | None:
        """`volume` over the mean of up to 20 bars before it in this session, if it is above `least_ratio`.

        The bar then joins those before the next; the session's first bar never does. None with fewer than five bars.
        A mean of 0 is exceeded by any volume: the ratio is infinite.
        """
        before, total, ratio = len(self.volumes), sum(self.volumes), None
        if before >= VOLUME_BARS_LEAST and volume * before > least_ratio * total:
            ratio = volume * before / total if total > 0.0 else inf
        if self.first_seen:
            self.volumes = [*self.volumes, volume][-VOLUME_BARS:]
        self.first_seen = True
        return ratio


class MarketState(msgspec.Struct):
    """All that the market step remembers; it encodes and restores equal."""

    tickers: dict[str, TickerState] = {}
    quotes: dict[str, Quote] = {}
    quotes_ns: int = 0
    bar_late_ns: int = 0
    quotes_max_age_ns: int = 0
    close_ns: int = 0


class Market:
    """Takes the tape's events in order and answers each with what the next steps need of it."""

    def __init__(self, config: ScalpConfig, settings: EngineSettings, state: MarketState | None = None) -> None:
        self.config, self.settings = config, settings
        self.state = MarketState() if state is None else state

    def on(self, event: AnyEvent) -> list[AnyEvent | Moment | Setup]:
        """The event itself or what it became; history becomes nothing."""
        ended = self._session_ended(event) if 0 < self.state.close_ns <= event.at_ns - self.state.bar_late_ns else []
        match event:
            case Quote():
                if event.symbol in FUND_SYMBOLS:
                    self.state.quotes[event.symbol] = event
                self.state.quotes_ns = max(self.state.quotes_ns, event.event_ns)
                return [*ended, event] if ended else [event]
            case Bar():
                return [*ended, *self._bar(event)]
            case OutsideSignal():
                return [*ended, self._outside(event)]
            case RunStarted():
                self.state.bar_late_ns = event.age_limit_ns("bar", self.settings.bar_max_late_seconds)
                self.state.quotes_max_age_ns = event.age_limit_ns("quote", self.settings.quote_max_age_seconds)
        return [*ended, event]

    def _bar(self, bar: Bar) -> list[AnyEvent | Moment | Setup]:
        start_ns = bar.event_ns - MINUTE_NS
        session = sessions.session_holding(start_ns)
        state = self.state.tickers.get(bar.ticker) or TickerState.new()
        again = state.previous is not None and bar.event_ns <= state.previous.event_ns
        if session is None or again:
            return [] if bar.history else [bar]
        self.state.tickers[bar.ticker] = state
        self.state.close_ns = session.close_ns
        overdue = self._overdue(bar.ticker, start_ns, bar)
        state.roll(session.day.isoformat())
        setup = self._update(bar, state, session.open_ns)
        if bar.history:
            return []
        edges = state.fast.edges() or (None, None)
        return [*overdue, Moment(bar.seq, bar.at_ns, bar, setup[0], *edges), *setup[1]]

    def _update(self, bar: Bar, state: TickerState, open_ns: int) -> tuple[int, list[Setup]]:
        """The flip of the one-minute fast cloud and the setup, if the bar completes one."""
        x = self._price(bar)
        flip = state.fast.update(x)
        for cloud in (state.pullback, state.trend, state.long_term):
            cloud.update(x)
        state.atr.update(bar, None if state.previous is None else state.previous.close)
        state.previous = bar
        state.dollars_today += bar.close * bar.volume
        if state.fast.long.value is not None:
            state.ema12 = [*state.ema12, state.fast.long.value][-4:]
        flip5, closed5 = 0, state.bucket5.add(bar, open_ns)
        if closed5 is not None:
            flip5 = state.fast5.update(self._price(closed5))
        self._macro(state, state.bucket10.add(bar, open_ns))
        if self.config.entry_timeframe_minutes == 5:
            return flip, [] if closed5 is None else self._setup(bar, bar.ticker, closed5.close_ns, flip5, closed5.volume)
        return flip, self._setup(bar, bar.ticker, bar.event_ns, flip, bar.volume)

    def _overdue(self, ticker: str, at_ns: int, cause: AnyEvent) -> list[Setup]:
        """Closes the buckets that `at_ns` has left behind, with the setup that a late 5-minute bar makes."""
        state = self.state.tickers[ticker]
        self._macro(state, state.bucket10.overdue(at_ns))
        late = state.bucket5.overdue(at_ns)
        if late is None:
            return []
        flip = state.fast5.update(self._price(late))
        if self.config.entry_timeframe_minutes != 5:
            return []
        return self._setup(cause, ticker, late.close_ns, flip, late.volume)

    def _session_ended(self, event: AnyEvent) -> list[AnyEvent | Moment | Setup]:
        close_ns, self.state.close_ns = self.state.close_ns, 0
        tickers = sorted(self.state.tickers)
        return [setup for ticker in tickers for setup in self._overdue(ticker, close_ns, event)]

    def _macro(self, state: TickerState, closed: LongBar | None) -> None:
        if closed is not None:
            state.macro.update(self._price(closed))
            state.macro_close = closed.close

    def _price(self, bar: Bar | LongBar) -> float:
        return bar.close if self.config.cloud_source == "close" else (bar.high + bar.low) / 2.0

    def _setup(self, cause: AnyEvent, ticker: str, bar_close_ns: int, flip: int, volume: float) -> list[Setup]:
        """The setup of a flip whose bar has the volume, once the clouds that it needs are ready."""
        state, minutes = self.state.tickers[ticker], self.config.entry_timeframe_minutes
        ratio = state.take_volume(volume, self.config.volume_ratio_min)
        if flip == 0 or ratio is None:
            return []
        if state.previous is None or state.previous.history:
            return []
        multiple = self.config.cloud_warmup_multiple
        fast = state.fast if minutes == 1 else state.fast5
        if not fast.ready(multiple) or (self.config.require_macro_alignment and not state.macro.ready(multiple)):
            return []
        view = self._view(ticker, cause.at_ns)
        late_ns = self.state.bar_late_ns
        return [Setup(cause.seq, cause.at_ns, ticker, bar_close_ns, flip, minutes, "own", ratio, None, late_ns, view)]

    def _outside(self, event: OutsideSignal) -> Setup:
        direction = 1 if event.direction == "long" else -1
        return Setup(
            event.seq,
            event.at_ns,
            event.ticker,
            bar_close_ns=event.event_ns,
            direction=direction,
            timeframe_minutes=self.config.entry_timeframe_minutes,
            source="outside",
            volume_ratio=None,
            conviction=event.conviction,
            max_age_ns=round(self.settings.outside_signal_max_age_seconds * SECOND_NS),
            view=self._view(event.ticker, event.at_ns),
        )

    def _view(self, ticker: str, at_ns: int) -> View:
        state = self.state.tickers.get(ticker) or TickerState.new()
        multiple, macro = self.config.cloud_warmup_multiple, state.macro
        clouds = (state.pullback, state.trend, state.long_term, state.fast5)
        ready, edges, close, bias = macro.ready(multiple), macro.edges(), state.macro_close, 0
        if ready and edges is not None and close is not None:
            beyond = close > edges[1] if macro.colour > 0 else close < edges[0]
            bias = macro.colour if beyond else 0
        return View(
            bar=state.previous,
            ema12=state.fast.long.value,
            ema12_before=state.ema12[0] if len(state.ema12) == 4 else None,
            atr=state.atr.value,
            agreement=tuple(cloud.colour if cloud.ready(multiple) else 0 for cloud in clouds),
            macro_ready=ready,
            macro_colour=macro.colour if ready else 0,
            bias=bias,
            quotes=dict(self.state.quotes),
            quotes_age_ns=at_ns - self.state.quotes_ns,
            quotes_max_age_ns=self.state.quotes_max_age_ns,
            dollar_volume=self._dollar_volumes(at_ns),
        )

    def _dollar_volumes(self, at_ns: int) -> dict[str, float]:
        day = sessions.new_york(at_ns).date().isoformat()
        known = {
            symbol: state.dollar_volume(day)
            for symbol, state in self.state.tickers.items()
            if symbol in FUND_SYMBOLS
        }
        return {symbol: dollars for symbol, dollars in known.items() if dollars is not None}
