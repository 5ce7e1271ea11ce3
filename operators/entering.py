"""Entering: one decision a ticket, the first half of a scalp, and later its second."""

from msgspec.structs import replace

from operators import contracts, exits, limits, prices, statements
from operators.blotter import Blotter, newer, seconds
from operators.budget import Budget, first_half
from operators.codes import NO_SUITABLE_CONTRACT, REFUSAL_ORDER, Refusal, SecondHalf
from operators.funds import FundCandidate
from operators.intents import (
    AnyScalp,
    Candidate,
    ETFScalpPosition,
    Leg,
    ScalpPosition,
    Ticket,
    Verdict,
    not_evaluated,
)
from operators.leaving import Leaving
from operators.moments import Moment
from operators.opening import opened
from operators.orders import Action, Order
from operators.selection import StrikeSelection

SECOND_HALF_BARS = 5
"""Bars after the first fill in which the fast cloud may be tested. Source: product rule "Half entry"."""


class Entering:
    """Decides tickets and sends entries for one book."""

    def __init__(self, blotter: Blotter, leaving: Leaving) -> None:
        self.blotter, self.leaving, self.book = blotter, leaving, blotter.book
        self.config, self.settings = blotter.config, blotter.settings
        self.budget = Budget(self.book, self.config, self.settings)
        self.timeout_ns = seconds(self.config.fill_timeout_seconds)

    def decide(self, ticket: Ticket) -> None:
        """Judges the legs that the mode asks for, records every verdict, and sends the first half if one passed."""
        key = limits.decided_key(ticket)
        if self.book.decided.get(key) == ticket.signal_id:
            return
        legs, units = self._legs(ticket)
        entered = legs[-1] if not legs[-1].failed else None
        self.book.decided.setdefault(key, ticket.signal_id)
        self._record(ticket, legs, entered)
        if entered is not None and entered.chosen is not None:
            self._first_half(ticket, entered.chosen, units)

    def _legs(self, ticket: Ticket) -> tuple[list[Leg], int]:
        """The legs that were tried, the last of them decisive, and the size of that one.

        In mode `both` the fund leg is tried only where the option leg failed, and that for want of a contract alone.
        """
        account = limits.account_verdicts(self.book, self.config, self.settings, ticket)
        tried: list[Leg] = []
        if self.book.mode != "leveraged_etf":
            option, units = self._sized(ticket, ticket.option, account)
            tried.append(option)
            failed = {verdict.code for verdict in option.failed}
            if self.book.mode == "options" or not failed or not failed <= NO_SUITABLE_CONTRACT:
                return tried, units
        fund, units = self._sized(ticket, ticket.fund, account)
        return [*tried, fund], units

    def _sized(self, ticket: Ticket, leg: Leg, account: list[Verdict]) -> tuple[Leg, int]:
        """The leg with the account's verdicts and those on its size, in the order in which a refusal is explained."""
        found = limits.open_verdicts(self.book, self.config, ticket, leg.name, leg.chosen)
        units, sized = self._size(ticket, leg.chosen)
        judged = leg.judged(*account, *found, *sized)
        ordered = tuple(sorted(judged.verdicts, key=lambda verdict: REFUSAL_ORDER[verdict.code]))
        return replace(judged, verdicts=ordered), units

    def _size(self, ticket: Ticket, chosen: Candidate | None) -> tuple[int, list[Verdict]]:
        match chosen:
            case StrikeSelection():
                self._look_at(chosen)
                limit = self._contract_limit(chosen.symbol, chosen.underlying)
                if limit > 0:
                    return self.budget.contracts(ticket, chosen, limit)
                low = f"the ask of {chosen.quote.ask} is under the smallest price of {chosen.symbol}"
                return 0, [not_evaluated(Refusal.SPREAD, low)]
            case FundCandidate() if chosen.symbol in self.book.quotes:
                order_limit, price = self._fund_limit(chosen.symbol)
                if price > 0:
                    return self.budget.shares(ticket, chosen, order_limit, price)
                return 0, [not_evaluated(Refusal.FUND_SPREAD, f"the ask of {chosen.symbol} is under one tick")]
            case FundCandidate():
                return 0, [not_evaluated(Refusal.FUND_SPREAD, f"this book has seen no quote of {chosen.symbol} yet")]
        return 0, []

    def _look_at(self, contract: StrikeSelection) -> None:
        """Makes the book know the contract and its quote of the decision."""
        self.book.watch(contract.symbol, contract.underlying, contract.row)
        known = self.book.quotes.get(contract.symbol)
        if known is None or known.at_ns < contract.quote.at_ns:
            self.book.quotes[contract.symbol] = contract.quote

    def _contract_limit(self, symbol: str, underlying: str) -> int:
        """Entry limit of a contract whose quote is usable, in micro-dollars a share."""
        offset = prices.micros(self.config.limit_offset)
        return prices.entry_limit(self.book.quotes[symbol], offset, contracts.ticks(underlying))

    def _fund_limit(self, symbol: str) -> tuple[int | None, int]:
        """Entry limit of a fund from its newest quote, which is usable, and the price to reckon with.

        A market order has no limit and is reckoned at the ask.
        """
        quote = self.book.quotes[symbol]
        if self.config.entry_order_type == "market":
            return None, prices.micros(quote.ask)
        limit = prices.entry_limit(quote, prices.micros(self.config.limit_offset), prices.fund_tick)
        return limit, limit

    def _first_half(self, ticket: Ticket, chosen: Candidate, units: int) -> None:
        scalp = opened(self.book, self.config, ticket, chosen, units)
        limit, price = self._limit(scalp)
        scalp.limit_micros = price
        self.book.scalps[scalp.signal_id] = scalp
        if isinstance(scalp, ScalpPosition):
            self.book.set_timer(scalp.cutoff_ns, "cutoff", scalp.signal_id)
        self._send(scalp, "first", first_half(units), limit)

    def _send(self, scalp: AnyScalp, action: Action, units: int, limit: int | None) -> None:
        order = self.blotter.send(scalp, action, units, limit, None)
        self.book.set_timer(order.sent_ns + self.timeout_ns, "timeout", order.order_id)

    def time_out(self, order: Order) -> None:
        """Cancels an entry that had its time and, on minute data, one more quote of its symbol."""
        late = self.book.now_ns >= order.sent_ns + self.timeout_ns
        minutes = self.book.stream(self.book.stream_of(order.symbol)).minutes
        quote = self.book.quotes.get(order.symbol)
        quoted = not minutes or quote is None or newer(quote, order.sent_ns)
        if late and quoted and order.action != "exit":
            self.blotter.cancel(order, "timeout")

    def after_bar(self, scalp: AnyScalp, moment: Moment) -> None:
        """Sends or drops the second half: the first bar that tests the fast cloud and closes beyond it decides."""
        if scalp.second_half is not SecondHalf.PLANNED or scalp.bars_since_entry == 0:
            return
        if exits.bounced(moment.bar, moment, scalp.direction):
            self._second_half(scalp)
        elif scalp.bars_since_entry >= SECOND_HALF_BARS:
            self.leaving.drop_second(scalp, SecondHalf.NO_TEST)

    def _second_half(self, scalp: AnyScalp) -> None:
        why = self._not_second(scalp)
        if why is not None:
            self.leaving.drop_second(scalp, why)
            return
        units, scalp.second, scalp.second_half = scalp.second, 0, SecondHalf.SENT
        self._send(scalp, "second", units, self._limit(scalp)[0])
        self.blotter.report(scalp)

    def _limit(self, scalp: AnyScalp) -> tuple[int | None, int]:
        """Limit and price of a further entry of a scalp whose quote is usable."""
        if isinstance(scalp, ETFScalpPosition):
            return self._fund_limit(scalp.symbol)
        limit = self._contract_limit(scalp.symbol, scalp.underlying)
        return limit, limit

    def _not_second(self, scalp: AnyScalp) -> SecondHalf | None:
        """Why the second half may not be sent now, None if it may; an exit that is due dropped it before."""
        book, quote = self.book, self.book.quotes.get(scalp.symbol)
        bid = prices.bid(quote)
        if book.orders[scalp.order_id].state != "filled":
            return SecondHalf.PARTIAL_FIRST
        if not (book.fresh(scalp.symbol) and prices.usable(quote)) or bid is None:
            return SecondHalf.CAPS
        if not self.budget.second_fits(scalp, self._limit(scalp)[1]):
            return SecondHalf.CAPS
        if self.config.no_average_up and bid < scalp.average_micros:
            return SecondHalf.LOSING
        return None if limits.entries_allowed(book) else SecondHalf.MODE

    def _record(self, ticket: Ticket, legs: list[Leg], entered: Leg | None) -> None:
        failed = [verdict.code for leg in legs for verdict in leg.failed]
        code = None if entered is not None else min(failed, key=REFUSAL_ORDER.__getitem__)
        out, book_id = self.blotter.out, self.book.book_id
        out.append(statements.signal_record(self.book, ticket, entered, code))
        for leg in legs:
            out += statements.verdict_records(book_id, ticket.signal_id, leg)
            out += statements.candidate_records(book_id, ticket.signal_id, leg)
