"""A model of the desk: whatever it is told in whatever order, its records keep slots, budgets, positions and money.

Runs are of 40 steps; SCALP_MODEL_RUNS says how many, 1,000 without it. `make model` plays 10,000.
"""

import os
from collections import Counter
from datetime import date
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from operators.events import MINUTE_NS, SECOND_NS
from operators.records import FillRecord, OrderRecord, ScalpRecord, SignalRecord
from tests.builders import MILLISECOND_NS, Action
from tests.desk_trades import Hours
from tests.desk_world import CHAINS, FUNDS, SHAPES, SPOTS, World

pytestmark = pytest.mark.slow

RUNS = int(os.environ.get("SCALP_MODEL_RUNS", "1000"))


def days(first: Hours, *dates: str) -> tuple[Hours, ...]:
    """A first day and the usual ones that follow."""
    return (first, *(Hours(date.fromisoformat(day)) for day in dates))


AUGUST = days(Hours(date(2025, 8, 18)), "2025-08-19", "2025-08-20", "2025-08-21")
STATED = Hours(date(2025, 9, 17), window="13:30", reopens="15:15", event="13:55")
"""A statement at 14:00 with a press conference."""
STATEMENT = days(STATED, "2025-09-18", "2025-09-19", "2025-09-22")
SHORT = Hours(date(2025, 11, 28), zero="11:00", one="12:30", leave="12:55", close="13:00")
"""The day after Thanksgiving closes at 13:00: each cut-off three hours earlier."""
EARLY = days(SHORT, "2025-12-01", "2025-12-02", "2025-12-03")
LIMITS: tuple[dict[str, Any], ...] = (
    {},
    {"max_total_premium_fraction": 0.022, "max_gross_leverage": 0.6},
    {"max_concurrent_scalps": 1, "etf_max_concurrent_scalps": 2},
    {"max_scalps_per_day": 2, "max_order_contracts": 5, "max_order_shares": 40},
    {"max_risk_per_scalp": 0.2, "max_total_premium_fraction": 1.0, "max_order_contracts": 500},
    {"max_loss_pct": 0.2, "daily_loss_limit": 0.01, "max_order_notional_fraction": 0.03},
)
PASSING = (0, 1, MILLISECOND_NS, 200 * MILLISECOND_NS, SECOND_NS, 2 * SECOND_NS, 16 * SECOND_NS)
FACTORS = (0.4, 0.8, 0.96, 0.99, 1.0, 1.01, 1.03, 1.1, 1.3)
COMMANDS: tuple[tuple[Action, str], ...] = (
    ("pause", ""),
    ("resume", ""),
    ("resume", ""),
    ("flatten", ""),
    ("kill", ""),
    ("rearm", ""),
    ("rearm", "looked at"),
    ("rearm", "looked at again"),
    ("mode", "options"),
    ("mode", "leveraged_etf"),
    ("mode", "both"),
)


class DeskModel(RuleBasedStateMachine):
    """One desk in the world; every item is checked by the world's ledger."""

    met: ClassVar[Counter[str]] = Counter()

    @initialize(
        days=st.sampled_from((AUGUST, AUGUST, STATEMENT, EARLY)),
        mode=st.sampled_from(("both", "both", "options", "leveraged_etf")),
        minutes=st.booleans(),
        money=st.sampled_from(((100_000, 30), (100_000, 3600), (15_000, 30), (3_000, 3600))),
        limits=st.sampled_from(LIMITS),
        pace=st.sampled_from(((0, 0), (15, 10))),
    )
    def begin(self, days: Any, mode: Any, minutes: bool, money: Any, limits: Any, pace: Any) -> None:
        (equity_usd, patience), (to_exit, cooldown) = money, pace
        more = {"min_minutes_to_exit": to_exit, "cooldown_minutes": cooldown} | limits
        self.world = World(days, mode, minutes, patience, equity_usd, **more)
        self.world.reach(days[0].ns("10:00"))

    def _signal(self, ticker: str, direction: int, shape: str, after_ns: int) -> None:
        """All that the ticker may buy is stated in one shape, then comes the signal, then time."""
        world, held = self.world, {trade.symbol for trade in self.world.ledger.active}
        symbols = [*(world.tables[ticker].symbols if ticker in CHAINS else ()), *FUNDS[ticker].split()]
        world.states |= {symbol: (1.0, shape) for symbol in symbols if symbol not in held}
        world.speak([ticker], world.next_ns)
        world.attempt(ticker, direction, 80.0 if direction > 0 else 60.0)
        world.go(world.next_ns + after_ns, living=False)

    @rule(
        ticker=st.sampled_from(CHAINS),
        direction=st.sampled_from((1, -1)),
        shape=st.sampled_from(("good", "good", "few")),
        after_ns=st.sampled_from(PASSING),
    )
    def option_signal(self, ticker: str, direction: int, shape: str, after_ns: int) -> None:
        """A signal of a ticker with a chain."""
        self._signal(ticker, direction, shape, after_ns)

    @rule(
        ticker=st.sampled_from(tuple(SPOTS)),
        direction=st.sampled_from((1, -1)),
        shape=st.sampled_from(("good", "few", "none", "wide")),
        after_ns=st.sampled_from(PASSING),
    )
    def signal(self, ticker: str, direction: int, shape: str, after_ns: int) -> None:
        """A signal of any ticker, in any market."""
        self._signal(ticker, direction, shape, after_ns)

    @rule(
        ticker=st.sampled_from(tuple(SPOTS)),
        factor=st.sampled_from(FACTORS),
        shape=st.sampled_from(("good", "good", "good", "good", "good", *SHAPES)),
        after_ns=st.sampled_from(PASSING),
    )
    def quotes(self, ticker: str, factor: float, shape: str, after_ns: int) -> None:
        """What is held for any ticker moves, or else what is listed for this one."""
        world = self.world
        mine = {trade.symbol for trade in world.ledger.active}
        world.states |= dict.fromkeys(mine or FUNDS[ticker].split(), (factor, shape))
        world.speak(world.tickers or {ticker}, world.next_ns + after_ns)

    @rule(
        flip=st.sampled_from((-1, 0, 0, 0, 0, 0, 1)),
        cloud=st.sampled_from(("bounce", "bounce", "far", "none")),
        bars=st.sampled_from((1, 2, 2, 3)),
        gain=st.sampled_from((None, True, True, False)),
    )
    def bar(self, flip: int, cloud: str, bars: int, gain: bool | None) -> None:
        """Minutes close for every ticker with a scalp, quotes living; what is held may stand higher, or as it was."""
        if gain is not None:
            self._stand(gain, "good")
        self._bars(bars, flip, cloud)

    @rule(
        ticker=st.sampled_from(tuple(SPOTS)),
        direction=st.sampled_from((1, -1)),
        gain=st.sampled_from((True, True, False)),
        cloud=st.sampled_from(("bounce", "bounce", "far")),
        shape=st.sampled_from(("good", "good", "few")),
    )
    def scalp(self, ticker: str, direction: int, gain: bool, cloud: str, shape: str) -> None:
        """A signal in a good market, and three bars after it that test the cloud or run away from it."""
        self._signal(ticker, direction, "good", SECOND_NS)
        self._stand(gain, shape)
        self._bars(3, 0, cloud)

    def _stand(self, gain: bool, shape: str) -> None:
        for trade in self.world.ledger.active:
            self.world.states[trade.symbol] = ((1.05 if trade.option else 1.01) if gain else 1.0, shape)

    def _bars(self, bars: int, flip: int, cloud: str) -> None:
        world = self.world
        for _ in range(bars):
            world.go((world.book.now_ns // MINUTE_NS + 1) * MINUTE_NS - SECOND_NS, living=True)
            world.bars(flip, cloud)

    @rule(
        after_ns=st.sampled_from((*PASSING, 31 * SECOND_NS, 3 * MINUTE_NS)),
        turns=st.sampled_from((0, 0, 0, 1, 1, 2)),
        living=st.booleans(),
    )
    def wait(self, after_ns: int, turns: int, living: bool) -> None:
        """Some time, or to one of the next turns of the day, or to the next day."""
        if turns:
            self.world.leap(turns - 1, living)
        self.world.go(self.world.next_ns + after_ns, living)

    @rule(what=st.sampled_from((*COMMANDS, "restart", "restart", "restart", "dies", *CHAINS)), flag=st.booleans())
    def odd(self, what: Any, flag: bool) -> None:
        """A command, a restart, a new table, or nobody bids any more for the options that are held."""
        world = self.world
        if what == "restart":
            world.restart()
        elif what == "dies":
            world.dead |= {trade.symbol for trade in world.ledger.active if trade.option}
        elif what in CHAINS:
            world.relist(what, flag)
        else:
            world.command(world.next_ns, *what)

    def teardown(self) -> None:
        if hasattr(self, "world") and self.world.whole:
            self.world.end()
            self.count()

    def count(self) -> None:
        """What happened in this run."""
        for record in self.world.records:
            match record:
                case SignalRecord():
                    self.met[f"{record.decision} {record.leg or record.code}"] += 1
                case OrderRecord(state="sending"):
                    self.met[f"sent {record.action}"] += 1
                case FillRecord():
                    self.met[f"fill {record.side}"] += 1
                case OrderRecord():
                    self.met[f"order {record.state}"] += 1
                case ScalpRecord() if record.status != "open":
                    self.met[f"{record.status} {record.exit_reason}"] += 1
                    self.met[f"second {record.second_half}"] += 1


USUAL = settings(
    max_examples=RUNS, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)
OFTEN = {"entered option", "entered fund", "sent second", "order partial", "order cancelled", "order filled"}
OFTEN |= {"closed stop_loss", "closed stale_quote", "closed cloud_flip", "closed time_cutoff", "closed session_end"}
OFTEN |= {"second losing", "refused slots", "refused exposure_cap", "refused day_cap", "closed risk", "closed operator"}


def test_the_desk_keeps_slots_budgets_positions_and_money_whatever_it_is_told() -> None:
    run_state_machine_as_test(DeskModel, settings=USUAL)


def test_the_steps_are_such_that_scalps_are_bought_doubled_refused_and_left() -> None:
    class Counted(DeskModel):
        met: ClassVar[Counter[str]] = Counter()

    run_state_machine_as_test(Counted, settings=settings(USUAL, max_examples=150, derandomize=True, database=None))
    assert set(Counted.met) >= OFTEN
