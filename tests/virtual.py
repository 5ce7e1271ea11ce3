"""Event loops for tests that wait: one whose time passes at once, and a fast one where threads and sockets answer."""

import asyncio
import selectors
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

Result = TypeVar("Result")


class _Selector(selectors.SelectSelector):
    """Waits no wall time: what it should have waited is the loop's time passing."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("everything waits for something that nothing will bring")
        self.passed += timeout
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its time begins at 0 and passes at once: whoever sleeps is woken as soon as nothing else can run."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.passed


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """The result of a coroutine in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


SPEED = 20.0


class _FastSelector(selectors.SelectSelector):
    """Waits a fraction of what it should."""

    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(None if timeout is None else timeout / self._speed)


class FastLoop(asyncio.SelectorEventLoop):
    """Its seconds are shorter: whoever sleeps in it waits less, threads and sockets are as slow as they are."""

    def __init__(self, speed: float = SPEED) -> None:
        self._speed = speed
        super().__init__(_FastSelector(speed))

    def time(self) -> float:
        return super().time() * self._speed


class FastLoops(asyncio.DefaultEventLoopPolicy):
    """Every new loop is a fast one."""

    def __init__(self, speed: float) -> None:
        super().__init__()
        self._speed = speed

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        return FastLoop(self._speed)


def run_fast(main: Coroutine[Any, Any, Result]) -> Result:
    """The result of a coroutine in fast time."""
    with asyncio.Runner(loop_factory=FastLoop) as runner:
        return runner.run(main)


@contextmanager
def fast_loops(speed: float = SPEED) -> Iterator[None]:
    """Whoever makes a loop meanwhile makes a fast one."""
    asyncio.set_event_loop_policy(FastLoops(speed))
    try:
        yield
    finally:
        asyncio.set_event_loop_policy(None)
