"""What the line writes against what the tape holds of it: each order and state once, and the same."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from msgspec.structs import replace

from flows.engine.echoes import CAUSES, Echoes, intent
from operators.events import Checkpoint, Echo, Intent
from operators.records import OrderRecord
from tests.builders import Stage
from tests.tape_builders import checkpoint

START = 100
"""The event behind which the run of these tests began."""


def order(name: str = "s1:first:1", cause: int = 101, **changes: object) -> OrderRecord:
    """133 TQQQ at 50.01 that are bought because of an event."""
    row: dict[str, object] = {"client_order_id": name, "signal_id": "s1", "action": "first", "attempt": 1}
    row |= {"symbol": "TQQQ", "side": "buy", "quantity": 133, "limit_price": Decimal("50.01"), "state": "sending"}
    row |= {"filled_quantity": 0, "reason": None, "sent_at": datetime(2025, 4, 1, tzinfo=UTC), "ended_at": None}
    return OrderRecord(book_id="paper:test", **(row | {"tape_seq": cause} | changes))  # type: ignore[arg-type]


def on_tape(echo: Echo, seq: int = 150) -> Echo:
    """The echo as the tape holds it."""
    return replace(echo, seq=seq, at_ns=7, event_ns=7)


class Run:
    """The echoes of a run, with all that they put onto the tape."""

    def __init__(self) -> None:
        self.put: list[Echo] = []
        self.echoes = Echoes(self.put.append, START)

    def ended(self) -> str:
        """What is said when a replay is over; nothing without a difference."""
        self.echoes.finished()
        return str(self.echoes.fault or "")


@pytest.fixture
def run() -> Run:
    return Run()


@pytest.mark.parametrize("outcome", [order(), checkpoint(101)], ids=["order", "checkpoint"])
@pytest.mark.parametrize("recorded_first", [True, False])
def test_what_is_recorded_and_computed_matches_in_either_order(
    run: Run, outcome: OrderRecord | Checkpoint, recorded_first: bool
) -> None:
    echo = on_tape(outcome if isinstance(outcome, Checkpoint) else intent(outcome))
    if recorded_first:
        run.echoes.recorded(echo)
    run.echoes.take(outcome)
    if not recorded_first:
        run.echoes.recorded(echo)
    run.echoes.head()
    assert (run.ended(), run.echoes.compared, run.put) == ("", 1, [])


def test_an_order_becomes_an_intent_in_micro_dollars() -> None:
    assert intent(order()) == Intent(0, 0, 0, 101, "s1:first:1", "TQQQ", "buy", 133, 50_010_000)


def test_an_order_at_the_market_is_an_intent_without_limit() -> None:
    assert intent(order(limit_price=None)).limit_micros is None


OTHERS = [{"quantity": 134}, {"side": "sell"}, {"symbol": "SQQQ"}, {"limit_price": None}, {"cause": 102}]
OTHERS += [{"limit_price": Decimal("50.010001")}]


@pytest.mark.parametrize("change", OTHERS)
@pytest.mark.parametrize("recorded_first", [True, False])
def test_another_order_is_a_difference_that_names_both(
    run: Run, change: dict[str, object], recorded_first: bool
) -> None:
    steps = [lambda: run.echoes.recorded(on_tape(intent(order()))), lambda: run.echoes.take(order(**change))]  # type: ignore[arg-type]
    for step in steps if recorded_first else reversed(steps):
        step()
    said = run.ended()
    assert said.startswith("order s1:first:1 was recorded as buy 133 TQQQ at 50.01 (event 101) and is now ")
    assert said.endswith(CAUSES)


def test_another_state_is_a_difference_that_names_both_digests(run: Run) -> None:
    one, other = checkpoint(101, b"one"), checkpoint(101, b"other")
    run.echoes.take(other)
    run.echoes.recorded(on_tape(one))
    assert f"the checkpoint at event 101 was recorded as state {one.digest} and is now state {other.digest}" in (
        run.ended()
    )


def test_the_first_difference_stands(run: Run) -> None:
    for name in ("a", "b"):
        run.echoes.recorded(on_tape(intent(order(name))))
        run.echoes.take(order(name, quantity=1))
    run.echoes.recorded(on_tape(intent(order("c"))))
    assert run.ended().startswith("order a was recorded")


@pytest.mark.parametrize("echo", [intent(order()), checkpoint(101)])
@pytest.mark.parametrize("end", [Echoes.head, Echoes.finished])
def test_what_is_recorded_and_not_computed_is_a_difference(run: Run, echo: Echo, end: object) -> None:
    run.echoes.recorded(on_tape(echo))
    end(run.echoes)  # type: ignore[operator]
    assert "is recorded at event 150 and was not decided again" in str(run.echoes.fault)


def test_an_order_that_is_recorded_twice_is_a_difference(run: Run) -> None:
    run.echoes.take(order())
    run.echoes.recorded(on_tape(intent(order())))
    run.echoes.recorded(on_tape(intent(order()), 151))
    assert "order s1:first:1 is recorded at event 151" in run.ended()


def test_orders_that_were_not_recorded_are_put_late_at_the_head_in_their_order(run: Run) -> None:
    for name in ("a", "b", "c"):
        run.echoes.take(order(name))
    run.echoes.recorded(on_tape(intent(order("b"))))
    before = [*run.put]
    run.echoes.head()
    late = [replace(intent(order(name)), late=True) for name in ("a", "c")]
    assert (before, run.put, run.echoes.fault) == ([], late, None)


def test_late_orders_are_put_once(run: Run) -> None:
    run.echoes.take(order())
    run.echoes.head()
    run.echoes.recorded(on_tape(run.put[0]))
    run.echoes.head()
    assert (len(run.put), run.ended()) == (1, "")


def test_an_order_that_was_recorded_late_is_the_same_order(run: Run) -> None:
    run.echoes.recorded(on_tape(replace(intent(order()), late=True)))
    run.echoes.take(order())
    assert (run.ended(), run.echoes.compared) == ("", 1)


def test_a_checkpoint_that_was_not_recorded_is_no_fault_and_is_not_put_later(run: Run) -> None:
    run.echoes.take(checkpoint(101))
    run.echoes.head()
    assert (run.put, run.ended()) == ([], "")


def test_an_order_that_was_not_recorded_is_missing_and_no_difference(run: Run) -> None:
    run.echoes.take(order("a"))
    run.echoes.take(checkpoint(101))
    assert (run.ended(), run.echoes.missing) == ("", ["a"])


@pytest.mark.parametrize("echo", [intent(order(cause=START)), intent(order(cause=3)), checkpoint(START), checkpoint(3)])
def test_what_was_recorded_before_the_start_is_not_looked_for(run: Run, echo: Echo) -> None:
    run.echoes.recorded(on_tape(echo))
    assert (run.ended(), run.echoes.compared) == ("", 0)


def test_the_checkpoint_that_the_run_began_with_is_not_made_again(run: Run) -> None:
    run.echoes.take(checkpoint(START))
    run.echoes.head()
    assert (run.put, run.ended(), run.echoes.newest) == ([], "", START)


def test_a_checkpoint_of_another_shape_is_not_compared(run: Run) -> None:
    run.echoes.recorded(on_tape(checkpoint(101, b"other", shape="another program")))
    run.echoes.take(checkpoint(101))
    assert (run.ended(), run.echoes.compared) == ("", 0)


def test_live_orders_and_checkpoints_are_put_at_once(run: Run) -> None:
    run.echoes.head()
    run.echoes.take(order())
    run.echoes.take(checkpoint(102))
    assert run.put == [intent(order()), checkpoint(102)]


def test_live_echoes_that_come_back_from_the_tape_are_not_compared(run: Run) -> None:
    run.echoes.head()
    run.echoes.take(order())
    run.echoes.recorded(on_tape(intent(order())))
    assert (run.ended(), run.echoes.compared) == ("", 0)


@pytest.mark.parametrize("state", ["working", "filled", "cancelled", "rejected"])
def test_only_an_order_that_is_sent_is_put(run: Run, state: str) -> None:
    run.echoes.head()
    run.echoes.take(order(state=state))
    assert run.put == []


def test_a_record_that_is_no_order_is_not_put(run: Run) -> None:
    run.echoes.head()
    for record in Stage().records:
        run.echoes.take(record)
    assert run.put == []


def test_the_newest_checkpoint_is_known_live_or_not(run: Run) -> None:
    run.echoes.take(checkpoint(101))
    first = run.echoes.newest
    run.echoes.head()
    run.echoes.take(checkpoint(160))
    assert (first, run.echoes.newest) == (101, 160)
