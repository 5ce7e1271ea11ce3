"""How one force moves through a session: steady ways, trends, chop, calm and news, minute by minute.

A regime says how the price drifts, how much it shakes, and how much more is traded as it begins. Nobody steers where
a trend goes or whether it holds: directions and lengths are drawn, and nothing here knows what is held.

Steady ways that keep the day's mood hold longer here than in any real market, so that positions live long enough to
end in every way there is. What the engine gains on them says nothing about what it would gain.
"""

import hashlib
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from operators.contracts import FloatArray

MINUTES: Final = 390
"""Minutes of a normal session, over which a day's variance is spread."""
SECONDS: Final = 60
MOODY: Final = 0.85
"""Share of a session's trends that go the way of its mood."""
MOOD_TURNS: Final = 0.10
"""Chance that a mood turns overnight: momentum over a week or two."""
CALM: Final = 0.6
QUIET, QUIET_BOUNCE = 0.08, 0.25
"""How much calm shakes, and how little a share without news of its own does."""
ADVANCE, NEWS_DRIFT = (-0.9, 0.5), (0.6, 0.7)
"""Log and spread of how strongly trends and the minutes after news run: a few run far, as where tails are fat."""
NEWS, NEWS_SHAKING, SHOCK = (3.5, 0.5), (1.0, 0.5), 0.6
"""News: a jump either way, whichever way the price then runs. A steady way ends so with this chance, against it: up by
the stairs, down by the lift, for those who came late leave together."""
TURN: Final = 5.0
"""A turn of chop begins with a jump of this size its own way."""
WAY, WAY_SHAKING, WAY_BOUNCE, WAY_TURN, WAY_BURST = (-1.0, 0.35), 0.3, 1.2, (6.0, 12.0), (4.0, 6.0)
"""A steady way: log and spread of its drift, little that shakes it, and the turn on volume with which it begins."""
REST, RESTING = (8, 16), (0.8, 1.5)
"""Before it the price rests: minutes, and how fast it gives way, in drifts of the way to come."""
LEGS, LEG, OPENING = (1, 4), (30, 90), (12, 30)
"""Ways in a row, and their minutes; the market takes its first way soon after the open, and loses it soon."""
LATE, LATE_AT = 0.95, (0.58, 0.84)
"""Chance that the market takes a way after lunch that holds to the close, and when: in parts of the session."""
LUNCH: Final = 0.5
"""Part of the session after which no story of its own moves a share: most of its news came before the open."""
PACE, OPEN_PACE, PACE_MINUTES, LEAST_MINUTES = 1.6, 0.25, 90.0, 3
"""Regimes at the open are a quarter as long as they would be, long after it 1.6 times."""
JUMP_SECONDS: Final = 10
NOTICED_MINUTES: Final = 6.0
"""When the volume of a move is at its highest."""
BOUNCE_SECONDS: Final = 20.0
"""In which the price comes most of the way back from where one who trades pushed it."""


class Nature(NamedTuple):
    """What kind of force: how often each regime comes, and whether it leads the day.

    `size` scales drift and shaking together so that a session's variance comes out as asked for; measured in a test.
    """

    chances: Mapping[str, float]
    size: float
    leads: bool


MARKET: Final = Nature({"way": 0.50, "trend": 0.25, "chop": 0.07, "calm": 0.10, "news": 0.08}, 0.195, True)
STORY: Final = Nature({"way": 0.25, "trend": 0.12, "news": 0.13, "quiet": 0.50}, 0.275, False)


class Regimes(NamedTuple):
    """One element a minute: drift, shaking and jump at its start in standard deviations of a minute, volume's multiple.

    The jump takes JUMP_SECONDS; `bounce` is how far the price stands from its way for some seconds.
    """

    drift: FloatArray
    shaking: FloatArray
    jump: FloatArray
    burst: FloatArray
    bounce: FloatArray


class Stretch(NamedTuple):
    """Some minutes of one kind; `jump` and the burst of volume stand at their beginning."""

    minutes: int
    drift: float
    shaking: float
    burst: float
    jump: float = 0.0
    bounce: float = 0.8


def chance(seed: int, *words: object) -> np.random.Generator:
    """The random numbers of one purpose: named by words, so that no purpose disturbs another."""
    digest = hashlib.sha256(" ".join(map(str, (seed, *words))).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "little")))


def drawn(rng: np.random.Generator, minutes: int, mood: float, nature: Nature) -> Regimes:
    """The regimes of a session of that many minutes; most of its trends go the way of `mood`, +1 or -1."""
    found, at = Regimes(*(np.zeros(minutes) for _ in Regimes._fields)), 0
    late = round(minutes * rng.uniform(*LATE_AT)) if nature.leads and rng.random() < LATE else minutes
    while at < minutes:
        sign = mood if rng.random() < MOODY else -mood
        until = late if at < late else minutes
        for stretch in _begun(rng, at, at / minutes, sign, nature) if at < late else _way(rng, sign, minutes):
            end = min(at + stretch.minutes, until)
            if at < end:
                _laid(found, at, end, stretch)
            at = end
    return found


def _laid(found: Regimes, at: int, end: int, stretch: Stretch) -> None:
    found.drift[at:end], found.shaking[at:end] = stretch.drift, stretch.shaking
    found.jump[at], found.bounce[at:end] = stretch.jump, stretch.bounce
    found.burst[at:end] = 1.0 + (stretch.burst - 1.0) * _noticed(end - at)


def _noticed(minutes: int) -> FloatArray:
    """How the volume of a move rises to 1 as it is noticed, and falls again."""
    since = (np.arange(minutes) + 0.5) / min(NOTICED_MINUTES, minutes / 4.0)
    return np.asarray(since * np.exp(1.0 - since))


def _begun(rng: np.random.Generator, at: int, part: float, sign: float, nature: Nature) -> list[Stretch]:
    """The stretches of the regime that begins in a minute, `part` of the session over."""
    if nature.leads and at == 0:
        return _way(rng, sign, int(rng.integers(*OPENING)))
    pace = PACE - (PACE - OPEN_PACE) * float(np.exp(-at / PACE_MINUTES))
    stretches = _next(rng, sign, nature.chances) if nature.leads or part < LUNCH else [_quiet(rng)]
    return [one._replace(minutes=max(LEAST_MINUTES, round(one.minutes * pace))) for one in stretches]


def _next(rng: np.random.Generator, sign: float, chances: Mapping[str, float]) -> list[Stretch]:
    """The stretches of one regime; ways and trends go the way of `sign`, the others any way."""
    match str(rng.choice(list(chances), p=list(chances.values()))):
        case "way":
            return _ways(rng, sign)
        case "trend":
            return _trend(rng, sign)
        case "news":
            return [_news(rng, rng.choice((-1.0, 1.0)))]
        case "chop":
            return _chop(rng, rng.choice((-1.0, 1.0)))
        case "quiet":
            return [_quiet(rng)]
    return [Stretch(int(rng.integers(12, 40)), 0.0, CALM, 1.0)]


def _quiet(rng: np.random.Generator) -> Stretch:
    return Stretch(int(rng.integers(30, 100)), 0.0, QUIET, 1.0, bounce=QUIET_BOUNCE)


def _news(rng: np.random.Generator, sign: float) -> Stretch:
    """A jump the way of `sign`, and some wild minutes after it that go either way."""
    drift = rng.choice((-1.0, 1.0)) * rng.lognormal(*NEWS_DRIFT)
    jump, shaking = sign * rng.lognormal(*NEWS), rng.lognormal(*NEWS_SHAKING)
    return Stretch(int(rng.integers(4, 15)), drift, shaking, rng.uniform(2.5, 4.5), jump)


def _chop(rng: np.random.Generator, sign: float) -> list[Stretch]:
    """Legs up and down in turn; the turns are sharp."""
    found: list[Stretch] = []
    for _ in range(int(rng.integers(3, 7))):
        jump, drift = sign * abs(rng.normal(0.0, TURN)), sign * rng.uniform(0.2, 0.5)
        found.append(Stretch(int(rng.integers(6, 15)), drift, 1.2, rng.uniform(1.0, 2.4), jump))
        sign = -sign
    return found


def _trend(rng: np.random.Generator, sign: float) -> list[Stretch]:
    """Advances on volume, each but the last followed by a shorter step back that shakes more and trades less."""
    found: list[Stretch] = []
    for _ in range(int(rng.integers(2, 6))):
        found.append(Stretch(int(rng.integers(8, 25)), sign * rng.lognormal(*ADVANCE), 1.0, rng.uniform(1.8, 3.4)))
        found.append(Stretch(int(rng.integers(4, 9)), -sign * rng.uniform(0.15, 0.45), 1.7, 1.0))
    return found[:-1]


def _ways(rng: np.random.Generator, sign: float) -> list[Stretch]:
    """Steady ways in a row; news against them may end them."""
    found: list[Stretch] = []
    for _ in range(int(rng.integers(*LEGS))):
        found += _way(rng, sign, int(rng.integers(*LEG)))
    return [*found, _news(rng, -sign)] if rng.random() < SHOCK else found


def _way(rng: np.random.Generator, sign: float, minutes: int) -> list[Stretch]:
    """A rest, then a turn on volume and a slow, steady way from it."""
    jump, drift = sign * rng.uniform(*WAY_TURN), sign * rng.lognormal(*WAY)
    rest = -drift * rng.uniform(*RESTING)
    return [
        Stretch(int(rng.integers(*REST)), rest, WAY_SHAKING, 1.0, bounce=WAY_BOUNCE),
        Stretch(minutes, drift, WAY_SHAKING, rng.uniform(*WAY_BURST), jump, WAY_BOUNCE),
    ]


def moves(rng: np.random.Generator, regimes: Regimes, daily: float, nature: Nature) -> FloatArray:
    """Log returns of each second for a force with this volatility a day, its share of the session."""
    minutes = regimes.drift.size
    shape = nature.size * daily / np.sqrt(MINUTES) * busy(minutes)
    found = rng.standard_normal((minutes, SECONDS)) * (regimes.shaking / np.sqrt(SECONDS))[:, np.newaxis]
    found += (regimes.drift / SECONDS)[:, np.newaxis]
    found[:, :JUMP_SECONDS] += (regimes.jump / JUMP_SECONDS)[:, np.newaxis]
    bounced = _bounced(rng, np.repeat(regimes.bounce * shape, SECONDS))
    return np.asarray((found * shape[:, np.newaxis]).ravel() + np.diff(bounced, prepend=0.0))


def _bounced(rng: np.random.Generator, sizes: FloatArray) -> FloatArray:
    """How far the price stands from its way at each second: pushed by who trades, back within a minute or so."""
    kernel = np.exp(-np.arange(6.0 * BOUNCE_SECONDS) / BOUNCE_SECONDS)
    kernel /= np.sqrt(np.sum(kernel**2))
    return np.asarray(sizes * np.convolve(rng.standard_normal(sizes.size), kernel)[: sizes.size])


def busy(minutes: int) -> FloatArray:
    """How lively each minute is by the time of day alone: most after the open, a little more before the close."""
    since = np.arange(minutes)
    shape = 1.0 + 0.9 * np.exp(-since / 25.0) + 0.25 * np.exp((since - minutes + 1) / 20.0)
    return np.asarray(shape / np.sqrt(np.mean(shape**2)))


def traded(minutes: int) -> FloatArray:
    """The U of the volume over the day, mean 1."""
    since = np.arange(minutes)
    shape = 0.8 + 1.6 * np.exp(-since / 30.0) + 0.9 * np.exp((since - minutes + 1) / 25.0)
    return np.asarray(shape / shape.mean())
