"""What the market looks like: events become moments (for exits) and setups (for entries).

The first of the two states of the line. Per ticker it keeps clouds, averages and the session's volumes; besides these
the newest quotes and the newest option chains. A split begins its ticker anew.
"""

import msgspec

from operators import catalog, sessions
from operators.carrying import remembered
from operators.changes import InForce
from operators.clouds import LongBar
from operators.config import EngineSettings, ScalpConfig
from operators.events import (
    MINUTE_NS,
    SECOND_NS,
    AnyEvent,
    AtmIv,
    Bar,
    Chain,
    Contracts,
    Dividend,
    OutsideSignal,
    Quote,
    RunStarted,
    Split,
    is_history,
)
from operators.listings import Listings
from operators.moments import ChainView, Moment, Setup, View
from operators.quoted import FUND_SYMBOLS, Quoted
from operators.ticker import TickerState, dollar_volumes, sound

FIVE, MOST_CONVICTION = 5, 100.0
EMA12_KEPT = 4
"""The newest and those of the three bars before it: the slope is the change over three bars."""


class MarketState(msgspec.Struct):
    """All that the market step remembers; it encodes and restores equal. `cell` numbers the span of time it is in."""

    tickers: dict[str, TickerState] = {}
    listings: Listings = msgspec.field(default_factory=Listings)
    quoted: Quoted = msgspec.field(default_factory=Quoted)
    bar_late_ns: int = 0
    chains_max_age_ns: int = 0
    close_ns: int = 0
    checkpoint_ns: int = 0
    cell: int = 0


class Market:
    """Takes the tape's events in order and answers each with what the next steps need of it.

    A state that goes on was made under the settings of `run`.
    """

    def __init__(
        self,
        config: ScalpConfig,
        settings: EngineSettings,
        state: MarketState | None = None,
        run: RunStarted | None = None,
    ) -> None:
        self.config, self.settings, self.in_force = config, settings, InForce(config, settings, run)
        self.five_minute = config.entry_timeframe_minutes == FIVE
        self.state = MarketState() if state is None else state

    def on(self, event: AnyEvent) -> list[AnyEvent | Moment | Setup]:
        """The event itself or what it became; history becomes nothing, nor do chains that cannot be what they say."""
        over = 0 < self.state.close_ns <= event.at_ns - self.state.bar_late_ns
        # History tells no time: beside a market tape it would end a session at its own.
        ended = self._session_ended(event) if over and not is_history(event) else []
        match event:
            case Quote():
                self.state.quoted.take(event, has_options=event.symbol in self.state.listings.known)
                return [*ended, event] if ended else [event]
            case Bar():
                return [*ended, *self._bar(event)]
            case OutsideSignal() if 0.0 <= event.conviction <= MOST_CONVICTION:
                return [*ended, self._outside(event)]
            case RunStarted():
                self._begin(event)
            case Contracts() | Chain() | AtmIv() | Dividend():
                return [*ended, event] if self._option_event(event) else ended
            case Split():
                return [*ended, event] if self._split(event) else ended
        return [*ended, event]

    def closes(self) -> dict[str, int]:
        """When the newest bar of each ticker closed, in UTC nanoseconds; for any thread."""
        newest = [(name, ticker.previous) for name, ticker in self.state.tickers.copy().items()]
        return {name: bar.event_ns for name, bar in newest if bar is not None}

    def _begin(self, event: RunStarted) -> None:
        """Takes up a run; under changed settings goes on with what they leave of the averages."""
        changed, state = self.in_force.take(event), self.state
        self.config, self.settings = self.in_force.config, self.in_force.settings
        self.five_minute = self.config.entry_timeframe_minutes == FIVE
        state.tickers = {name: remembered(ticker, changed) for name, ticker in state.tickers.items()}
        state.checkpoint_ns = event.checkpoint_seconds * SECOND_NS
        state.bar_late_ns = event.age_limit_ns("bar", self.settings.bar_max_late_seconds)
        state.quoted.max_age_ns = event.age_limit_ns("quote", self.settings.quote_max_age_seconds)
        state.chains_max_age_ns = event.age_limit_ns("chain", self.settings.chain_max_age_seconds)

    def _split(self, event: Split) -> bool:
        """Begins the ticker anew, for bars as of after the split; False for one that is known or still to come."""
        known = self.state.tickers.get(event.ticker) or TickerState.new()
        if event.ex_date > sessions.new_york(event.at_ns).date() or event.ex_date.isoformat() in known.splits:
            return False
        self.state.tickers[event.ticker] = known.begun_anew(event.ex_date.isoformat())
        return True

    def _option_event(self, event: Contracts | Chain | AtmIv | Dividend) -> bool:
        """Takes what concerns options; whether it is of any use to the next steps."""
        listings, rate = self.state.listings, self.settings.risk_free_rate
        match event:
            case Chain():
                return listings.snapshot(event, self._spot(event.underlying, event.at_ns), rate)
            case Contracts():
                return listings.table(event)
        listings.history(event)
        return False

    def _bar(self, bar: Bar) -> list[AnyEvent | Moment | Setup]:
        start_ns = bar.event_ns - MINUTE_NS
        session = sessions.session_holding(start_ns)
        state = self.state.tickers.get(bar.ticker) or TickerState.new()
        again = state.previous is not None and bar.event_ns <= state.previous.event_ns
        if session is None or again or not sound(bar):
            return [] if bar.history else [bar]
        self.state.tickers[bar.ticker] = state
        self.state.close_ns = session.close_ns
        overdue = self._overdue(bar.ticker, start_ns, bar)
        state.roll(session.day.isoformat())
        setup = self._update(bar, state, session.open_ns)
        if bar.history:
            return []
        lower, upper = state.fast.edges() or (None, None)
        averages = state.averages(self.config.cloud_warmup_multiple)
        return [*overdue, Moment(bar.seq, bar.at_ns, bar, setup[0], lower, upper, averages), *setup[1]]

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
            state.ema12 = [*state.ema12, state.fast.long.value][-EMA12_KEPT:]
        flip5, closed5 = 0, state.bucket5.add(bar, open_ns)
        if closed5 is not None:
            flip5 = state.fast5.update(self._price(closed5))
        self._macro(state, state.bucket10.add(bar, open_ns))
        if self.five_minute:
            return flip, [] if closed5 is None else self._setup(
                bar, bar.ticker, closed5.close_ns, flip5, closed5.volume
            )
        return flip, self._setup(bar, bar.ticker, bar.event_ns, flip, bar.volume)

    def _overdue(self, ticker: str, at_ns: int, cause: AnyEvent) -> list[Setup]:
        """Closes the buckets that `at_ns` has left behind, with the setup that a late 5-minute bar makes."""
        state = self.state.tickers[ticker]
        self._macro(state, state.bucket10.overdue(at_ns))
        late = state.bucket5.overdue(at_ns)
        if late is None:
            return []
        flip = state.fast5.update(self._price(late))
        return self._setup(cause, ticker, late.close_ns, flip, late.volume) if self.five_minute else []

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
        if flip == 0 or ratio is None or state.previous is None or state.previous.history:
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
        ready = macro.ready(multiple)
        return View(
            bar=state.previous,
            ema12=state.fast.long.value,
            ema12_before=state.ema12[0] if len(state.ema12) == EMA12_KEPT else None,
            atr=state.atr.value,
            agreement=tuple(cloud.colour if cloud.ready(multiple) else 0 for cloud in clouds),
            macro_ready=ready,
            macro_colour=macro.colour if ready else 0,
            bias=state.bias(multiple),
            quotes=dict(self.state.quoted.quotes),
            quotes_age_ns=at_ns - self.state.quoted.newest_ns,
            quotes_max_age_ns=self.state.quoted.max_age_ns,
            dollar_volume=dollar_volumes(self.state.tickers, FUND_SYMBOLS, at_ns),
            chains=self._chains(ticker, at_ns),
            chains_max_age_ns=self.state.chains_max_age_ns,
        )

    def _chains(self, ticker: str, at_ns: int) -> dict[str, ChainView]:
        """The chains of a ticker's own options and of those that may stand for them."""
        names = [name for name in (ticker, catalog.INDEX_OF.get(ticker)) if name is not None]
        return {name: view for name in names if (view := self.chain(name, at_ns)) is not None}

    def chain(self, underlying: str, at_ns: int) -> ChainView | None:
        """The newest option chain of an underlying at an instant; None before the first."""
        listing = self.state.listings.known.get(underlying)
        return None if listing is None else listing.view(at_ns, self._spot(underlying, at_ns))

    def _spot(self, ticker: str, at_ns: int) -> float | None:
        return self.state.quoted.spot(ticker, self.state.tickers.get(ticker), at_ns)
