"""Brings the streams of a live market together: each is connected again when it breaks, and watched for silence.

The border with the engine is its tape's one bounded queue: while that is full, only the newest quote of a symbol and
the newest chain of an underlying wait.
"""

import random
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import reactivex
from reactivex import Observable, abc
from reactivex.disposable import CompositeDisposable, SerialDisposable

from flows.backoff import USUAL, Backoff
from flows.feeds.feed import Put
from operators.events import AnyEvent, Chain, Contracts, Quote

HEALTHY_SECONDS: Final = 60.0
"""A connection that held so long begins anew with the shortest wait."""
LOOK_SECONDS: Final = 1.0


class Silent(Exception):
    """A stream said nothing for longer than it may while its market is open."""


class Ended(Exception):
    """A stream ended by itself: a live market has no end."""


def watched(
    stream: Observable[AnyEvent], seconds: float, market_open: Callable[[], bool], scheduler: abc.SchedulerBase
) -> Observable[AnyEvent]:
    """The stream, which ends with Silent when nothing came for so long while the market was open."""

    def subscribe(observer: abc.ObserverBase[AnyEvent], _: abc.SchedulerBase | None = None) -> abc.DisposableBase:
        heard = scheduler.now

        def on_next(event: AnyEvent) -> None:
            nonlocal heard
            heard = scheduler.now
            observer.on_next(event)

        def look(_: int) -> None:
            nonlocal heard
            if not market_open():
                heard = scheduler.now
            elif (silent := (scheduler.now - heard).total_seconds()) > seconds:
                observer.on_error(Silent(f"nothing came for {silent:.0f} s, limit {seconds:.0f} s"))

        looks = reactivex.interval(LOOK_SECONDS, scheduler=scheduler).subscribe(look, scheduler=scheduler)
        return CompositeDisposable(looks, stream.subscribe(on_next, observer.on_error, observer.on_completed))

    return Observable(subscribe)


class Connecting(NamedTuple):
    """How a stream is connected again: by whom, when, and who hears why and how long it waits."""

    connect: Callable[[], Observable[AnyEvent]]
    scheduler: abc.SchedulerBase
    told: Callable[[Exception, float], None]
    backoff: Backoff = USUAL
    chance: Callable[[], float] = random.random


class _Connection:
    """One subscription that outlives its streams."""

    def __init__(self, how: Connecting, observer: abc.ObserverBase[AnyEvent]) -> None:
        self._how, self._observer = how, observer
        self.disposable, self._failures = SerialDisposable(), 0
        self._since = how.scheduler.now

    def begin(self) -> None:
        """Connects; what keeps it from that is a break like any other."""
        self._since = self._how.scheduler.now
        try:
            stream = self._how.connect()
        except Exception as fault:
            self._broken(fault)
            return
        self.disposable.disposable = stream.subscribe(
            self._observer.on_next, self._broken, self._ended, scheduler=self._how.scheduler
        )

    def _ended(self) -> None:
        self._broken(Ended("the stream ended"))

    def _broken(self, fault: Exception) -> None:
        held = (self._how.scheduler.now - self._since).total_seconds()
        self._failures = 1 if held >= HEALTHY_SECONDS else self._failures + 1
        seconds = self._how.backoff.seconds(self._failures, self._how.chance())
        self._how.told(fault, seconds)
        self.disposable.disposable = self._how.scheduler.schedule_relative(seconds, lambda *_: self.begin())


def reconnecting(how: Connecting) -> Observable[AnyEvent]:
    """A stream without end: connected again after each break."""

    def subscribe(observer: abc.ObserverBase[AnyEvent], _: abc.SchedulerBase | None = None) -> abc.DisposableBase:
        connection = _Connection(how, observer)
        connection.begin()
        return connection.disposable

    return Observable(subscribe)


def merged(streams: Mapping[str, Observable[AnyEvent]]) -> Observable[AnyEvent]:
    """All streams as one, each event as it comes."""
    return reactivex.merge(*streams.values())


class Conflating:
    """Puts events; while `waiting` says that the queue is longer than the limit, the newest quote of each symbol waits.

    So does the newest chain of each underlying, until a new table makes it worthless. Nothing else ever waits or is
    lost: bars and tables pass in order. `lost` counts quotes and chains that a newer one replaced.
    """

    def __init__(self, put: Put, waiting: Callable[[], int], limit: int) -> None:
        self.lost = 0
        self._put, self._waiting, self._limit = put, waiting, limit
        self._held: dict[tuple[type, str], Quote | Chain] = {}

    def take(self, event: AnyEvent) -> None:
        """Puts the event now, or holds it back."""
        if self._waiting() <= self._limit:
            self.release()
        elif isinstance(event, Quote | Chain):
            name = (type(event), event.symbol if isinstance(event, Quote) else event.underlying)
            self.lost += name in self._held
            self._held[name] = event
            return
        elif isinstance(event, Contracts):
            self.lost += self._held.pop((Chain, event.underlying), None) is not None
        self._put(event)

    def release(self) -> None:
        """Puts what was held back, in the order in which it began to wait."""
        held, self._held = self._held, {}
        for event in held.values():
            self._put(event)
