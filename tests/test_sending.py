"""Orders on their way to a broker: at most one an intent, whatever the broker answers, and its fate always known."""

import asyncio

import pytest

from flows.brokers.lanes import Lanes
from flows.brokers.port import Unclear, Unusable
from flows.brokers.sending import Sending
from operators.answers import Answer, Execution, Withdrawal
from operators.events import SECOND_NS, Intent
from tests.fakes.exchange import Exchange, busy
from tests.virtual import run

BUY = Intent(5, 0, 0, 4, "sc-1", "TQQQ", "buy", 133, 50_010_000)
SELL = Intent(9, 0, 0, 8, "sc-2", "TQQQ", "sell", 133, 49_000_000)


class Wire:
    """A sending with an exchange at its other end; `told` is what came onto the tape, `at` when (seconds)."""

    def __init__(self, size: int = 100, exchange: Exchange | None = None) -> None:
        self.exchange, self.told, self.at = exchange or Exchange(), [], []
        self.safe_at = 0.0
        self.sending = Sending(self.exchange, self._put, self._safe, self._now_ns, Lanes(size, 3.0))

    told: list[Answer | Execution]
    at: list[float]

    def _put(self, said: Answer | Execution) -> None:
        self.told.append(said)
        self.at.append(asyncio.get_running_loop().time())

    async def _safe(self, _: int) -> None:
        await asyncio.sleep(max(0.0, self.safe_at - asyncio.get_running_loop().time()))

    def _now_ns(self) -> int:
        return round(asyncio.get_running_loop().time() * SECOND_NS)

    @property
    def states(self) -> list[str]:
        """What was said of orders, in order."""
        return [said.state if isinstance(said, Answer) else f"{said.quantity} done" for said in self.told]

    def goes(self, *echoes: Intent | Withdrawal, then: float = 0.0) -> "Wire":
        """Obeys the echoes, each when the one before is settled or `then` seconds later at the latest."""

        async def main() -> None:
            for echo in echoes:
                await asyncio.wait([asyncio.ensure_future(self.sending.obey(echo))], timeout=then or None)

        run(main())
        return self


def unclear() -> Unclear:
    return Unclear("timeout after 10 s")


class Slow(Exchange):
    """An exchange that takes an order fifteen seconds after it was sent."""

    async def submit(self, intent: Intent) -> Answer:
        await asyncio.sleep(15.0)
        return await super().submit(intent)


class TestSubmit:
    def test_what_is_still_on_its_way_is_not_taken_for_what_never_arrived(self) -> None:
        wire = Wire(exchange=Slow())

        async def main() -> None:
            order = asyncio.ensure_future(wire.sending.obey(BUY))
            await asyncio.sleep(1.0)
            asked = asyncio.ensure_future(wire.sending.inquire("sc-1"))
            await wire.sending.look(wire.sending.flights.known["sc-1"])
            await asyncio.gather(order, asked)

        run(main())
        assert (wire.states, wire.exchange.accepted) == (["working"], {"sc-1": 1})

    def test_an_accepted_order_works(self) -> None:
        wire = Wire().goes(BUY)
        assert (wire.states, wire.exchange.accepted["sc-1"]) == (["working"], 1)

    def test_it_leaves_when_its_intent_is_safe_and_no_sooner(self) -> None:
        wire = Wire()
        wire.safe_at = 1.5
        assert wire.goes(BUY).at[0] >= 1.5

    @pytest.mark.parametrize("when", ["before", "after"])
    def test_an_unclear_answer_is_looked_up_and_never_sent_again(self, when: str) -> None:
        wire = Wire()
        getattr(wire.exchange, when)["submit"].append(unclear())
        wire.goes(BUY)
        arrived = when == "after"
        assert wire.states == ["unknown", "working" if arrived else "rejected"]
        assert (wire.exchange.accepted["sc-1"], wire.exchange.calls.count("submit")) == (int(arrived), 1)

    def test_it_is_absent_after_two_denials_five_seconds_apart(self) -> None:
        wire = Wire()
        wire.exchange.before["submit"].append(unclear())
        wire.goes(BUY)
        assert wire.exchange.calls.count("lookup") == 4  # at 0.5, 1.5, 3.5 and 7.5 s
        assert wire.at[-1] == pytest.approx(7.5, abs=0.2)
        assert isinstance(wire.told[-1], Answer)
        assert wire.told[-1].reason == "it never arrived at the broker"

    def test_an_order_that_shows_only_later_is_found(self) -> None:
        wire = Wire()
        wire.exchange.after["submit"].append(unclear())
        wire.exchange.hidden.add("sc-1")

        async def main() -> None:
            asyncio.get_running_loop().call_later(2.0, wire.exchange.hidden.clear)
            await wire.sending.obey(BUY)

        run(main())
        assert wire.states == ["unknown", "working"]

    def test_an_order_whose_state_nobody_can_read_is_asked_for_until_it_is_filled(self) -> None:
        wire = Wire()
        wire.exchange.after["submit"].append(unclear())
        wire.exchange.unreadable.add("sc-1")

        async def main() -> None:
            asyncio.get_running_loop().call_later(12.0, lambda: wire.sending.hear(wire.exchange.fill("sc-1", 133)))
            await wire.sending.obey(BUY)

        run(main())
        assert wire.states == ["unknown", "133 done"]
        assert wire.exchange.calls.count("lookup") == 5  # at 0.5, 1.5, 3.5, 7.5 and 12.5 s

    def test_trouble_between_two_denials_makes_them_count_no_more(self) -> None:
        wire = Wire()
        wire.exchange.before["submit"].append(unclear())
        wire.exchange.before["lookup"] = [None, None, None, unclear(), None]
        wire.goes(BUY)
        assert wire.exchange.calls.count("lookup") == 6
        assert wire.states == ["unknown", "rejected"]

    def test_an_account_that_may_not_trade_refuses(self) -> None:
        wire = Wire()
        wire.exchange.before["submit"].append(Unusable("the account is blocked"))
        wire.goes(BUY)
        assert isinstance(wire.told[0], Answer)
        assert (wire.told[0].state, wire.told[0].reason) == ("rejected", "the account is blocked")


class TestWaiting:
    def test_a_busy_broker_is_asked_again_when_it_said(self) -> None:
        wire = Wire()
        wire.exchange.before["submit"].append(busy(3.0))
        wire.goes(BUY)
        assert wire.states == ["working"]
        assert 3.0 <= wire.at[0] < 3.5

    def test_an_entry_grows_stale_meanwhile(self) -> None:
        wire = Wire()
        wire.exchange.before["submit"] = [busy(3.0), busy(3.0)]
        wire.goes(BUY)
        assert wire.states == ["rejected"]
        assert isinstance(wire.told[0], Answer)
        assert wire.told[0].reason.startswith("stale: 6.0")
        assert wire.exchange.accepted == {}

    def test_an_exit_is_tried_until_it_is_taken(self) -> None:
        wire = Wire()
        wire.exchange.before["submit"] = [busy(10.0)] * 6
        wire.goes(SELL)
        assert (wire.states, wire.exchange.accepted["sc-2"]) == (["working"], 1)
        assert wire.at[0] >= 60.0

    @pytest.mark.parametrize("told_at", [1.0, 3.0])
    def test_an_exit_that_was_turned_away_and_is_told_of_all_the_same_is_cancelled_there(self, told_at: float) -> None:
        wire = Wire()
        wire.exchange.after["submit"] = [busy(10.0)]

        async def main() -> None:
            sent = asyncio.ensure_future(wire.sending.obey(SELL))
            works = Answer(0, 0, 0, "sc-2", "working")
            asyncio.get_running_loop().call_later(told_at, wire.sending.hear, works)
            await asyncio.sleep(2.0)
            await wire.sending.obey(Withdrawal(10, 0, 0, 9, "sc-2"))
            await sent

        run(main())
        assert wire.states == ["working", "cancelled"]
        assert (wire.exchange.orders["sc-2"].state, wire.exchange.calls.count("submit")) == ("cancelled", 1)

    def test_an_exit_that_was_told_of_before_it_was_turned_away_is_not_sent_again(self) -> None:
        wire = Wire(exchange=Slow())
        wire.exchange.after["submit"] = [busy(10.0)]

        async def main() -> None:
            asyncio.get_running_loop().call_later(14.9, wire.sending.hear, Answer(0, 0, 0, "sc-2", "working"))
            await wire.sending.obey(SELL)

        run(main())
        assert (wire.states, wire.exchange.calls.count("submit")) == (["working"], 1)

    def test_an_exit_that_was_given_up_while_it_waited_is_not_sent_any_more(self) -> None:
        # The broker takes no orders for twelve seconds, does not say until when, and answers lookups.
        wire = Wire()
        wire.exchange.before["submit"] = [busy(0.0)] * 12

        async def main() -> None:
            sent = asyncio.ensure_future(wire.sending.obey(SELL))
            await asyncio.sleep(0.005)  # it is on its way
            await wire.sending.inquire("sc-2")
            await sent

        run(main())
        assert (wire.states, wire.exchange.accepted) == (["rejected"], {})

    def test_an_exit_goes_before_entries_that_wait(self) -> None:
        wire = Wire(size=3)

        async def main() -> None:
            entries = [Intent(5, 0, 0, 4, f"sc-e{n}", "TQQQ", "buy", 1, None) for n in range(6)]
            tasks = [asyncio.ensure_future(wire.sending.obey(echo)) for echo in [*entries, SELL]]
            await asyncio.wait(tasks)

        run(main())
        names = [said.client_order_id for said in wire.told]
        assert names.index("sc-2") <= 2


class TestWithheld:
    def test_a_halt_keeps_entries_and_no_exit(self) -> None:
        wire = Wire()
        wire.sending.halted = True
        wire.goes(BUY, SELL)
        assert wire.states == ["rejected", "working"]
        assert wire.exchange.accepted == {"sc-2": 1}

    @pytest.mark.parametrize("intent", [BUY, SELL])
    def test_what_a_killed_run_decided_is_not_sent(self, intent: Intent) -> None:
        late = Intent(5, 0, 0, 4, intent.client_order_id, "TQQQ", intent.side, 133, None, late=True)
        wire = Wire().goes(late)
        assert (wire.states, wire.exchange.accepted) == (["rejected"], {})

    def test_what_is_withdrawn_before_it_left_never_leaves(self) -> None:
        wire = Wire()
        wire.exchange.before["submit"] = [busy(10.0)]

        async def main() -> None:
            sent = asyncio.ensure_future(wire.sending.obey(SELL))
            await asyncio.sleep(1.0)
            await wire.sending.obey(Withdrawal(10, 0, 0, 9, "sc-2"))
            await sent

        run(main())
        assert (wire.states, wire.exchange.accepted) == (["cancelled"], {})


class TestCancel:
    def test_a_cancel_ends_the_order(self) -> None:
        wire = Wire().goes(BUY, Withdrawal(6, 0, 0, 5, "sc-1"))
        assert wire.states == ["working", "cancelled"]

    def test_a_cancel_that_is_never_answered_is_asked_again_every_three_seconds(self) -> None:
        wire = Wire()
        wire.exchange.cancels_work = False

        async def main() -> None:
            await wire.sending.obey(BUY)
            cancel = asyncio.ensure_future(wire.sending.obey(Withdrawal(6, 0, 0, 5, "sc-1")))
            await asyncio.sleep(10.0)
            wire.exchange.cancels_work = True
            await cancel

        run(main())
        assert wire.states == ["working", "cancelled"]
        assert 4 <= wire.exchange.calls.count("cancel") <= 5

    def test_a_cancel_whose_answer_is_lost_is_found_by_lookup(self) -> None:
        wire = Wire()
        wire.exchange.after["cancel"].append(unclear())
        wire.goes(BUY, Withdrawal(6, 0, 0, 5, "sc-1"))
        assert wire.states == ["working", "cancelled"]

    def test_a_fill_while_the_cancel_is_under_way_ends_it(self) -> None:
        wire = Wire()
        wire.exchange.cancels_work = False

        async def main() -> None:
            await wire.sending.obey(BUY)
            cancel = asyncio.ensure_future(wire.sending.obey(Withdrawal(6, 0, 0, 5, "sc-1")))
            await asyncio.sleep(1.0)
            wire.sending.hear(wire.exchange.fill("sc-1", 133))
            await cancel

        run(main())
        assert wire.states == ["working", "133 done"]

    def test_an_order_that_nobody_knows_is_not_cancelled(self) -> None:
        assert Wire().goes(Withdrawal(6, 0, 0, 5, "sc-9")).exchange.calls == []


class TestHearing:
    def heard(self, *said: Answer | Execution) -> list[str]:
        """What came onto the tape after the order works."""
        wire = Wire()

        async def main() -> None:
            await wire.sending.obey(BUY)
            for one in said:
                wire.sending.hear(one)

        run(main())
        return wire.states[1:]

    def test_news_that_come_again_are_none(self) -> None:
        done = Execution(0, 0, 1, "x1", "sc-1", "TQQQ", "buy", 33, 50_000_000)
        assert self.heard(done, done, Answer(0, 0, 0, "sc-1", "working", 33)) == ["33 done"]

    def test_an_older_state_is_no_news(self) -> None:
        ended, works = Answer(0, 0, 0, "sc-1", "cancelled"), Answer(0, 0, 0, "sc-1", "working")
        assert self.heard(ended, works, Answer(0, 0, 0, "sc-1", "unknown")) == ["cancelled"]

    def test_an_end_that_tells_of_more_filled_is_news(self) -> None:
        ended = [Answer(0, 0, 0, "sc-1", "cancelled", filled) for filled in (0, 50)]
        assert self.heard(*ended) == ["cancelled", "cancelled"]

    def test_a_strangers_execution_is_told(self) -> None:
        assert self.heard(Execution(0, 0, 1, "x9", "by-hand", "TQQQ", "sell", 5, 50_000_000)) == ["5 done"]

    def test_a_strangers_answer_is_not(self) -> None:
        assert self.heard(Answer(0, 0, 0, "by-hand", "working")) == []
