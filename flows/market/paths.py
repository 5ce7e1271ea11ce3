"""Price paths of one session after another: factors, tickers and indices by the second, funds from their indices.

A session's paths are arrays of one price a second; only the closes are carried on, so memory does not grow.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import exp, sqrt
from typing import Final, NamedTuple

import numpy as np

from flows.market import regimes
from flows.market.regimes import SECONDS, Regimes, chance
from flows.market.world import FACTORS, LINES, SESSION_SHARE, FundLine
from operators.contracts import FloatArray
from operators.events import MINUTE_NS
from operators.sessions import Session

LEVEL_KEPT, LEVEL_SHOCK = 0.93, 0.07
OWN_LEVEL_SHOCK: Final = 0.03
"""The log of volatility forgets 7 % a session, and is moved by this much: a spread of about a fifth either way."""
LEANING: Final = 0.10
"""How much IV rises when the market falls by a usual day's move."""
MOST_DAYS: Final = 4.0
VOLUME_NOISE: Final = 0.22
STILL: Final = 0.6
"""Volume of a minute in which nothing moves, of one that moves as usual."""
GAP_MOOD: Final = 0.3
"""Share of a usual gap at the open that the mood gives: what a market believed yesterday it believes overnight."""


class Levels(NamedTuple):
    """Log of volatility over its usual size: of the whole market, and of each ticker beside that."""

    market: float
    own: Mapping[str, float]

    def of(self, name: str) -> float:
        """The multiple of a ticker's usual IV."""
        return exp(self.market + self.own[name])


class Paths(NamedTuple):
    """One session. `mids` hold dollars at each second from the open to the close, both included.

    `activity` and `unrest` have one element a minute: traded volume over its mean, and how much wider spreads are.
    `leaning` is the multiple of IV at each second that the market's own move gives.
    """

    session: Session
    levels: Levels
    mids: dict[str, FloatArray]
    activity: dict[str, FloatArray]
    unrest: dict[str, FloatArray]
    leaning: FloatArray

    @property
    def minutes(self) -> int:
        """Length of the session."""
        return (self.session.close_ns - self.session.open_ns) // MINUTE_NS


def levels(seed: int, names: Sequence[str]) -> Iterator[Levels]:
    """The volatility of one session after another, without end."""
    rng = chance(seed, "levels")
    own_rngs = {name: chance(seed, "levels", name) for name in names}
    settled = sqrt(1.0 - LEVEL_KEPT**2)
    market = rng.normal(0.0, LEVEL_SHOCK / settled)
    own = {name: own_rngs[name].normal(0.0, OWN_LEVEL_SHOCK / settled) for name in names}
    while True:
        yield Levels(market, own)
        market = LEVEL_KEPT * market + rng.normal(0.0, LEVEL_SHOCK)
        own = {name: LEVEL_KEPT * before + own_rngs[name].normal(0.0, OWN_LEVEL_SHOCK) for name, before in own.items()}


class _Force(NamedTuple):
    """What one factor, or a line's own story, does in a session: log returns by second, and the regimes behind."""

    gap: float
    moves: FloatArray
    regimes: Regimes


class Walk:
    """The closes of all lines and funds and the moods of all forces, carried from session to session."""

    def __init__(self, seed: int, funds: Sequence[FundLine]) -> None:
        self.seed, self.funds = seed, funds
        self.moods: dict[str, float] = {}
        self.closes = {name: line.price for name, line in LINES.items()} | {fund.symbol: fund.price for fund in funds}

    def session(self, session: Session, levels: Levels, jump: tuple[str, int, float] | None = None) -> Paths:
        """The paths of the next session; `jump` moves a line by a log return from a second on."""
        minutes = (session.close_ns - session.open_ns) // MINUTE_NS
        scale = exp(levels.market)
        factors = {name: self._force(session, name, daily * scale, minutes) for name, daily in FACTORS.items()}
        market = factors["market"]
        paths = Paths(session, levels, {}, {}, {}, _leaning(market, FACTORS["market"]))
        for name, line in LINES.items():
            own = self._force(session, f"own {name}", line.own * scale, minutes)
            parts = [(factors[factor], getattr(line, factor)) for factor in FACTORS] + [(own, 1.0)]
            gap, moves = sum(force.gap * load for force, load in parts), sum(f.moves * load for f, load in parts)
            returns = gap + np.concatenate(([0.0], np.cumsum(moves)))
            if jump is not None and jump[0] == name:
                returns[jump[1] :] += jump[2]
            paths.mids[name] = self.closes[name] * np.exp(returns)
            self._liveliness(paths, name, (market.regimes, own.regimes), line.daily * scale)
        self._follow(paths)
        self.closes = {name: float(path[-1]) for name, path in paths.mids.items()}
        return paths

    def _force(self, session: Session, name: str, daily: float, minutes: int) -> _Force:
        rng = chance(self.seed, session.day, name)
        turns = chance(self.seed, session.day, "mood", name).random() < self._turns(name)
        mood = self.moods[name] = self.moods.get(name, 1.0) * (-1.0 if turns else 1.0)
        nature = regimes.MARKET if name == "market" else regimes.STORY
        found = regimes.drawn(rng, minutes, mood, nature)
        gap = daily * sqrt(1.0 - SESSION_SHARE) * (GAP_MOOD * mood + sqrt(1.0 - GAP_MOOD**2) * rng.normal())
        return _Force(gap, regimes.moves(rng, found, daily * sqrt(SESSION_SHARE), nature), found)

    def _turns(self, name: str) -> float:
        """The chance that a mood turns; a force's first mood is either."""
        return regimes.MOOD_TURNS if name in self.moods else 0.5

    def _liveliness(self, paths: Paths, name: str, behind: tuple[Regimes, Regimes], daily: float) -> None:
        """More is traded, and spreads are wider, where the price moves and as a regime begins."""
        market, own = behind
        minutes = paths.minutes
        path = paths.mids[name][::SECONDS]
        usual = daily * sqrt(SESSION_SHARE / regimes.MINUTES) * regimes.busy(minutes)
        size = np.minimum(np.abs(np.diff(np.log(path))) / usual, 5.0)
        burst = np.maximum(market.burst, own.burst)
        paths.unrest[name] = 0.7 + 0.3 * size * np.maximum(market.shaking, own.shaking)
        paths.activity[name] = self._volume(paths, name, (STILL + (1.0 - STILL) * size) * burst)

    def _volume(self, paths: Paths, name: str, liveliness: FloatArray) -> FloatArray:
        noise = chance(self.seed, paths.session.day, "volume", name).normal(0.0, VOLUME_NOISE, paths.minutes)
        return np.asarray(regimes.traded(paths.minutes) * liveliness * np.exp(noise))

    def _follow(self, paths: Paths) -> None:
        """Funds: previous close x (1 + leverage x the index's return since its previous close), and nothing else."""
        for fund in self.funds:
            index = paths.mids[fund.follows] / self.closes[fund.follows] - 1.0
            paths.mids[fund.symbol] = self.closes[fund.symbol] * (1.0 + fund.leverage * index)
            shape = paths.activity[fund.follows] / regimes.traded(paths.minutes)
            paths.activity[fund.symbol] = self._volume(paths, fund.symbol, shape)
            paths.unrest[fund.symbol] = paths.unrest[fund.follows]


def _leaning(market: _Force, daily: float) -> FloatArray:
    moved = np.concatenate(([0.0], np.cumsum(market.moves))) + market.gap
    return np.asarray(np.exp(-LEANING * np.clip(moved / daily, -MOST_DAYS, MOST_DAYS)))
