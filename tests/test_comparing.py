"""What two sides say of positions and orders: differences with both of them, and what others have."""

from flows.brokers.comparing import orders, positions, strangers
from flows.brokers.port import Held, Placed
from operators.answers import Answer, Verdict
from operators.orders import Order, OrderState


def order(name: str = "sc-1", state: OrderState = "working", filled: int = 0) -> Order:
    return Order(name, "s", "first", 0, "TQQQ", "buy", 50, 49_950_000, 0, state, filled)


def answer(name: str = "sc-1", state: Verdict = "working", filled: int = 0) -> Answer:
    return Answer(0, 0, 0, name, state, filled)


def placed(name: str = "sc-1", filled: int = 0) -> Placed:
    return Placed(answer(name, filled=filled), "TQQQ", "buy", 50)


def told(*here: Order, there: tuple[Placed, ...] = (), ended: Answer | None = None) -> list[str]:
    return [str(one) for one in orders({one.order_id: one for one in here}, there, {"sc-1": ended})]


class TestPositions:
    def test_the_same_number_is_no_difference(self) -> None:
        assert list(positions({"TQQQ": 50}, [Held("TQQQ", 50, 0)])) == []

    def test_another_number_and_none_at_all_are(self) -> None:
        found = [str(one) for one in positions({"TQQQ": 50, "SQQQ": 9}, [Held("TQQQ", 10, 0)])]
        assert found == ["SQQQ: 9 here, 0 at the broker", "TQQQ: 50 here, 10 at the broker"]

    def test_what_only_others_hold_is_none_of_ours(self) -> None:
        there = [Held("AAPL", 10, 0)]
        assert list(positions({}, there)) == []
        assert strangers({}, there, [placed("sc-1"), placed("by-hand")]) == ["10 AAPL", "buy 50 TQQQ"]


class TestOrders:
    def test_the_same_fills_are_no_difference(self) -> None:
        assert told(order(filled=10), there=(placed(filled=10),)) == []

    def test_other_fills_are(self) -> None:
        assert told(order(filled=10), there=(placed(filled=20),)) == [
            "order sc-1 to buy 50 TQQQ: working with 10 filled here, working with 20 filled at the broker"
        ]

    def test_one_that_is_open_here_alone_has_the_brokers_last_word(self) -> None:
        assert told(order(), ended=answer(state="cancelled")) == [
            "order sc-1 to buy 50 TQQQ: working with 0 filled here, cancelled with 0 filled at the broker"
        ]

    def test_one_that_the_broker_does_not_know_is_said_to_be_so(self) -> None:
        assert told(order(state="sending")) == [
            "order sc-1 to buy 50 TQQQ: sending with 0 filled here, unknown at the broker"
        ]

    def test_one_that_ended_here_alone_has_our_last_word(self) -> None:
        assert told(order(state="cancelled"), there=(placed(),)) == [
            "order sc-1 to buy 50 TQQQ: cancelled with 0 filled here, working with 0 filled at the broker"
        ]

    def test_one_that_ended_on_both_sides_is_over(self) -> None:
        assert told(order(state="filled", filled=50)) == []

    def test_those_of_others_are_none_of_ours(self) -> None:
        assert told(there=(placed("by-hand"),)) == []
