"""The pace of requests: each takes a token, whoever waited for it, and exits always have some left."""

import asyncio

from flows.brokers.lanes import Lane, Lanes
from tests.virtual import run


def waited(lane: Lane, further: int, *, taken: int = 0) -> float:
    """How long a request waits in a bucket of 10 that fills by 1 a second, after requests that waited and others."""

    async def main() -> float:
        lanes = Lanes(10, 1.0)
        for _ in range(taken):
            await lanes.take("exit")
        for _ in range(taken + further):
            lanes.spend()
        await lanes.take(lane)
        return asyncio.get_running_loop().time()

    return round(run(main()), 3)


def test_a_request_that_was_waited_for_is_counted_once() -> None:
    assert (waited("exit", 0, taken=9), waited("exit", 0, taken=10)) == (0.0, 1.0)


def test_further_requests_are_made_up_for_by_the_next() -> None:
    # 10 are there, 13 went out: 3 are owed, and one is needed.
    assert waited("exit", 13) == 4.0


def test_further_requests_eat_nothing_of_what_is_kept_for_exits() -> None:
    # 4 of 10 are left: an entry needs 3 more than its own, so that it goes out at once; with 3 left it waits.
    assert (waited("entry", 6), waited("entry", 7), waited("exit", 7)) == (0.0, 1.0, 0.0)
