"""From a signal to an option order: strike, gate, size, side and limit."""

from decimal import Decimal

import pytest

from operators import signals
from operators.config import EngineSettings, ScalpConfig
from operators.events import AnyEvent, Contracts, Direction, OutsideSignal
from operators.gate import GreeksGate
from operators.intents import Candidate
from operators.opening import opened
from operators.records import OrderRecord, SignalRecord
from operators.selection import StrikeSelection
from operators.sizing import ScalpSizer
from tests.builders import DAY, Stage, ny, setup
from tests.option_builders import FREE, STRIKES, TOMORROW, OptionStage, snapshot, table
from tests.play import EVENT_DRIVEN, Line, started
from tests.strike_builders import single

INDEX = EngineSettings(risk_free_rate=0.0, index_options=True)


def morning(contracts: Contracts, direction: Direction) -> list[AnyEvent]:
    """A run that begins with the usual chain at 10:00 and another engine's signal a second later."""
    signal = OutsideSignal(9, ny("10:00:01"), ny("10:00"), "QQQ", direction, 80.0)
    begun = started(ny("09:30"), "options", cadences=EVENT_DRIVEN)
    return [begun, contracts, snapshot(contracts, ny("10:00")), signal]


def funds(stage: Stage, *symbols: str) -> None:
    """Quotes of funds at 10:00:00.5."""
    for number, symbol in enumerate(symbols):
        stage.quote(ny("10:00:00.5") + number, symbol=symbol)


class TestOptionsScalper:
    @pytest.mark.parametrize(
        ("direction", "name", "option_type"),
        [(1, "QQQ250818C00572000", "long_call"), (-1, "QQQ250818P00570000", "long_put")],
    )
    def test_a_long_signal_buys_a_call_and_a_short_one_a_put(self, direction: int, name: str, option_type: str) -> None:
        stage = OptionStage()
        scalp = stage.buy(direction=direction)
        assert (scalp.option_symbol, scalp.direction, scalp.dte) == (name, option_type, 0)
        assert (scalp.entry_delta > 0) is (direction > 0)
        assert [fill.side for fill in stage.fills] == ["buy"]

    @pytest.mark.parametrize("direction", [1, -1])
    def test_every_scalp_starts_with_a_purchase(self, direction: int) -> None:
        stage = OptionStage()
        stage.chain("10:00")
        stage.signal("10:00:01", direction=direction)
        assert [(order.side, order.action) for order in stage.orders] == [("buy", "first")]

    @pytest.mark.parametrize("direction", [1, -1])
    def test_a_put_gains_when_its_premium_rises_and_so_does_a_call(self, direction: int) -> None:
        # 25 x 100 x 0.25 = 625 less 50 fees of 0.65: bought at the ask of 0.77, sold at a bid of 1.02.
        stage = OptionStage()
        stage.buy(direction=direction)
        paid = stage.option_scalp.entry_premium
        stage.state("10:00:02", float(paid) + 0.25, float(paid) + 0.27)
        stage.reach("10:00:03")
        assert (stage.option_scalp.exit_reason, stage.option_scalp.pnl) == ("profit_target", Decimal("592.50"))

    def test_in_mode_options_no_fund_is_ever_bought(self) -> None:
        stage = OptionStage(min_volume=6_000)
        funds(stage, "TQQQ", "SQQQ")
        stage.chain("10:00:00.9")
        signal = stage.signal("10:00:01")
        assert (signal.code, stage.orders, stage.verdicts(signal, "fund")) == ("volume", [], [])

    def test_in_mode_leveraged_etf_no_option_is_ever_bought(self) -> None:
        stage = OptionStage(mode="leveraged_etf")
        funds(stage, "TQQQ")
        stage.chain("10:00:00.9")
        signal = stage.signal("10:00:01")
        assert (stage.order("first").symbol, stage.verdicts(signal, "option")) == ("TQQQ", [])

    def test_the_stored_candidates_are_the_ranked_contracts_with_what_each_lost_by(self) -> None:
        stage = OptionStage()
        stage.chain("10:00")
        rows = stage.candidates(stage.signal("10:00:01"))
        assert [row.position for row in rows] == list(range(1, len(STRIKES) + 1))
        assert [row.symbol for row in rows if row.chosen] == ["QQQ250818C00572000"] == [rows[0].symbol]
        assert {row.lost_by for row in rows[1:]} <= {"delta", "spread"}
        assert (rows[0].bid, rows[0].ask, rows[0].volume, rows[0].open_interest) == (0.75, 0.77, 6_000.0, 12_000.0)

    def test_one_chosen_contract_is_stored_where_sizes_are_unknown(self) -> None:
        # NaN is equal to nothing, itself included.
        stage = single(0.76, 0.77, expiry=DAY)
        stage.chain("10:00:00.5", {name: {"bid_size": float("nan")} for name in stage.contracts.symbols})
        assert sum(row.chosen for row in stage.candidates(stage.signal("10:00:01"))) == 1

    def test_raw_events_become_an_order(self) -> None:
        contracts = table()
        line = Line(ScalpConfig(require_macro_alignment=False), FREE)
        events: list[AnyEvent] = [started(ny("09:30"), "options", cadences=EVENT_DRIVEN), contracts]
        events += [
            snapshot(contracts, ny("10:00")),
            OutsideSignal(9, ny("10:00:01"), ny("10:00"), "QQQ", "short", 80.0),
        ]
        records = line.play(events)
        (order,) = (one for one in records if isinstance(one, OrderRecord))
        # The put at 570 is quoted as the call at 572, 0.75 to 0.77: 2,000 / 39.80 = 50, 25 of them now.
        assert (order.symbol, order.side, order.quantity) == ("QQQ250818P00570000", "buy", 25)
        assert [one.decision for one in records if isinstance(one, SignalRecord)] == ["entered"]

    def test_strike_gate_and_size_agree_with_the_order(self) -> None:
        line, contracts = Line(ScalpConfig(require_macro_alignment=False), FREE), table(expiries=(TOMORROW,))
        (order,) = (one for one in line.play(morning(contracts, "long")) if isinstance(one, OrderRecord))
        (ticket,) = line.tickets
        chosen = ticket.option.chosen
        assert isinstance(chosen, StrikeSelection)
        assert ticket.chain is not None
        decision = GreeksGate(line.config).validate(chosen, ticket.chain)
        assert order.limit_price is not None
        limit = int(order.limit_price * 1_000_000)
        size = ScalpSizer(line.config).calculate(limit, 100, 1_300_000, 80.0, 10**11, decision.halved)
        assert (order.symbol, order.quantity, decision.halved) == (chosen.symbol, (size + 1) // 2, True)


class TestOpening:
    def test_what_is_neither_a_contract_nor_a_fund_is_an_error(self) -> None:
        stage = OptionStage()
        ticket = signals.ticket(setup(ny("10:00:01")))
        with pytest.raises(TypeError, match="neither a contract nor a fund"):
            opened(stage.book, stage.config, ticket, Candidate("QQQ", "nasdaq"), 1)


class TestLimit:
    def test_a_contract_that_was_looked_at_before_is_bought_at_its_newest_quote(self) -> None:
        # Refused at 0.76 to 0.77, then 0.80 + 0.02 at 0.78 to 0.82.
        stage = single(0.76, 0.77, expiry=DAY)
        assert stage.signal("10:00:01", conviction=10.0).code == "conviction"
        stage.chain("10:00:02", {"QQQ250818C00572000": {"bid": 0.78, "ask": 0.82}})
        stage.signal("10:00:03", bar_close_ns=ny("09:59"))
        assert stage.order("first").limit_price == Decimal("0.82")

    @pytest.mark.parametrize(
        ("ticker", "bid", "ask", "limit"),
        [
            ("QQQ", 0.75, 0.77, "0.77"),  # 0.76 + 0.02 = 0.78, over the ask
            ("QQQ", 1.96, 2.04, "2.02"),  # 2.00 + 0.02
            ("QQQ", 1.95, 2.04, "2.02"),  # 1.995 + 0.02 = 2.015
            ("SPY", 2.94, 3.05, "3.02"),  # 2.995 + 0.02 = 3.015, cents on either side of 3.00
            ("NVDA", 2.94, 3.05, "3.05"),  # 3.015, nickels from 3.00
            ("NVDA", 2.90, 3.00, "2.97"),  # 2.95 + 0.02
            ("NVDA", 2.95, 3.00, "3.00"),  # 2.975 + 0.02 = 2.995: 3.00 in cents, which is a nickel too
            ("NVDA", 3.00, 3.20, "3.15"),  # 3.10 + max(0.02, 0.025) = 3.125
        ],
    )
    def test_the_limit_is_rounded_up_to_a_tick_and_never_above_the_ask(
        self, ticker: str, bid: float, ask: float, limit: str
    ) -> None:
        stage = single(bid, ask, ticker)
        stage.signal("10:00:01", ticker)
        assert stage.order("first").limit_price == Decimal(limit)

    @pytest.mark.parametrize(
        ("bid", "ask", "limit"),
        [
            (2.80, 2.90, "2.90"),  # 2.85 + max(0.02, 0.025) = 2.875
            (2.85, 3.00, "2.95"),  # 2.925 + 0.025 = 2.95
            (2.90, 3.00, "3.00"),  # 2.95 + 0.025 = 2.975
            (2.95, 3.10, "3.10"),  # 3.025 + max(0.02, 0.05) = 3.075, dimes from 3.00
        ],
    )
    def test_the_ticks_of_spx_are_nickels_and_from_three_dollars_dimes(
        self, bid: float, ask: float, limit: str
    ) -> None:
        stage = single(bid, ask, "SPX", engine=INDEX, scalp_tickers=("SPY", "SPX"))
        stage.signal("10:00:01", "SPY")
        assert stage.order("first").limit_price == Decimal(limit)

    def test_a_market_order_is_never_sent_for_an_option(self) -> None:
        stage = OptionStage(entry_order_type="market")
        stage.chain("10:00")
        stage.signal("10:00:01")
        assert stage.order("first").limit_price == Decimal("0.77")
