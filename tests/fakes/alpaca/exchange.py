"""The exchange: what fills and ends the account's orders, in the time of the tape; no I/O.

What a quote fills is decided by the paper exchange's own function. An order and a cancel reach the exchange after the
latency; what is due before an event happens before it, with the quotes known then.
"""

from bisect import insort
from collections.abc import Callable
from typing import Final

import msgspec

from operators import paper, prices, sessions
from operators.book import QUOTES, Stream
from operators.contracts import parse_occ
from operators.events import AnyEvent, Chain, Quote, RunStarted
from tests.fakes.alpaca.account import Account
from tests.fakes.alpaca.market import Market
from tests.fakes.alpaca.orders import CancelFate, Execution, Listed, Refused, Request, name

Tell = Callable[[str, Listed, Execution | None], None]
AFTER_CLOSE_NS: Final = sessions.MINUTE_NS


class Due(msgspec.Struct, frozen=True, order=True):
    """Something that happens at `due_ns`; `number` keeps the order of making among equals."""

    due_ns: int
    number: int
    kind: str
    subject: str = ""


class Exchange:
    """Matches the account's orders; `tell` hears every update when it happens. `ages_ns` as `age_limits_ns`."""

    def __init__(self, market: Market, account: Account, ages_ns: dict[str, int], tell: Tell, latency_ns: int) -> None:
        self.market, self.account, self.latency_ns = market, account, latency_ns
        self.now_ns = 0
        self._tell, self._ages_ns, self._streams = tell, ages_ns, dict[str, Stream]()
        self._taken: dict[tuple[str, str], int] = {}
        self._dues: list[Due] = []
        self._dues_made = 0
        self._cancels: dict[str, CancelFate] = {}
        self._day = ""

    def on(self, event: AnyEvent) -> None:
        """An event of the tape: what was due before it, its quotes against the orders, then the market knows it."""
        if isinstance(event, Quote | Chain):
            self.reach(event.at_ns - 1)
            self._arrivals(event.at_ns)
            self._quoted(event)
        self.reach(event.at_ns)
        self.market.take(event)

    def reach(self, until_ns: int) -> None:
        """Time passes: what is due at or before an instant happens, each at its own time."""
        self._begin_day(until_ns)
        while self._dues and self._dues[0].due_ns <= until_ns:
            self._do(self._dues.pop(0))
        self.now_ns = max(self.now_ns, until_ns)

    def send(self, listed: Listed) -> None:
        """An accepted order sets out for the exchange."""
        if self.latency_ns:
            self.set(self.now_ns + self.latency_ns, "arrive", listed.client_id)
        else:
            self._arrive(listed)

    def cancel(self, listed: Listed, fate: CancelFate) -> None:
        """Takes a cancel on. Raises Refused for an order that has ended."""
        if not listed.live:
            raise Refused(422, 42210000, f'order is already in "{listed.status}" state')
        listed.status = "pending_cancel"
        self._cancels[listed.client_id] = fate

    def send_cancel(self, listed: Listed) -> None:
        """A cancel that was taken on sets out for the exchange."""
        if self.latency_ns:
            self.set(self.now_ns + self.latency_ns, "cancel", listed.client_id)
        else:
            self._cancel(listed)

    def set(self, due_ns: int, kind: str, subject: str = "") -> None:
        """Lets something happen at an instant of the tape: `arrive` and `cancel` of an order, or `liquidate`."""
        self._dues_made += 1
        insort(self._dues, Due(due_ns, self._dues_made, kind, subject))

    def liquidate(self, everything: bool = False) -> None:
        """The broker sells the options that expire today, or all, at the bid in orders of its own."""
        today = sessions.new_york(self.now_ns).date()
        for symbol, position in sorted(self.account.positions.items()):
            named = parse_occ(symbol)
            if named is None or not (everything or named.expiry <= today):
                continue
            for listed in self.account.live(symbol):
                self._end(listed, "canceled")
            request = Request(name("broker", len(self.account.orders)), symbol, "sell", position.quantity, None)
            listed = self.account.enter(request, self.now_ns)
            listed.foreign, listed.status, listed.order.state = True, "new", "working"
            self._tell("new", listed, None)
            self._fill(listed, position.quantity, prices.bid(self.market.quote(symbol)) or prices.FUND_TICK)

    def _quoted(self, event: Quote | Chain) -> None:
        key = event.underlying if isinstance(event, Chain) else self._stream_of(event.symbol)
        if key not in self._streams:
            self._streams[key] = Stream(self._ages_ns["quote" if key == QUOTES else "chain"], 0, 0, False)
        stream = self._streams[key]
        stream.newest_ns = max(stream.newest_ns, min(event.event_ns, event.at_ns))
        self.now_ns = max(self.now_ns, event.at_ns)
        live = {listed.order.symbol for listed in self.account.orders.values() if listed.live}
        for quote in self.market.quotes_of(event, live | {symbol for symbol, _ in self._taken}):
            for side in ("buy", "sell"):
                self._taken.pop((quote.symbol, side), None)
            for listed in self.account.live(quote.symbol):
                if listed.order.state in paper.AT_EXCHANGE:
                    self._match(listed, quote)

    def _stream_of(self, symbol: str) -> str:
        place = self.market.place(symbol)
        return QUOTES if place is None else place.underlying

    def _match(self, listed: Listed, quote: Quote | None) -> None:
        order, stream = listed.order, self._streams.get(self._stream_of(listed.order.symbol))
        if quote is None or stream is None:
            return
        key = order.symbol, order.side
        found = paper.executable(order, quote, stream.fresh(self.now_ns), self._taken.get(key, 0))
        if found is None:
            return
        quantity, price_micros = found
        if listed.fate:
            quantity = min(quantity, order.quantity // 2)
        self._taken[key] = self._taken.get(key, 0) + quantity
        if quantity:
            self._fill(listed, quantity, price_micros)
        if listed.fate:
            self._end(listed, "canceled" if listed.fate == "partial_then_cancel" else "rejected")

    def _arrive(self, listed: Listed) -> None:
        if listed.order.state != "sending" or not listed.live:
            return
        listed.order.state, listed.updated_ns = "working", self.now_ns
        listed.status = "new" if listed.status == "pending_new" else listed.status
        self._tell("new", listed, None)
        self._match(listed, self.market.quote(listed.order.symbol))

    def _fill(self, listed: Listed, quantity: int, price_micros: int) -> None:
        fill = self.account.filled(listed, quantity, price_micros, self.now_ns)
        self._tell("partial_fill" if listed.order.remaining else "fill", listed, fill)

    def _end(self, listed: Listed, status: str) -> None:
        listed.status, listed.order.state = status, "cancelled"
        listed.updated_ns = listed.ended_ns = self.now_ns
        self._tell(status, listed, None)

    def _cancel(self, listed: Listed) -> None:
        fate = self._cancels.pop(listed.client_id, "")
        if not listed.live or fate == "cancel_never":
            return
        if fate != "fill_on_cancel":
            self._end(listed, "canceled")
        if fate:
            self._fill(listed, listed.order.remaining, self._price(listed))

    def _price(self, listed: Listed) -> int:
        """The limit, or what the opposite side of the newest quote says."""
        quote = self.market.quote(listed.order.symbol)
        side = None if quote is None else quote.ask if listed.order.side == "buy" else quote.bid
        shown = prices.micros(side) if side is not None and prices.known(side) else prices.FUND_TICK
        return shown if listed.order.limit_micros is None else listed.order.limit_micros

    def _arrivals(self, at_ns: int) -> None:
        """Lets the orders arrive that are due at an instant, before that instant's quote is matched."""
        for due in [due for due in self._dues if due.due_ns == at_ns and due.kind == "arrive"]:
            self._dues.remove(due)
            self._do(due)

    def _do(self, due: Due) -> None:
        self.now_ns = max(self.now_ns, due.due_ns)
        match due.kind:
            case "arrive":
                self._arrive(self.account.orders[due.subject])
            case "cancel":
                self._cancel(self.account.orders[due.subject])
            case "liquidate":
                self.liquidate()
            case "close":
                for listed in [one for one in self.account.orders.values() if one.live]:
                    self._end(listed, "expired")
            case "expiry":
                self.account.expire(self.now_ns)

    def _begin_day(self, at_ns: int) -> None:
        session = sessions.session_of(at_ns) if sessions.covers(at_ns) else None
        if session is not None and session.day.isoformat() != self._day and at_ns < session.close_ns:
            self._day = session.day.isoformat()
            self.set(session.close_ns, "close")
            self.set(session.close_ns + AFTER_CLOSE_NS, "expiry")


def age_limits_ns(cadences: dict[str, float], quote_seconds: float, chain_seconds: float) -> dict[str, int]:
    """How old quotes and chains may be to fill an order, as the desk reckons it from settings and a tape's cadences."""
    run = RunStarted(1, 0, 0, "", "", "both", 0, "", (), {}, 1, cadences=cadences)
    return {
        "quote": run.age_limit_ns("quote", quote_seconds),
        "chain": run.age_limit_ns("chain", chain_seconds),
    }
