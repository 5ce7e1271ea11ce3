"""The trading API: account, clock, calendar, assets, orders, positions and contracts."""

from collections.abc import Callable
from datetime import date, timedelta
from math import isfinite
from typing import Any, NamedTuple

import msgspec

from operators import contracts, prices, sessions
from operators.sessions import OutsideTable, Session
from tests.fakes.alpaca import rendered
from tests.fakes.alpaca.broker import Broker
from tests.fakes.alpaca.faults import Fault
from tests.fakes.alpaca.orders import Listed, Refused, Request, name
from tests.fakes.alpaca.rendered import Json

ORDERS_DEFAULT, ORDERS_MOST, FILLS_MOST = 50, 500, 100
NAME_LONGEST = 128


class Call(NamedTuple):
    """One request: path, query, body, what its path names, and the faults that meet it."""

    path: str
    query: dict[str, str]
    body: Any
    named: str
    faults: list[Fault]

    def kinds(self) -> set[str]:
        """The kinds of its faults."""
        return {fault.kind for fault in self.faults}


def nothing() -> None:
    """What follows where nothing does."""


class Answer(msgspec.Struct):
    """What is answered, and what happens at the broker once it is."""

    body: Any
    status: int = 200
    then: Callable[[], None] = nothing


def account(broker: Broker, call: Call) -> Answer:
    told = rendered.account(broker.account, broker.options_level)
    return Answer(told | {"trading_blocked": "blocked" in call.kinds()})


def clock(broker: Broker, _: Call) -> Answer:
    at_ns = broker.exchange.now_ns
    now = sessions.new_york(at_ns)
    today = _session(now.date())
    following = sessions.next_session(now.date())
    opens = today if today is not None and at_ns < today.open_ns else following
    closes = today if today is not None and at_ns < today.close_ns else following
    return Answer({
        "timestamp": now.isoformat(),
        "is_open": sessions.session_holding(at_ns) is not None,
        "next_open": sessions.new_york(opens.open_ns).isoformat(),
        "next_close": sessions.new_york(closes.close_ns).isoformat(),
    })  # fmt: skip


def calendar(broker: Broker, call: Call) -> Answer:
    today = sessions.new_york(broker.exchange.now_ns).date()
    first = date.fromisoformat(call.query.get("start", today.isoformat()))
    last = date.fromisoformat(call.query.get("end", (today + timedelta(days=365)).isoformat()))
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    found = (session for day in days if (session := _session(day)) is not None)
    return Answer([
        {
            "date": session.day.isoformat(),
            "open": f"{sessions.new_york(session.open_ns):%H:%M}",
            "close": f"{sessions.new_york(session.close_ns):%H:%M}",
        }
        for session in found
    ])  # fmt: skip


def assets(broker: Broker, _: Call) -> Answer:
    return Answer([_asset(broker, ticker) for ticker in sorted(broker.market.tickers())])


def asset(broker: Broker, call: Call) -> Answer:
    if call.named not in broker.market.tickers():
        raise Refused(404, 40410000, f"asset not found for {call.named}")
    return Answer(_asset(broker, call.named))


def submit(broker: Broker, call: Call) -> Answer:
    listed = broker.account.accept(_request(broker, call.body), broker.exchange.now_ns)
    for fault in call.faults:
        match fault.kind:
            case "partial_then_cancel" | "partial_then_reject":
                listed.fate = fault.kind
            case "unknown_status":
                listed.shown_status = "held_by_compliance"
            case "hidden":
                listed.hidden_until = broker.seconds() + fault.seconds
    return Answer(rendered.order(listed, broker.market), then=lambda: broker.exchange.send(listed))


def orders(broker: Broker, call: Call) -> Answer:
    query = call.query
    limit = min(int(query.get("limit", ORDERS_DEFAULT)), ORDERS_MOST)
    symbols = {symbol for symbol in query.get("symbols", "").split(",") if symbol}
    after, until = (rendered.instant_ns(query[key]) if key in query else None for key in ("after", "until"))
    status, side = query.get("status", "open"), query.get("side", "")
    after = None if "page_loops" in call.kinds() else after

    def asked(one: Listed) -> bool:
        fits = status == "all" or one.live is (status == "open")
        fits = fits and (not symbols or one.order.symbol in symbols) and side in ("", one.order.side)
        later = after is None or one.submitted_ns > after
        return fits and later and (until is None or one.submitted_ns < until) and _shown(broker, one)

    found = sorted(filter(asked, broker.account.orders.values()), key=lambda one: one.submitted_ns)
    ordered = found if query.get("direction") == "asc" else found[::-1]
    return Answer([rendered.order(one, broker.market) for one in ordered[:limit]])


def activities(broker: Broker, call: Call) -> Answer:
    """Fills as the account's activities, by pages whose token is the last one's id."""
    query = call.query
    after = rendered.instant_ns(query["after"]) if "after" in query else 0
    found = [one for one in rendered.activities(broker.account) if rendered.instant_ns(one["transaction_time"]) > after]
    ordered = found if query.get("direction") == "asc" else found[::-1]
    ids, token = [one["id"] for one in ordered], query.get("page_token")
    if token in ids and "page_loops" not in call.kinds():
        ordered = ordered[ids.index(token) + 1 :]
    return Answer(ordered[: min(int(query.get("page_size", FILLS_MOST)), FILLS_MOST)])


def order(broker: Broker, call: Call) -> Answer:
    return Answer(rendered.order(_order(broker, call.named), broker.market))


def order_by_client_id(broker: Broker, call: Call) -> Answer:
    listed = broker.account.orders.get(call.query.get("client_order_id", ""))
    if listed is None or not _shown(broker, listed):
        raise Refused(404, 40410000, f"order not found for {call.query.get('client_order_id')}")
    return Answer(rendered.order(listed, broker.market))


def cancel(broker: Broker, call: Call) -> Answer:
    listed = _order(broker, call.named)
    fates = call.kinds() & {"fill_on_cancel", "fill_after_cancel", "cancel_never"}
    broker.exchange.cancel(listed, next(iter(fates), ""))  # type: ignore[arg-type]  # one of its three words
    return Answer(None, 204, lambda: broker.exchange.send_cancel(listed))


def cancel_all(broker: Broker, _: Call) -> Answer:
    live = [listed for listed in broker.account.orders.values() if listed.live]
    for listed in live:
        broker.exchange.cancel(listed, "")

    def then() -> None:
        for listed in live:
            broker.exchange.send_cancel(listed)

    return Answer([{"id": listed.order_id, "status": 200} for listed in live], 207, then)


def positions(broker: Broker, _: Call) -> Answer:
    held = sorted(broker.account.positions.values(), key=lambda position: position.symbol)
    return Answer([rendered.position(position, broker.account) for position in held])


def position(broker: Broker, call: Call) -> Answer:
    held = broker.account.positions.get(call.named)
    if held is None:
        raise Refused(404, 40410000, "position does not exist")
    return Answer(rendered.position(held, broker.account))


def _session(day: date) -> Session | None:
    try:
        return sessions.session(day)
    except OutsideTable:
        return None


def _asset(broker: Broker, ticker: str) -> Json:
    options = ticker in broker.market.tables
    return {
        "id": name("asset", ticker),
        "class": "us_equity",
        "exchange": "ARCA",
        "symbol": ticker,
        "name": ticker,
        "status": "active",
        "tradable": True,
        "marginable": True,
        "shortable": True,
        "easy_to_borrow": True,
        "fractionable": True,
        "attributes": ["has_options"] if options else [],
    }


def _shown(broker: Broker, listed: Listed) -> bool:
    return broker.seconds() >= listed.hidden_until


def _order(broker: Broker, order_id: str) -> Listed:
    found = (one for one in broker.account.orders.values() if one.order_id == order_id and _shown(broker, one))
    listed = next(found, None)
    if listed is None:
        raise Refused(404, 40410000, f"order not found for {order_id}")
    return listed


def _request(broker: Broker, body: Any) -> Request:
    """An order of the body. Raises Refused for what Alpaca does not take."""
    if not isinstance(body, dict):
        raise Refused(422, 40010000, "request body format is invalid")
    symbol, side, kind = (str(body.get(key, "")) for key in ("symbol", "side", "type"))
    option = contracts.parse_occ(symbol) is not None
    listed = broker.market.place(symbol) is not None if option else symbol in broker.market.tickers()
    if not listed:
        raise Refused(422, 42210000, f'asset "{symbol}" not found')
    if side not in ("buy", "sell") or kind not in ("market", "limit"):
        raise Refused(422, 42210000, f"side {side!r} and type {kind!r}: expected buy or sell, market or limit")
    if body.get("time_in_force") != "day":
        raise Refused(422, 42210000, "order_time_in_force provided not supported: expected day")
    client_id = str(body.get("client_order_id") or name("client", len(broker.account.orders)))
    if len(client_id) > NAME_LONGEST:
        raise Refused(422, 42210000, f"client_order_id must be no more than {NAME_LONGEST} characters")
    limit = _limit(symbol, body.get("limit_price")) if kind == "limit" else None
    return Request(client_id, symbol, side, _quantity(body), limit, body.get("position_intent"))  # type: ignore[arg-type]  # one of the two sides


def _quantity(body: Json) -> int:
    quantity = float(body.get("qty") or "nan")
    if not (isfinite(quantity) and quantity > 0 and quantity.is_integer()) or body.get("extended_hours"):
        raise Refused(422, 42210000, f"qty {body.get('qty')} must be a whole number over 0, in regular hours")
    return int(quantity)


def _limit(symbol: str, told: Any) -> int:
    dollars = float(told if told is not None else "nan")
    if not prices.known(dollars):
        raise Refused(422, 42210000, f"invalid limit_price {told}")
    micros, named = prices.micros(dollars), contracts.parse_occ(symbol)
    tick = prices.fund_tick if named is None else contracts.ticks({"SPXW": "SPX"}.get(named.root, named.root))
    if micros % tick(micros) or dollars != round(dollars, 4):
        words = "sub-penny increment does not fulfill minimum pricing criteria"
        raise Refused(422, 42210000, f"invalid limit_price {told}. {words}")
    return micros
