"""Leaving scalps: one live exit order per scalp, priced at the bid and priced again until nothing is held."""

from operators import exits, expiry, prices
from operators.blotter import Blotter, seconds, tick_of
from operators.codes import ExitReason, SecondHalf
from operators.events import SECOND_NS, Quote
from operators.exits import ROWS, Situation
from operators.intents import AnyScalp, ScalpPosition
from operators.orders import Order

LEAST_BETWEEN_PRICES_NS = SECOND_NS
"""At most one replacement a second and scalp. Source: product rule "Pre-trade checks"."""
LONGEST_SECONDS = 10
"""The most that lies between an exit that was refused and the next: each refusal in a row doubles it."""


class Leaving:
    """Judges the scalps of a book and works their exit orders."""

    def __init__(self, blotter: Blotter) -> None:
        self.blotter, self.book = blotter, blotter.book
        self.reprice_ns = seconds(blotter.settings.exit_reprice_seconds)

    def situation(
        self, scalp: AnyScalp, flip: int = 0, silent: bool = False, asked: ExitReason | None = None
    ) -> Situation:
        """What the rules may look at now."""
        book = self.book
        return Situation(
            now_ns=book.now_ns,
            quote=book.quotes.get(scalp.symbol) if book.fresh(scalp.symbol) else None,
            widest_spread=self.blotter.config.max_spread_pct,
            stand_ns=self._stand_ns(scalp),
            asked=asked,
            flip=flip,
            silent=silent,
            event=book.event_from_ns <= book.now_ns < book.event_until_ns,
            session_end=book.now_ns >= book.exit_ns,
        )

    def judge(self, scalp: AnyScalp, situation: Situation) -> None:
        """Leaves the scalp if a rule says so, for the first that does.

        One that has bought nothing yet is left too: its entry is cancelled, and what still fills is sold at once.
        """
        reason = exits.first(scalp, situation)
        if reason is not None:
            self.leave(scalp, reason)
        if isinstance(scalp, ScalpPosition) and situation.quote is not None:
            self._doubt(scalp, situation.quote, situation.stand_ns)

    def _stand_ns(self, scalp: AnyScalp) -> int:
        """How long a quote of the scalp's stream has to stand to be believed by itself."""
        return self.book.stream(self.book.stream_of(scalp.symbol)).stand_ns

    def _doubt(self, scalp: ScalpPosition, quote: Quote, stand_ns: int) -> None:
        """Notes since which quote the stop is reached, and looks again when that quote has stood long enough."""
        if not exits.stop_reached(scalp, quote):
            scalp.doubt_ns = 0
        elif scalp.doubt_ns == 0:
            scalp.doubt_ns = quote.at_ns
            self.book.set_timer(quote.at_ns + stand_ns, "stop", scalp.signal_id)

    def leave(self, scalp: AnyScalp, reason: ExitReason) -> None:
        """Begins an exit, or lets a reason of a higher row take over the working one; none is above the broker's."""
        before = scalp.exit_due
        if before is ExitReason.BROKER or (before is not None and ROWS[reason] >= ROWS[before]):
            return
        scalp.exit_due = reason
        scalp.refusals = min(scalp.refusals, 1)
        self.drop_second(scalp, SecondHalf.EXIT_DUE)
        self.stop_entries(scalp, reason)
        live = self.live_exit(scalp)
        if live is None:
            self.send(scalp)
            if scalp.refusals:
                self.send_later(scalp)
        else:
            due_ns = max(self.book.now_ns, scalp.priced_ns + LEAST_BETWEEN_PRICES_NS)
            self.book.set_timer(due_ns, "reprice", scalp.signal_id)

    def hold_overnight(self) -> None:
        """What is held after the close is sold at the first usable quote, whatever its target was."""
        for scalp in self.book.scalps_in_order():
            if scalp.exit_due in (None, ExitReason.PROFIT_TARGET):
                scalp.exit_due = ExitReason.SESSION_END

    def drop_second(self, scalp: AnyScalp, why: SecondHalf) -> None:
        """Gives up a second half that was not sent yet."""
        if scalp.second_half is SecondHalf.PLANNED:
            scalp.second, scalp.second_half = 0, why
            self.blotter.report(scalp)

    def stop_entries(self, scalp: AnyScalp, reason: str) -> None:
        """Cancels what the scalp's entries may still buy."""
        for order in self.book.open_orders(scalp.signal_id):
            if order.action != "exit":
                self.blotter.cancel(order, reason)

    def stop_all_entries(self, reason: str) -> None:
        """Cancels what may still be bought of all scalps."""
        for scalp in self.book.scalps_in_order():
            self.stop_entries(scalp, reason)

    def live_exit(self, scalp: AnyScalp) -> Order | None:
        """The scalp's exit order that may still fill."""
        order = None if scalp.exit_id is None else self.book.orders.get(scalp.exit_id)
        return order if order is not None and order.open else None

    def send(self, scalp: AnyScalp) -> None:
        """Sends the exit of what is held, if its market is open and no exit lives; else the next quote does."""
        book = self.book
        tradable = book.open_ns <= book.now_ns < book.close_ns and not expiry.over(book, scalp)
        if scalp.held <= 0 or self.live_exit(scalp) is not None or not tradable or self._refused_just_now(scalp):
            return
        limit = prices.exit_limit(book.quotes.get(scalp.symbol), tick_of(scalp))
        self.blotter.send(scalp, "exit", scalp.held, limit, scalp.exit_due)
        book.set_timer(book.now_ns + self.reprice_ns, "reprice", scalp.signal_id)

    def send_later(self, scalp: AnyScalp) -> None:
        """An exit that was refused is sent again after a second, after each further refusal twice as late."""
        self.book.set_timer(self.book.now_ns + self._after_refusal_ns(scalp), "resend", scalp.signal_id)

    def _after_refusal_ns(self, scalp: AnyScalp) -> int:
        doubled = 1 << min(max(scalp.refusals - 1, 0), LONGEST_SECONDS)
        return LEAST_BETWEEN_PRICES_NS * min(doubled, LONGEST_SECONDS)

    def _refused_just_now(self, scalp: AnyScalp) -> bool:
        order = None if scalp.exit_id is None else self.book.orders.get(scalp.exit_id)
        refused_ns = None if order is None or order.state != "rejected" else order.ended_ns
        return refused_ns is not None and self.book.now_ns < refused_ns + self._after_refusal_ns(scalp)

    def reprice(self, scalp: AnyScalp) -> None:
        """Cancels a working exit whose price or quantity is no longer right: its end sends the next.

        A target that is gone is withdrawn the same way.
        """
        order = self.live_exit(scalp)
        if order is None or order.cancel_asked:
            return
        order.reason = scalp.exit_due
        limit = prices.exit_limit(self.book.quotes.get(scalp.symbol), tick_of(scalp))
        if limit != order.limit_micros or order.remaining < scalp.held or self._target_gone(scalp):
            self.blotter.cancel(order, "replaced")

    def exit_ended(self, scalp: AnyScalp) -> None:
        """The exit order ended with shares left: send the next, or judge anew where a target was withdrawn."""
        if self._target_gone(scalp):
            scalp.exit_due = None
            self.judge(scalp, self.situation(scalp))
        elif scalp.exit_due is not None:
            self.send(scalp)

    def _target_gone(self, scalp: AnyScalp) -> bool:
        """Whether the scalp is left for its target and the bid is under it again."""
        bid = prices.bid(self.book.quotes.get(scalp.symbol))
        return scalp.exit_due is ExitReason.PROFIT_TARGET and (bid is None or bid < scalp.target_micros)
