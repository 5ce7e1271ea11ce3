"""Which feed a word stands for: a simulated market, a tape that is played, or Alpaca's market."""

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

from flows.feeds.faults import chosen as chosen_faults
from flows.feeds.feed import Feed
from flows.feeds.recorded import RecordedFeed
from flows.feeds.simulated import simulated
from flows.settings import Settings
from operators import catalog
from operators.events import Mode
from operators.sessions import new_york

SIMULATED, REPLAY, ALPACA = "simulated", "replay", "alpaca"
WORDS: Final = "simulated, simulated:SEED, replay:TAPE or alpaca"
REAL_TIME: Final = 1.0


class NoFeed(ValueError):
    """A feed that cannot be had; the message says why and what to do."""


class Asked(NamedTuple):
    """A feed as a command line names it; `speed` is times its own time, `faults` a list with commas."""

    word: str
    speed: float = REAL_TIME
    faults: str = ""


def chosen(asked: Asked, settings: Settings, mode: Mode, *, live: bool) -> Callable[[Path], Feed]:
    """What makes the feed in an engine's folder. Raises NoFeed and BadFaults.

    Orders of options with real money are not placed on indicative quotes, which are not those of the exchanges.
    """
    kind, _, rest = asked.word.partition(":")
    faults = chosen_faults(asked.faults)
    if kind == REPLAY and rest:
        return lambda _: RecordedFeed(Path(rest), asked.speed, faults)
    if kind == SIMULATED and (rest.isdecimal() or not rest):
        return lambda folder: RecordedFeed(simulated(folder / "market", int(rest or 1)), asked.speed, faults)
    if kind != ALPACA or rest:
        raise NoFeed(f"--feed {asked.word}: expected {WORDS}")
    if asked.speed != REAL_TIME or faults:
        raise NoFeed("--feed alpaca is a real market: it has no --speed and no --faults")
    if live and mode != "leveraged_etf" and settings.engine.option_feed == "indicative":
        raise NoFeed("option_feed = indicative: no real money on quotes that are not the exchanges'; set it to opra")
    return lambda _: _alpaca(settings, mode, live=live)


def shares_of(settings: Settings, mode: Mode, day: date) -> tuple[str, ...]:
    """The shares whose bars are needed, and the funds that may be bought for them that day."""
    tickers = settings.scalp.scalp_tickers
    if mode == "options":
        return tickers
    sectors = settings.scalp.etf_sector_mapping_enabled
    families = [family for ticker in tickers if (family := catalog.family(ticker, sectors)) is not None]
    funds = [fund.ticker for name in families for side in (True, False) for fund in catalog.funds(name, side, day)]
    return tuple(dict.fromkeys((*tickers, *funds)))


def _alpaca(settings: Settings, mode: Mode, *, live: bool) -> Feed:
    from flows.brokers.alpaca.keys import keys
    from flows.feeds.alpaca.asking import Access
    from flows.feeds.alpaca.feed import AlpacaFeed, Wanted

    engine = settings.engine
    access = Access(keys(), engine.stock_feed, engine.option_feed, paper=not live)
    options_of = () if mode == "leveraged_etf" else settings.scalp.scalp_tickers
    symbols = shares_of(settings, mode, new_york(time.time_ns()).date())
    return AlpacaFeed(access, Wanted(symbols, options_of))
