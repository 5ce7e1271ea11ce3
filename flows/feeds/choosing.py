"""Which feed a word stands for: a simulated market, a tape that is played, or Alpaca's market.

Orders that go to a broker are decided on that broker's market and no other.
"""

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from flows.feeds.faults import chosen as chosen_faults
from flows.feeds.feed import Feed
from flows.feeds.recorded import RecordedFeed
from flows.feeds.simulated import simulated
from flows.settings import Settings
from flows.tape.pace import Pace
from operators import catalog
from operators.events import Mode
from operators.sessions import new_york

if TYPE_CHECKING:
    from flows.feeds.alpaca.feed import Wanted

SIMULATED, REPLAY, ALPACA = "simulated", "replay", "alpaca"
PAPER: Final = "paper"
WORDS: Final = "simulated, simulated:SEED, replay:TAPE, alpaca, or alpaca:URL of `scalp fake-alpaca`"
REAL_TIME: Final = 1.0


class NoFeed(ValueError):
    """A feed that cannot be had; the message says why and what to do."""


class Asked(NamedTuple):
    """A feed as a command line names it; `speed` is times its own time, `faults` a list with commas.

    Without a word it is the market of the broker, on paper a simulated one. `live` is real money.
    """

    word: str = ""
    speed: float = REAL_TIME
    faults: str = ""
    broker: str = PAPER
    live: bool = False


def chosen(asked: Asked, settings: Settings, mode: Mode) -> Callable[[Path], Feed]:
    """What makes the feed in an engine's folder. Raises NoFeed and BadFaults.

    Orders of options with real money are not placed on indicative quotes, which are not those of the exchanges.
    """
    word = asked.word or (SIMULATED if asked.broker == PAPER else asked.broker)
    if asked.broker not in (PAPER, word):
        raise NoFeed(
            f"--feed {word} with --broker {asked.broker}: orders would go to a market that the engine does not see; "
            f"name no feed, or --feed {asked.broker}"
        )
    kind, _, rest = word.partition(":")
    faults = chosen_faults(asked.faults)
    if kind == REPLAY and rest:
        return lambda _: RecordedFeed(Path(rest), asked.speed, faults)
    if kind == SIMULATED and (rest.isdecimal() or not rest):
        return lambda folder: RecordedFeed(simulated(folder / "market", int(rest or 1)), asked.speed, faults)
    if kind != ALPACA or (":" in word and not rest):
        raise NoFeed(f"--feed {word}: expected {WORDS}")
    if faults or (asked.speed != REAL_TIME and not rest):
        raise NoFeed(f"--feed {word} has no --faults, and a real market has no --speed")
    if asked.live and mode != "leveraged_etf" and settings.engine.option_feed == "indicative":
        raise NoFeed("option_feed = indicative: no real money on quotes that are not the exchanges'; set it to opra")
    return lambda _: _fakes(rest, asked.speed, settings, mode) if rest else _alpaca(settings, mode, live=asked.live)


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
    from flows.feeds.alpaca.feed import AlpacaFeed

    access = Access(keys(), settings.engine.stock_feed, settings.engine.option_feed, paper=not live)
    return AlpacaFeed(access, _wanted(settings, mode, time.time_ns()))


def _fakes(url: str, speed: float, settings: Settings, mode: Mode) -> Feed:
    """The market that a fake plays, in the fake's time."""
    from flows.brokers.alpaca.keys import ANY, fake
    from flows.feeds.alpaca.asking import Access, Asking
    from flows.feeds.alpaca.feed import AlpacaFeed

    Pace(speed)
    access = Access(ANY, settings.engine.stock_feed, settings.engine.option_feed, address=fake(url).rest)
    first_ns, began_ns = Asking(access).now_ns(), time.monotonic_ns()

    def clock() -> int:
        return first_ns + round((time.monotonic_ns() - began_ns) * speed)

    return AlpacaFeed(access, _wanted(settings, mode, first_ns), clock, speed)


def _wanted(settings: Settings, mode: Mode, now_ns: int) -> "Wanted":
    from flows.feeds.alpaca.feed import Wanted

    options_of = () if mode == "leveraged_etf" else settings.scalp.scalp_tickers
    return Wanted(shares_of(settings, mode, new_york(now_ns).date()), options_of)
