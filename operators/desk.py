"""The desk: a machine without I/O that turns tickets, bars, quotes and commands of one book into records.

It keeps timers by due time. A timer runs before the first event at or after its time, with the quotes known then; but
an event's quote is matched against working orders before a timer due at that very time can cancel them.
"""

from typing import Literal

from operators import charted, commands, exits, expiry, paper, timetable, watches
from operators.answering import Answering
from operators.answers import Answer, Execution, Power
from operators.blotter import Blotter, mark
from operators.book import BookState, Timer
from operators.config import EngineSettings, ScalpConfig
from operators.contracts import is_contract
from operators.entering import Entering
from operators.events import MINUTE_NS, Chain, Command, Contracts, Quote, RunStarted, Split
from operators.intents import Item, Ticket
from operators.leaving import Leaving
from operators.moments import Moment
from operators.orders import Cancel, Order
from operators.records import Record, run_record
from operators.restraint import Restraint
from operators.settling import Settling
from operators.silence import Silence


class Desk:
    """One book's desk; `on` takes the items of the line in order and returns the records that they caused."""

    def __init__(self, book: BookState, config: ScalpConfig, settings: EngineSettings) -> None:
        self.book, self.config = book, config
        self.blotter = Blotter(book, config, settings)
        self.leaving = Leaving(self.blotter)
        self.entering = Entering(self.blotter, self.leaving)
        self.silence = Silence(book, self.leaving)
        self.restraint = Restraint(self.leaving)
        self.settling = Settling(self.blotter, self.leaving, self.restraint)
        self.answering = Answering(self.settling)

    @classmethod
    def started(cls, event: RunStarted, config: ScalpConfig, settings: EngineSettings) -> "Desk":
        """The desk of a new book, before the run's first item."""
        book = BookState.begun(event, settings)
        timetable.await_open(book, event.at_ns)
        return cls(book, config, settings)

    def on(self, item: Item) -> list[Record | Cancel]:
        """The records of one item, those of the timers that were due before it first."""
        self.blotter.out = []
        match item:
            case Quote() if item.symbol in self.book.watches or not is_contract(item.symbol):
                self._quotes(item, self.book.stream_of(item.symbol), [item])
            case Chain():
                self._quotes(item, item.underlying, watches.quotes(self.book, item))
            case RunStarted():
                return [self._begin_run(item)]
            case Ticket():
                self._reach(item.setup.seq, item.setup.at_ns)
                self.entering.decide(item)
                self.silence.watch()
            case _:
                self._reach(item.seq, item.at_ns)
                self._take(item)
        return self.blotter.out

    def _take(self, item: Item) -> None:
        """What is neither a quote nor a ticket, at its time; of anything else only the time matters."""
        match item:
            case Contracts():
                for symbol in watches.relisted(self.book, item):
                    self._time_out(symbol)
            case Moment():
                self._moment(item)
            case Command():
                self.blotter.out.append(commands.obey(item, self.book, self.leaving))
            case Answer() | Execution() | Power():
                self.answering.take(item)
            case Split():
                self.restraint.look_at_split(item)

    def _begin_run(self, event: RunStarted) -> Record:
        expiry.begin_run(self.book, event.at_ns)
        return run_record(event)

    def _reach(self, seq: int, at_ns: int) -> None:
        timetable.hear(self.book, seq, at_ns)
        self._run_timers(at_ns)
        self.book.now_ns = max(self.book.now_ns, at_ns)

    def _run_timers(self, until_ns: int) -> None:
        """Runs the timers due at or before an instant, each at its own time."""
        timers = self.book.timers
        while timers and timers[0].due_ns <= until_ns:
            timer = timers.pop(0)
            self.book.now_ns = max(self.book.now_ns, timer.due_ns)
            self._timer(timer)

    def _run_arrivals(self, at_ns: int) -> None:
        """Lets the orders arrive that are due at an instant, before that instant's quote is matched."""
        due = [timer for timer in self.book.timers if timer.due_ns == at_ns and timer.kind == "arrive"]
        for timer in due:
            self.book.timers.remove(timer)
            self.book.now_ns = max(self.book.now_ns, at_ns)
            self._timer(timer)

    def _quotes(self, event: Quote | Chain, stream: str, quotes: list[Quote]) -> None:
        """New quotes of one stream, known together."""
        book = self.book
        timetable.hear(book, event.seq, event.at_ns)
        if book.timers and book.timers[0].due_ns <= event.at_ns:
            self._run_timers(event.at_ns - 1)
            self._run_arrivals(event.at_ns)
        book.now_ns = max(book.now_ns, event.at_ns)
        heard = book.stream(stream)
        heard.newest_ns = max(heard.newest_ns, min(event.event_ns, event.at_ns))
        if book.loop == "paper" and (book.scalps or book.ask_taken or book.bid_taken):
            for quote in quotes:
                for order, fill in paper.on_quote(book, quote):
                    self.settling.filled(order, fill)
        self._run_timers(event.at_ns)
        for quote in quotes:
            book.quotes[quote.symbol] = quote
        if book.scalps:
            self.silence.watch()
            for quote in quotes:
                self._scalps_on_quote(quote.symbol)

    def _scalps_on_quote(self, symbol: str) -> None:
        book = self.book
        self._time_out(symbol)
        for scalp in [scalp for scalp in book.scalps_in_order() if scalp.symbol == symbol]:
            scalp.mark_micros = mark(scalp, book.quotes[symbol], scalp.mark_micros)
            self.leaving.judge(scalp, self.leaving.situation(scalp))
            if scalp.exit_due is not None:
                self.leaving.send(scalp)
                if book.now_ns >= scalp.priced_ns + self.leaving.reprice_ns:
                    self.leaving.reprice(scalp)

    def _time_out(self, symbol: str) -> None:
        for order in self.book.orders_of(symbol):
            self.entering.time_out(order)

    def _moment(self, moment: Moment) -> None:
        bar = moment.bar
        if bar.ticker in self.config.scalp_tickers:
            self.blotter.out.append(charted.bar_record(self.book, moment))
        for scalp in [scalp for scalp in self.book.scalps_in_order() if scalp.ticker == bar.ticker]:
            if scalp.bought and bar.event_ns - MINUTE_NS >= scalp.entry_ns:
                scalp.bars_since_entry += 1
                scalp.outside_run = scalp.outside_run + 1 if exits.outside(bar, moment, scalp.direction) else 0
            self.leaving.judge(scalp, self.leaving.situation(scalp, flip=moment.flip))
            self.entering.after_bar(scalp, moment)
        expiry.price_seen(self.book, bar)
        self._settle_expired()
        self.restraint.look_at_loss()

    def _timer(self, timer: Timer) -> None:
        order = self.book.orders.get(timer.subject)
        scalp = self.book.scalps.get(timer.subject)
        match timer.kind:
            case "open":
                self._open(timer.subject)
            case "close":
                self._close()
            case "mark":
                self.blotter.out.append(charted.mark_record(self.book))
                timetable.await_mark(self.book)
            case "session_end" | "event":
                self._judge_all()
            case "window":
                self.leaving.stop_all_entries("event")
            case "silence":
                self.silence.due(timer.subject)
            case "expiry":
                self._settle_expired()
            case "arrive" | "cancel" | "timeout" as kind if order is not None and order.open:
                self._order_timer(kind, order)
            case "reprice" if scalp is not None:
                self.leaving.reprice(scalp)
            case "resend" if scalp is not None and scalp.exit_due is not None:
                self.leaving.send(scalp)
            case "cutoff" | "stop" if scalp is not None:
                self.leaving.judge(scalp, self.leaving.situation(scalp))

    def _order_timer(self, kind: Literal["arrive", "cancel", "timeout"], order: Order) -> None:
        match kind:
            case "arrive":
                self._arrive(order)
            case "cancel":
                self.settling.end(order, "cancelled")
            case "timeout":
                self.entering.time_out(order)

    def _arrive(self, order: Order) -> None:
        fill = self.blotter.arrive(order)
        if fill is not None:
            self.settling.filled(order, fill)
        scalp = self.book.scalps.get(order.signal_id)
        if scalp is not None:
            self.leaving.judge(scalp, self.leaving.situation(scalp))

    def _judge_all(self) -> None:
        for scalp in self.book.scalps_in_order():
            self.leaving.judge(scalp, self.leaving.situation(scalp))

    def _open(self, day: str) -> None:
        timetable.begin_session(self.book, self.config, day)
        self.restraint.begin_session()

    def _close(self) -> None:
        """Day orders expire at the close, at a broker by its word; what is held is offered again at the next open."""
        working = [order for _, order in sorted(self.book.orders.items()) if order.open]
        for order in working if self.book.loop == "paper" else ():
            self.settling.end(order, "expired")
        self.leaving.hold_overnight()
        if expiry.last_trades_are_over(self.book):
            self.book.set_timer(self.book.close_ns + expiry.LAST_BAR_LATE_NS, "expiry", "")

    def _settle_expired(self) -> None:
        """Settles what has expired, once its closing price is known."""
        for scalp in expiry.last_trades_are_over(self.book):
            if expiry.settled(self.blotter, scalp):
                self.settling.over(scalp, "expired")
