"""What every broker behind the port has to do, asked of each alike."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from flows.brokers.port import Connection, Unclear
from operators.answers import Answer
from operators.events import Intent
from tests.broker_worlds import AtAlpaca, Memory, World, opened, state
from tests.virtual import run_fast

pytest_plugins = ("tests.alpaca_fixtures",)
pytestmark = pytest.mark.usefixtures("no_error_records")
Result = TypeVar("Result")


@pytest.fixture(params=["memory", "alpaca"])
def world(request: pytest.FixtureRequest) -> World:
    return Memory() if request.param == "memory" else AtAlpaca(request.getfixturevalue("fake"))


def lived(world: World, life: Callable[[World], Awaitable[Result]]) -> Result:
    """What a life in a world came to."""

    async def main() -> Result:
        async with opened(world):
            return await life(world)

    return run_fast(main())


async def bought(world: World, name: str, quantity: int, filled: int) -> Answer:
    """A purchase, once so much of it is filled."""
    await world.broker.submit(world.buy(name, quantity))
    await world.fill(name, filled)
    return await state(world.broker, name, lambda answer: answer.filled == filled)


def test_it_gives_its_account_and_tells_that_it_listens(world: World) -> None:
    account = lived(world, lambda world: world.broker.account())
    assert (account.account_id != "", account.power_micros > 0, account.options_level) == (True, True, 2)
    assert world.ear.told == [Connection(True)]


def test_an_order_that_rests_works(world: World) -> None:
    async def life(world: World) -> list[Answer | None]:
        intent = world.buy("sc-1", 50)
        return [await world.broker.submit(intent), await world.broker.lookup("sc-1")]

    said = [
        (answer.client_order_id, answer.state, answer.filled) for answer in lived(world, life) if answer is not None
    ]
    assert said == [("sc-1", "working", 0)] * 2


def test_an_order_that_rests_is_among_the_open_ones(world: World) -> None:
    async def life(world: World) -> list[tuple[str, str, str, int]]:
        for name in ("sc-1", "sc-2"):
            await world.broker.submit(world.buy(name, 50))
        placed = await world.broker.open_orders()
        return [(one.answer.client_order_id, one.symbol, one.side, one.quantity) for one in placed]

    assert sorted(lived(world, life)) == [("sc-1", "TQQQ", "buy", 50), ("sc-2", "TQQQ", "buy", 50)]


def test_a_name_is_taken_once(world: World) -> None:
    async def life(world: World) -> tuple[str, dict[str, int]]:
        await bought(world, "sc-1", 150, 100)
        again = await world.broker.submit(world.buy("sc-1", 150))
        return f"{again.state} {again.filled}", world.accepted()

    assert lived(world, life) == ("working 100", {"sc-1": 1})


def test_a_name_may_be_as_long_as_it_says(world: World) -> None:
    name = "sc-" + "x" * (world.broker.capabilities.id_characters - 3)

    async def life(world: World) -> Answer:
        return await world.broker.submit(world.buy(name, 1))

    assert lived(world, life).client_order_id == name


def test_a_name_that_nobody_used_is_none(world: World) -> None:
    assert lived(world, lambda world: world.broker.lookup("sc-9")) is None


def test_what_is_filled_whole_works_with_all_of_it_filled(world: World) -> None:
    async def life(world: World) -> tuple[str, int]:
        answer = await bought(world, "sc-1", 50, 50)
        return answer.state, len(await world.broker.open_orders())

    assert lived(world, life) == ("working", 0)


def test_what_is_partly_filled_is_open_with_its_part(world: World) -> None:
    async def life(world: World) -> list[tuple[int, int]]:
        await bought(world, "sc-1", 150, 100)
        return [(one.quantity, one.answer.filled) for one in await world.broker.open_orders()]

    assert lived(world, life) == [(150, 100)]


def test_what_is_filled_is_held(world: World) -> None:
    async def life(world: World) -> list[tuple[str, int]]:
        await bought(world, "sc-1", 50, 50)
        return [(one.symbol, one.quantity) for one in await world.broker.positions()]

    assert lived(world, life) == [("TQQQ", 50)]


def test_what_is_sold_is_held_no_more(world: World) -> None:
    async def life(world: World) -> int:
        await bought(world, "sc-1", 50, 50)
        await world.broker.submit(world.sell("sc-2", 50))
        await world.fill("sc-2", 50)
        await state(world.broker, "sc-2", lambda answer: answer.filled == 50)
        return len(await world.broker.positions())

    assert lived(world, life) == 0


def test_the_stream_and_the_list_tell_the_same_executions(world: World) -> None:
    async def life(world: World) -> None:
        await bought(world, "sc-1", 150, 100)
        await world.fill("sc-1", 50)
        await world.ear.until(lambda _: len(world.ear.executions) == 2)
        assert list(await world.broker.executions(0)) == world.ear.executions

    lived(world, life)
    first, second = world.ear.executions
    assert (first.client_order_id, first.symbol, first.side, first.quantity) == ("sc-1", "TQQQ", "buy", 100)
    assert (second.quantity, first.execution_id == second.execution_id, first.price_micros > 0) == (50, False, True)


def test_executions_of_before_are_not_told(world: World) -> None:
    async def life(world: World) -> list[int]:
        await bought(world, "sc-1", 150, 100)
        await world.fill("sc-1", 50)
        await state(world.broker, "sc-1", lambda answer: answer.filled == 150)
        all_of_them = await world.broker.executions(0)
        later = await world.broker.executions(all_of_them[0].event_ns + 1)
        return [one.quantity for one in later]

    assert lived(world, life) == [50]


def test_a_cancel_ends_an_order(world: World) -> None:
    async def life(world: World) -> tuple[str, int]:
        await world.broker.submit(world.buy("sc-1", 50))
        assert (await world.broker.cancel("sc-1")).state in ("working", "cancelled")
        ended = await state(world.broker, "sc-1", lambda answer: answer.state != "working")
        return ended.state, len(await world.broker.open_orders())

    assert lived(world, life) == ("cancelled", 0)


def test_a_cancel_keeps_what_was_filled(world: World) -> None:
    async def life(world: World) -> Answer:
        await bought(world, "sc-1", 150, 100)
        await world.broker.cancel("sc-1")
        return await state(world.broker, "sc-1", lambda answer: answer.state != "working")

    ended = lived(world, life)
    assert (ended.state, ended.filled) == ("cancelled", 100)


def test_a_cancel_of_what_is_filled_tells_that_it_is(world: World) -> None:
    async def life(world: World) -> Answer:
        await bought(world, "sc-1", 50, 50)
        return await world.broker.cancel("sc-1")

    answer = lived(world, life)
    assert (answer.state, answer.filled) == ("working", 50)


def test_a_cancel_of_what_nobody_sent_is_unclear(world: World) -> None:
    with pytest.raises(Unclear):
        lived(world, lambda world: world.broker.cancel("sc-9"))


def test_nothing_that_it_tells_has_a_place_on_a_tape(world: World) -> None:
    async def life(world: World) -> list[tuple[int, int]]:
        answer = await bought(world, "sc-1", 50, 50)
        told = [*await world.broker.executions(0), answer, *(one.answer for one in await world.broker.open_orders())]
        return [(one.seq, one.at_ns) for one in told]

    assert set(lived(world, life)) == {(0, 0)}


def test_it_tells_of_each_request(world: World) -> None:
    async def life(world: World) -> int:
        told = list[Intent]()
        intent = world.buy("sc-1", 50)
        world.broker.on_request = lambda: told.append(intent)
        await world.broker.submit(intent)
        await world.broker.lookup("sc-1")
        return len(told)

    assert lived(world, life) == 2
