"""What may go wrong in a session: missing minutes, silence, crossed quotes, a halt.

Each kind is drawn for itself and takes away what was made without it, so that all else stays as it was; a halt alone
also moves the price of what was halted.
"""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, get_args

from flows.market.regimes import SECONDS, chance
from flows.market.world import DAILY_EXPIRIES, TICKERS
from operators.events import MINUTE_NS, AnyEvent, Bar, Chain, Quote
from operators.sessions import Session

Kind = Literal["gaps", "stale", "crossed", "halt"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
GAPS, GAP_MINUTES = 3, (2, 5)
STALE_MINUTES: Final = 2
HALT_MINUTES: Final = 5
JUMP_MOVES: Final = (0.5, 1.5)
"""A halted share reopens this many usual days' moves away."""
FIRST_MINUTE: Final = 10
"""Nothing is taken from the session's first and last minutes: their order is a test of its own."""


class Missing(NamedTuple):
    """Minutes that are missing, from `first` on; without a symbol all quotes and chains, bars stay."""

    first: int
    minutes: int
    symbol: str | None
    chain: bool


class Trouble(NamedTuple):
    """All that goes wrong in a session; `jump` names the halted line, the second of its reopening and a log return."""

    missing: tuple[Missing, ...]
    crossed: bool
    jump: tuple[str, int, float] | None

    def spares(self, event: AnyEvent, minute: int) -> bool:
        """Whether an event of a minute is on the tape."""
        return not any(gap.first <= minute < gap.first + gap.minutes and _takes(gap, event) for gap in self.missing)


def _takes(gap: Missing, event: AnyEvent) -> bool:
    if gap.symbol is None:
        return isinstance(event, Quote | Chain)
    match event:
        case Quote():
            return event.symbol == gap.symbol
        case Bar():
            return event.ticker == gap.symbol
        case Chain():
            return gap.chain and event.underlying == gap.symbol
    return False


def trouble(
    seed: int, session: Session, kinds: frozenset[Kind], symbols: Sequence[str], tickers: Sequence[str]
) -> Trouble:
    """What goes wrong in a session; `symbols` may have gaps, one of `tickers` is halted, a share if there is one."""
    missing: list[Missing] = []
    minutes = (session.close_ns - session.open_ns) // MINUTE_NS
    last = minutes - FIRST_MINUTE - HALT_MINUTES
    if "gaps" in kinds:
        rng = chance(seed, session.day, "gaps")
        for _ in range(GAPS):
            first, length = int(rng.integers(FIRST_MINUTE, last)), int(rng.integers(GAP_MINUTES[0], GAP_MINUTES[1] + 1))
            missing.append(Missing(first, length, symbols[int(rng.integers(len(symbols)))], chain=False))
    if "stale" in kinds:
        rng = chance(seed, session.day, "stale")
        starts = rng.choice(range(FIRST_MINUTE, last), STALE_MINUTES, replace=False)
        missing += [Missing(int(first), 1, None, chain=True) for first in sorted(starts)]
    jump = None
    if "halt" in kinds:
        halt, jump = _halt(seed, session, last, tickers)
        missing.append(halt)
    return Trouble(tuple(missing), "crossed" in kinds, jump)


def _halt(seed: int, session: Session, last: int, tickers: Sequence[str]) -> tuple[Missing, tuple[str, int, float]]:
    rng = chance(seed, session.day, "halt")
    # A halted index would move every fund that follows it.
    shares = [ticker for ticker in tickers if ticker not in DAILY_EXPIRIES] or list(tickers)
    ticker, first = shares[int(rng.integers(len(shares)))], int(rng.integers(FIRST_MINUTE, last))
    moved = float(rng.choice((-1.0, 1.0)) * rng.uniform(*JUMP_MOVES)) * TICKERS[ticker].daily
    reopening = (first + HALT_MINUTES) * SECONDS
    return Missing(first, HALT_MINUTES, ticker, chain=True), (ticker, reopening, moved)
