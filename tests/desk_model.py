"""What must hold of a desk whatever happens, reckoned from its records and from what it was told.

The ledger keeps its own positions, cash and marks in micro-dollars; of the desk's own state it reads only what no
record says (the size planned as second half) and what it then compares with its own.
"""

from collections.abc import Iterable, Mapping

from operators.book import BookState
from operators.codes import ExitReason
from operators.config import ScalpConfig
from operators.events import SECOND_NS, Bar, Command, Quote
from operators.moments import Moment
from operators.records import FillRecord, OptionsScalpRecord, OrderRecord, Record, ScalpRecord, SignalRecord
from tests.desk_trades import UPWARDS, Hours, Shown, Trade, micros, sound_bid, within_budgets, within_order_caps

FIXED = ("signal_id", "action", "attempt", "symbol", "side", "quantity", "limit_price", "sent_at")
"""What an order's records say alike from its sending to its end."""


class Ledger:
    """The records of one desk, checked as they come: `take` an item's records, `told` what it was, then `check`."""

    def __init__(
        self, config: ScalpConfig, start_micros: int, hours: Hours, latency_ns: int, silence_ns: int, minutes: bool
    ) -> None:
        self.config, self.start, self.cash, self.hours = config, start_micros, start_micros, hours
        self.latency_ns, self.silence_ns, self.minutes = latency_ns, silence_ns, minutes
        self.trades: dict[str, Trade] = {}
        self.signals: dict[str, SignalRecord] = {}
        self.trade_of: dict[str, Trade] = {}
        self.executions: set[str] = set()
        self.deadlines: dict[str, int] = {}
        self.spots: dict[str, float] = {}
        self.shown = Shown()
        self.barred = self.killed = False
        self.today = self.realised = self.now_ns = 0

    @property
    def active(self) -> list[Trade]:
        """The trades that hold a slot."""
        return [trade for trade in self.trades.values() if not trade.over and trade.active]

    @property
    def equity(self) -> int:
        """Cash, and what is held at the last bid known."""
        return self.cash + sum(trade.value for trade in self.active)

    def begin(self, hours: Hours) -> None:
        """Another day."""
        self.hours, self.today = hours, 0

    def take(self, records: Iterable[Record], book: BookState, quotes: Mapping[str, Quote], bar: Bar | None) -> None:
        """The records of one item, which brought these quotes or this bar."""
        self.now_ns = book.now_ns
        self.shown.begin(quotes)
        for record in records:
            match record:
                case SignalRecord():
                    self.signals[record.signal_id] = record
                case OrderRecord():
                    self._order(record, book)
                case FillRecord():
                    self._fill(record)
                case ScalpRecord():
                    self._scalp(record, bar)
        self.shown.end()
        for trade in self.active:
            trade.quoted(quotes.get(trade.symbol))
        if bar is not None and bar.event_ns <= self.hours.ns(self.hours.close):
            self.spots[bar.ticker] = bar.close
            for trade in self.active:
                expired = trade.expiry is not None and trade.expiry < self.hours.day
                trade.priced = trade.priced or (trade.ticker == bar.ticker and not expired)

    def _order(self, record: OrderRecord, book: BookState) -> None:
        trade = self.trade_of.get(record.client_order_id)
        if trade is None:
            self._sent(record, book)
            return
        before = trade.orders[record.client_order_id]
        assert all(getattr(before, name) == getattr(record, name) for name in FIXED), "one id, two orders"
        more = record.filled_quantity > before.filled_quantity
        assert UPWARDS[record.state] > UPWARDS[before.state] or (record.state == before.state == "partial" and more)
        assert before.filled_quantity <= record.filled_quantity <= record.quantity
        assert (record.state == "filled") == (record.filled_quantity == record.quantity)
        trade.orders[record.client_order_id] = record

    def _sent(self, order: OrderRecord, book: BookState) -> None:
        """A new order, judged by its kind."""
        assert (order.state, order.side == "sell") == ("sending", order.action == "exit"), "only exits sell"
        assert self.hours.open_at(self.now_ns), "sent while the market is closed"
        if order.action == "first":
            self._first(order, book.scalps[order.signal_id].second)
        trade = self.trades[order.signal_id]
        assert (trade.over, trade.symbol) == (False, order.symbol), "an order after the end"
        if order.action == "exit":
            assert trade.live("sell") == [], "two live exits"
            assert order.reason in set(ExitReason), "an exit without a reason"
            assert 1 <= order.quantity <= trade.held, "more sold than held"
        elif order.action == "second":
            self._second(trade, order)
        trade.orders[order.client_order_id] = order
        self.trade_of[order.client_order_id] = trade
        if order.action != "exit":
            self._entered(trade, order)

    def _first(self, order: OrderRecord, planned: int) -> None:
        assert order.signal_id not in self.trades, "a first half again"
        assert self.signals[order.signal_id].decision == "entered"
        assert order.quantity - planned in (0, 1), "the first is half, rounded up"
        self.trades[order.signal_id] = Trade(self.signals[order.signal_id], order, planned)

    def _second(self, trade: Trade, order: OrderRecord) -> None:
        assert [one.state for one in trade.orders.values()] == ["filled"], "not after a first half filled whole, alone"
        assert 1 <= order.quantity <= trade.planned, "more than planned"
        assert sound_bid(self.shown.known[trade.symbol]) >= trade.average, "added to a loser"
        assert not trade.leave, "added to what is being left"
        trade.planned = 0

    def _entered(self, trade: Trade, order: OrderRecord) -> None:
        """Trading state, time, caps and budgets of an entry."""
        hours, ends = self.hours, [self.hours.time_is_over(trade.expiry)]
        assert not self.barred, "an entry while paused or halted"
        if hours.window:
            assert not hours.ns(hours.window) <= self.now_ns < hours.ns(hours.reopens), "an entry around a statement"
            ends += [hours.ns(hours.window)] if self.now_ns < hours.ns(hours.window) else []
        if not self.minutes:
            ends.append(self.now_ns + self.config.fill_timeout_seconds * SECOND_NS)
        assert self.now_ns < min(ends), "an entry when its time is over"
        self.deadlines[order.client_order_id] = min(min(ends) + self.latency_ns, hours.ns(hours.close))
        within_order_caps(self.config, trade, order, self.equity)
        within_budgets(self.config, trade, order, self.active, self.equity)

    def _fill(self, fill: FillRecord) -> None:
        trade = self.trade_of[fill.client_order_id]
        order, price = trade.orders[fill.client_order_id], micros(fill.price)
        assert fill.execution_id not in self.executions, "an execution again"
        self.executions.add(fill.execution_id)
        self.shown.filled(fill)
        assert (order.side, order.symbol, trade.over) == (fill.side, fill.symbol, False)
        assert price <= micros(order.limit_price) if fill.side == "buy" else price >= micros(order.limit_price)
        assert micros(fill.fee) == fill.quantity * trade.fee
        assert self.hours.open_at(self.now_ns), "filled while the market is closed"
        trade.fees += micros(fill.fee)
        amount = fill.quantity * trade.unit * price
        self.cash += (amount if fill.side == "sell" else -amount) - micros(fill.fee)
        if trade.bought == 0:
            self.today += 1
            trade.mark = price
            trade.quoted(self.shown.known.get(trade.symbol))
        trade.filled(fill.side, fill.quantity, amount)

    def _scalp(self, record: ScalpRecord, bar: Bar | None) -> None:
        trade = self.trades[record.signal_id]
        assert not trade.over, "a record after the end"
        trade.planned = trade.planned if record.second_half == "planned" else 0
        if record.status == "open":
            return
        if record.status == "expired":
            self._settle(trade, bar, micros(record.gross_pnl))
        assert (trade.held, trade.active) == (0, False), "over with something held or working"
        units = record.contracts if isinstance(record, OptionsScalpRecord) else getattr(record, "shares", 0)
        assert (units, micros(record.fees), micros(record.pnl)) == (trade.bought, trade.fees, trade.pnl)
        assert record.exit_reason in set(ExitReason), "left without a reason"
        trade.over, self.realised = True, self.realised + micros(record.pnl)

    def _settle(self, trade: Trade, bar: Bar | None, gross: int) -> None:
        """What is held of an expired contract is worth what it is in the money at the underlying's last close."""
        assert trade.expiry is not None
        assert not self.hours.open_at(self.now_ns) or trade.expiry < self.hours.day
        closes = [self.spots.get(trade.ticker), bar.close if bar is not None and bar.ticker == trade.ticker else None]
        worths = [round(max(0.0, trade.right * (close - trade.strike)) * 1e6) for close in closes if close is not None]
        amount = gross + trade.cost - trade.proceeds
        assert amount in [trade.held * trade.unit * worth for worth in worths], "settled at another price"
        trade.filled("sell", trade.held, amount)
        self.cash += amount

    def told(self, item: object) -> None:
        """What the item asks for: entries that must end, scalps that must be left."""
        match item:
            case Moment(flip=flip) if flip:
                self._must_leave(
                    [one for one in self.active if (one.ticker, one.direction) == (item.bar.ticker, -flip)]
                )
            case Command(action="flatten" | "kill"):
                self._must_leave(self.active)
                self.killed = self.killed or item.action == "kill"
            case Command(action="pause") | Command(action="mode", argument="options" | "leveraged_etf" | "both"):
                self._must_end(self.active)
                self.barred = self.barred or item.action == "pause"
                for trade in self.active if item.action == "mode" else ():
                    trade.planned = 0
            case Command(action="resume") if not self.killed:
                self.barred = False
            case Command(action="rearm") if self.killed and item.argument:
                self.barred = self.killed = False
        self.barred = self.barred or self.killed

    def silent(self, stream: str, newest_ns: int) -> None:
        """A stream ("" that of funds) spoke last at this time: who hangs on it must be left if that is too long ago."""
        due_ns = newest_ns + self.silence_ns
        if self.hours.ns("09:30") <= newest_ns and due_ns <= self.now_ns and self.hours.open_at(due_ns):
            self._must_leave([one for one in self.active if (one.ticker if one.option else "") == stream])

    def _must_end(self, trades: Iterable[Trade]) -> None:
        for order in [order for trade in trades for order in trade.live("buy")]:
            name = order.client_order_id
            self.deadlines[name] = min(self.deadlines[name], self.now_ns + self.latency_ns)

    def _must_leave(self, trades: Iterable[Trade]) -> None:
        for trade in trades:
            trade.leave, trade.planned = True, 0
        self._must_end(trades)

    def check(self, book: BookState) -> None:
        """What holds after every item."""
        active, hours = self.active, self.hours
        event = bool(hours.event) and hours.ns(hours.event) <= self.now_ns < hours.ns("14:00")
        self._must_leave([trade for trade in active if event or self.now_ns >= hours.time_is_over(trade.expiry)])
        for trade in active:
            quoted = self.shown.known[trade.symbol].at_ns >= hours.ns("09:30")
            if trade.leave and trade.held and hours.open_at(self.now_ns) and quoted:
                assert len(trade.live("sell")) == 1, "nothing is sent for what must be left"
            late = [one for one in trade.live("buy") if self.now_ns >= self.deadlines[one.client_order_id]]
            assert late == [], "an entry works on when its time is over"
        self._slots(active)
        self._agrees(active, book)

    def _slots(self, active: list[Trade]) -> None:
        """Slots, one scalp a ticker and symbol, one bias a group, scalps a day."""
        options = sum(trade.option for trade in active)
        assert options <= self.config.max_concurrent_scalps, "too many option scalps"
        assert len(active) - options <= self.config.etf_max_concurrent_scalps, "too many fund scalps"
        assert self.today <= self.config.max_scalps_per_day, "too many scalps today"
        for names in ([trade.ticker for trade in active], [trade.symbol for trade in active]):
            assert len(names) == len(set(names)), "two scalps of one ticker or symbol"
        biases = {(trade.group, trade.direction) for trade in active}
        assert len(biases) == len({group for group, _ in biases}), "two biases in one group"

    def _agrees(self, active: list[Trade], book: BookState) -> None:
        """Cash, positions and profit are those of the records; timers are in order."""
        profit = self.realised + sum(trade.pnl + trade.value for trade in active)
        assert book.cash_micros == self.cash >= 0
        assert book.equity_micros() == self.equity == self.start + profit
        told = {name: (scalp.held, scalp.working) for name, scalp in book.scalps.items()}
        assert told == {name: (one.held, one.working) for name, one in self.trades.items() if one in active}
        assert book.timers == sorted(book.timers)
        assert len({timer.number for timer in book.timers}) == len(book.timers)
