"""Entering: one decision a ticket, the first half of a scalp, and later its second."""

from math import isfinite

from operators import exits, limits, orders, prices, sessions
from operators.blotter import Blotter, newer, seconds
from operators.book import BookState
from operators.codes import NO_SUITABLE_CONTRACT, REFUSAL_ORDER, Refusal, SecondHalf
from operators.intents import Action, Candidate, ETFScalpPosition, Leg, Order, Ticket, Verdict, not_evaluated
from operators.leaving import Leaving
from operators.moments import Moment
from operators.records import CandidateRecord, SignalRecord, VerdictRecord

SECOND_HALF_BARS = 5
"""Bars after the first fill in which the fast cloud may be tested. Source: product rule "Half entry"."""
BIAS = {1: "bullish", -1: "bearish", 0: "neutral"}


class Entering:
    """Decides tickets and sends entries for one book."""

    def __init__(self, blotter: Blotter, leaving: Leaving) -> None:
        self.blotter, self.leaving, self.book = blotter, leaving, blotter.book
        self.config, self.settings = blotter.config, blotter.settings
        self.timeout_ns = seconds(self.config.fill_timeout_seconds)

    def decide(self, ticket: Ticket) -> None:
        """Judges the legs that the mode asks for, records every verdict, and sends the first half if one passed."""
        key = limits.decided_key(ticket)
        if self.book.decided.get(key) == ticket.signal_id:
            return
        legs, shares = self._legs(ticket)
        entered = legs[-1] if not legs[-1].failed else None
        self.book.decided.setdefault(key, ticket.signal_id)
        self._record(ticket, legs, entered)
        if entered is not None and entered.chosen is not None:
            self._first_half(ticket, entered.chosen, shares)

    def _legs(self, ticket: Ticket) -> tuple[list[Leg], int]:
        """The legs that were tried, the last of them decisive, and the size of that one.

        In mode `both` the fund leg is tried only where the option leg failed for want of a suitable contract.
        """
        account = limits.account_verdicts(self.book, self.config, self.settings, ticket)
        tried: list[Leg] = []
        if self.book.mode != "leveraged_etf":
            tried.append(_in_order(ticket.option.judged(*account)))
            if self.book.mode == "options" or not {v.code for v in tried[0].failed} <= NO_SUITABLE_CONTRACT:
                return tried, 0
        leg = ticket.fund
        found = limits.fund_verdicts(self.book, self.config, ticket, leg.chosen)
        shares, sized = self._size(ticket, leg.chosen)
        return [*tried, _in_order(leg.judged(*account, *found, *sized))], shares

    def _size(self, ticket: Ticket, fund: Candidate | None) -> tuple[int, list[Verdict]]:
        if fund is None:
            return 0, []
        if fund.symbol not in self.book.quotes:
            return 0, [not_evaluated(Refusal.FUND_SPREAD, f"this book has seen no quote of {fund.symbol} yet")]
        limit = self._limit(fund.symbol)
        return limits.fund_size(self.book, self.config, self.settings, ticket, fund, limit)

    def _limit(self, symbol: str) -> int | None:
        """Entry limit in micro-dollars from the newest quote, which is usable; None for a market order."""
        quote = self.book.quotes[symbol]
        if self.config.entry_order_type == "market":
            return None
        return prices.entry_limit(quote, prices.micros(self.config.limit_offset), prices.FUND_TICK)

    def _first_half(self, ticket: Ticket, fund: Candidate, shares: int) -> None:
        setup, book = ticket.setup, self.book
        limit, name = self._limit(fund.symbol), ticket.signal_id
        price = limit if limit is not None else prices.micros(book.quotes[fund.symbol].ask)
        scalp = ETFScalpPosition(
            signal_id=name,
            ticker=setup.ticker,
            symbol=fund.symbol,
            group=fund.group,
            leverage=fund.leverage,
            direction=setup.direction,
            conviction=ticket.conviction.total,
            second=shares - limits.first_half(shares),
            limit_micros=price,
            order_id=orders.order_id(book.day, book.book_id, name, "fund", "first", 1),
            second_half=SecondHalf.PLANNED if shares > 1 else SecondHalf.SINGLE,
        )
        book.scalps[name] = scalp
        self._send(scalp, "first", limits.first_half(shares), limit)

    def _send(self, scalp: ETFScalpPosition, action: Action, shares: int, limit: int | None) -> None:
        order = self.blotter.send(scalp, action, shares, limit, None)
        self.book.set_timer(order.sent_ns + self.timeout_ns, "timeout", order.order_id)

    def time_out(self, order: Order) -> None:
        """Cancels an entry that had its time and, on minute data, one more quote of its symbol."""
        late = self.book.now_ns >= order.sent_ns + self.timeout_ns
        quoted = not self.book.minute_quotes or newer(self.book.quotes.get(order.symbol), order.sent_ns)
        if late and quoted and order.action != "exit":
            self.blotter.cancel(order, "timeout")

    def after_bar(self, scalp: ETFScalpPosition, moment: Moment) -> None:
        """Sends or drops the second half: the first bar that tests the fast cloud and closes beyond it decides."""
        if scalp.second_half is not SecondHalf.PLANNED or scalp.bars_since_entry == 0:
            return
        if exits.bounced(moment.bar, moment, scalp.direction):
            self._second_half(scalp)
        elif scalp.bars_since_entry >= SECOND_HALF_BARS:
            self.leaving.drop_second(scalp, SecondHalf.NO_TEST)

    def _second_half(self, scalp: ETFScalpPosition) -> None:
        why = self._not_second(scalp)
        if why is not None:
            self.leaving.drop_second(scalp, why)
            return
        shares, scalp.second, scalp.second_half = scalp.second, 0, SecondHalf.SENT
        self._send(scalp, "second", shares, self._limit(scalp.symbol))
        self.blotter.report(scalp)

    def _not_second(self, scalp: ETFScalpPosition) -> SecondHalf | None:
        """Why the second half may not be sent now, None if it may; an exit that is due dropped it before."""
        book, quote = self.book, self.book.quotes.get(scalp.symbol)
        bid = prices.bid(quote)
        if self.book.orders[scalp.order_id].state != "filled":
            return SecondHalf.PARTIAL_FIRST
        if not (book.quotes_fresh and prices.usable(quote)) or bid is None:
            return SecondHalf.CAPS
        price = self._limit(scalp.symbol) or prices.micros(book.quotes[scalp.symbol].ask)
        if not limits.second_fits(book, self.config, self.settings, scalp, price):
            return SecondHalf.CAPS
        if self.config.no_average_up and bid < scalp.average_micros:
            return SecondHalf.LOSING
        return None if limits.entries_allowed(book) else SecondHalf.MODE

    def _record(self, ticket: Ticket, legs: list[Leg], entered: Leg | None) -> None:
        failed = [verdict.code for leg in legs for verdict in leg.failed]
        code = None if entered is not None else min(failed, key=REFUSAL_ORDER.__getitem__)
        self.blotter.out.append(_signal_record(self.book, ticket, entered, code))
        for leg in legs:
            self.blotter.out += _verdict_records(self.book.book_id, ticket.signal_id, leg)
            self.blotter.out += _candidate_records(self.book.book_id, ticket.signal_id, leg)


def _in_order(leg: Leg) -> Leg:
    """The leg with its verdicts in the order in which a refusal is explained."""
    verdicts = tuple(sorted(leg.verdicts, key=lambda verdict: REFUSAL_ORDER[verdict.code]))
    return Leg(leg.name, verdicts, leg.candidates, leg.chosen)


def _signal_record(book: BookState, ticket: Ticket, entered: Leg | None, code: str | None) -> SignalRecord:
    setup, conviction = ticket.setup, ticket.conviction
    ratio = setup.volume_ratio
    return SignalRecord(
        book_id=book.book_id,
        signal_id=ticket.signal_id,
        ticker=setup.ticker,
        bar_close=sessions.utc(setup.bar_close_ns),
        direction=ticket.direction,
        timeframe_minutes=setup.timeframe_minutes,
        source=setup.source,
        conviction=conviction.total,
        part_macro=conviction.macro,
        part_agreement=conviction.agreement,
        part_volume=conviction.volume,
        part_distance=conviction.distance,
        part_slope=conviction.slope,
        part_body=conviction.body,
        volume_ratio=ratio if ratio is not None and isfinite(ratio) else None,
        macro=BIAS[setup.view.bias],
        decided_at=sessions.utc(setup.at_ns),
        decision="refused" if entered is None else "entered",
        leg=None if entered is None else entered.name,
        code=code,
        tape_seq=setup.seq,
    )


def _verdict_records(book_id: str, signal_id: str, leg: Leg) -> list[VerdictRecord]:
    symbol = None if leg.chosen is None else leg.chosen.symbol
    return [
        VerdictRecord(
            book_id=book_id,
            signal_id=signal_id,
            leg=leg.name,
            ordinal=place,
            symbol=symbol,
            code=verdict.code,
            passed=verdict.passed,
            evaluated=verdict.evaluated,
            measured=verdict.measured,
            limit_value=verdict.limit,
            unit=verdict.unit,
            reason=verdict.reason,
        )
        for place, verdict in enumerate(leg.verdicts, start=1)
    ]


def _candidate_records(book_id: str, signal_id: str, leg: Leg) -> list[CandidateRecord]:
    records = []
    for place, candidate in enumerate(leg.candidates, start=1):
        lost = next((verdict for verdict in candidate.verdicts if not verdict.passed), None)
        records.append(
            CandidateRecord(
                book_id=book_id,
                signal_id=signal_id,
                leg=leg.name,
                position=place,
                symbol=candidate.symbol,
                chosen=candidate == leg.chosen,
                lost_by=None if lost is None else lost.code,
                measured=None if lost is None else lost.measured,
                limit_value=None if lost is None else lost.limit,
            )
        )
    return records
