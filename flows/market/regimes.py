"""How one force moves through a session: trends, chop, calm and spikes, minute by minute.

A regime says how the price drifts, how much it shakes, and how much more is traded as it begins. Nobody steers where
a trend goes or whether it holds: directions and lengths are drawn.
"""

import hashlib
from typing import Final, NamedTuple

import numpy as np

from operators.contracts import FloatArray

MINUTES: Final = 390
"""Minutes of a normal session, over which a day's variance is spread."""
SECONDS: Final = 60
CHANCES: Final = {"trend": 0.38, "chop": 0.24, "calm": 0.25, "spike": 0.13}
MOODY: Final = 0.72
"""Share of a session's trends that go the way of its mood."""
MOOD_TURNS: Final = 0.12
"""Chance that a mood turns overnight: momentum over a week or two."""
CALM: Final = 1.1
ADVANCE, SPIKE_DRIFT = (-0.9, 0.5), (0.6, 0.7)
"""Log and spread of how strongly trends and spikes run: a few run far, as in any market with fat tails."""
SPIKE_SHAKING: Final = (1.4, 0.5)
JUMP, TURN, JUMP_SECONDS = 8.0, 5.0, 10
"""News: a spike begins with a jump of this size either way, whichever way it then runs; a turn of chop with a smaller
one its own way."""
NOTICED_MINUTES: Final = 4.0
SIZE: Final = 0.265
"""Scales drift and shaking together so that a session's variance comes out as asked for; measured in a test."""


class Regimes(NamedTuple):
    """One element a minute: drift, shaking and jump at its start in standard deviations of a minute, volume's multiple.

    The jump takes JUMP_SECONDS.
    """

    drift: FloatArray
    shaking: FloatArray
    jump: FloatArray
    burst: FloatArray


class Stretch(NamedTuple):
    """Some minutes of one kind; `jump` and the burst of volume stand at their beginning."""

    minutes: int
    drift: float
    shaking: float
    burst: float
    jump: float = 0.0


def chance(seed: int, *words: object) -> np.random.Generator:
    """The random numbers of one purpose: named by words, so that no purpose disturbs another."""
    digest = hashlib.sha256(" ".join(map(str, (seed, *words))).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "little")))


def drawn(rng: np.random.Generator, minutes: int, mood: float) -> Regimes:
    """The regimes of a session of that many minutes; most of its trends go the way of `mood`, +1 or -1."""
    found, at = Regimes(*(np.zeros(minutes) for _ in Regimes._fields)), 0
    while at < minutes:
        for stretch in _next(rng, mood if rng.random() < MOODY else -mood):
            end = min(at + stretch.minutes, minutes)
            if at < end:
                found.drift[at:end], found.shaking[at:end] = stretch.drift, stretch.shaking
                found.jump[at] = stretch.jump
                found.burst[at:end] = 1.0 + (stretch.burst - 1.0) * _noticed(stretch.minutes)[: end - at]
            at = end
    return found


def _noticed(minutes: int) -> FloatArray:
    """How the volume of a move rises to 1 as it is noticed, and falls again."""
    since = (np.arange(minutes) + 0.5) / min(NOTICED_MINUTES, minutes / 4.0)
    return np.asarray(since * np.exp(1.0 - since))


def _next(rng: np.random.Generator, sign: float) -> list[Stretch]:
    """The stretches of one regime; a trend goes the way of `sign`, the others any way."""
    kind = rng.choice(list(CHANCES), p=list(CHANCES.values()))
    if kind == "trend":
        return _trend(rng, sign)
    if kind == "calm":
        return [Stretch(int(rng.integers(12, 40)), 0.0, CALM, 1.0)]
    sign = rng.choice((-1.0, 1.0))
    if kind == "spike":
        drift, jump = sign * rng.lognormal(*SPIKE_DRIFT), rng.normal(0.0, JUMP)
        return [Stretch(int(rng.integers(4, 15)), drift, rng.lognormal(*SPIKE_SHAKING), rng.uniform(2.5, 4.5), jump)]
    return _chop(rng, sign)


def _chop(rng: np.random.Generator, sign: float) -> list[Stretch]:
    """Legs up and down in turn; the turns are sharp."""
    found: list[Stretch] = []
    for _ in range(int(rng.integers(3, 7))):
        jump, drift = sign * abs(rng.normal(0.0, TURN)), sign * rng.uniform(0.2, 0.5)
        found.append(Stretch(int(rng.integers(6, 15)), drift, 2.0, rng.uniform(1.0, 2.4), jump))
        sign = -sign
    return found


def _trend(rng: np.random.Generator, sign: float) -> list[Stretch]:
    """Advances on volume, each but the last followed by a shorter, quieter step back."""
    found: list[Stretch] = []
    for _ in range(int(rng.integers(2, 6))):
        found.append(Stretch(int(rng.integers(8, 25)), sign * rng.lognormal(*ADVANCE), 1.9, rng.uniform(1.8, 3.4)))
        found.append(Stretch(int(rng.integers(4, 9)), -sign * rng.uniform(0.15, 0.45), 1.7, 1.0))
    return found[:-1]


def moves(rng: np.random.Generator, regimes: Regimes, daily: float) -> FloatArray:
    """Log returns of each second for a force with this volatility a day, its share of the session."""
    minutes = regimes.drift.size
    shape = SIZE * daily / np.sqrt(MINUTES) * busy(minutes)
    found = rng.standard_normal((minutes, SECONDS)) * (regimes.shaking / np.sqrt(SECONDS))[:, np.newaxis]
    found += (regimes.drift / SECONDS)[:, np.newaxis]
    found[:, :JUMP_SECONDS] += (regimes.jump / JUMP_SECONDS)[:, np.newaxis]
    return np.asarray((found * shape[:, np.newaxis]).ravel())


def busy(minutes: int) -> FloatArray:
    """How lively each minute is by the time of day alone: most after the open, a little more before the close."""
    since = np.arange(minutes)
    shape = 1.0 + 0.9 * np.exp(-since / 25.0) + 0.25 * np.exp((since - minutes + 1) / 20.0)
    return np.asarray(shape / np.sqrt(np.mean(shape**2)))


def traded(minutes: int) -> FloatArray:
    """The U of the volume over the day, mean 1."""
    since = np.arange(minutes)
    shape = 0.8 + 1.8 * np.exp(-since / 20.0) + 0.9 * np.exp((since - minutes + 1) / 25.0)
    return np.asarray(shape / shape.mean())
