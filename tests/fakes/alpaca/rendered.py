"""Orders, positions, quotes and bars as Alpaca words them: money and counts of the account are strings."""

from collections import Counter
from datetime import datetime
from decimal import Decimal
from math import isfinite
from typing import Any, Final

from operators import contracts, prices, sessions
from operators.events import MINUTE_NS, Bar, Quote
from tests.fakes.alpaca.account import Account
from tests.fakes.alpaca.market import Market
from tests.fakes.alpaca.orders import ACCOUNT_ID, Execution, Listed, Position, name

Json = dict[str, Any]
SECOND_NS: Final = 1_000_000_000


def stamp(at_ns: int) -> str:
    """RFC 3339 with nanoseconds, as Alpaca writes it."""
    seconds, rest = divmod(at_ns, SECOND_NS)
    return f"{sessions.utc(seconds * SECOND_NS):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def maybe(at_ns: int | None) -> str | None:
    """An instant that may not have come."""
    return None if at_ns is None else stamp(at_ns)


def instant_ns(text: str) -> int:
    """The instant of an RFC 3339 text, to the microsecond. Raises ValueError."""
    return sessions.ns(datetime.fromisoformat(text.replace("Z", "+00:00")))


def money(micros: int) -> str:
    """Micro-dollars as a plain decimal without trailing zeros."""
    text = f"{prices.decimal(micros):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def asset_class(market: Market, symbol: str) -> str:
    """What Alpaca calls the kind of a symbol."""
    return "us_option" if contracts.parse_occ(symbol) is not None else "us_equity"


def order(listed: Listed, market: Market) -> Json:
    """One order; a status that the script shows instead of the true one included."""
    own, ended = listed.order, listed.ended_ns
    average = None if not own.filled else str(Decimal(listed.value_micros) / own.filled / prices.DOLLAR)
    limit = None if own.limit_micros is None else money(own.limit_micros)
    kind, status = "market" if limit is None else "limit", listed.shown_status or listed.status
    return {
        "id": listed.order_id,
        "client_order_id": listed.client_id,
        "created_at": stamp(listed.submitted_ns),
        "updated_at": stamp(max(listed.updated_ns, listed.submitted_ns)),
        "submitted_at": stamp(listed.submitted_ns),
        "filled_at": maybe(listed.filled_ns),
        "expired_at": maybe(ended) if listed.status == "expired" else None,
        "canceled_at": maybe(ended) if listed.status == "canceled" else None,
        "failed_at": maybe(ended) if listed.status == "rejected" else None,
        "replaced_at": None,
        "replaced_by": None,
        "replaces": None,
        "asset_id": name("asset", own.symbol),
        "symbol": own.symbol,
        "asset_class": asset_class(market, own.symbol),
        "notional": None,
        "qty": str(own.quantity),
        "filled_qty": str(own.filled),
        "filled_avg_price": average,
        "order_class": "simple",
        "order_type": kind,
        "type": kind,
        "side": own.side,
        "position_intent": listed.intent or f"{own.side}_to_{'open' if own.side == 'buy' else 'close'}",
        "time_in_force": "day",
        "limit_price": limit,
        "stop_price": None,
        "status": status,
        "extended_hours": False,
        "legs": None,
        "trail_percent": None,
        "trail_price": None,
        "hwm": None,
    }


def update(event: str, listed: Listed, fill: Execution | None, market: Market) -> Json:
    """The data of one trade update."""
    told: Json = {"event": event, "timestamp": stamp(listed.updated_ns), "order": order(listed, market)}
    if fill is not None:
        told |= {"execution_id": fill.execution_id, "price": money(fill.price_micros), "qty": str(fill.quantity)}
        told["position_qty"] = str(fill.position)
    else:
        told["execution_id"] = name(event, listed.client_id, listed.updated_ns)
    return told


def activities(of: Account) -> list[Json]:
    """The fills as activities of the account, oldest first: without the name that an order was given."""
    totals, told = Counter[str](), list[Json]()
    for number, fill in enumerate(of.fills):
        totals[fill.client_id] += fill.quantity
        listed = of.orders[fill.client_id]
        left = listed.order.quantity - totals[fill.client_id]
        told.append({
            "activity_type": "FILL",
            "id": f"{fill.at_ns:020}::{name('activity', number)}",
            "order_id": listed.order_id,
            "symbol": fill.symbol,
            "side": fill.side,
            "type": "partial_fill" if left else "fill",
            "order_status": "partially_filled" if left else "filled",
            "qty": str(fill.quantity),
            "cum_qty": str(totals[fill.client_id]),
            "leaves_qty": str(left),
            "price": money(fill.price_micros),
            "transaction_time": stamp(fill.at_ns),
        })  # fmt: skip
    return told


def position(held: Position, account: Account) -> Json:
    """One position, long; the exchange of an option is empty."""
    market, symbol = account.market, held.symbol
    units = held.quantity * market.multiplier(symbol)
    value, available = account.value_micros(held), held.quantity - account.held_for_orders(symbol)
    gain, shown = value - held.cost_micros, prices.bid(market.quote(symbol)) or 0
    option = asset_class(market, symbol) == "us_option"
    return {
        "asset_id": name("asset", symbol),
        "symbol": symbol,
        "exchange": "" if option else "ARCA",
        "asset_class": asset_class(market, symbol),
        "asset_marginable": not option,
        "qty": str(held.quantity),
        "qty_available": str(available),
        "avg_entry_price": str(Decimal(held.cost_micros) / units / prices.DOLLAR),
        "side": "long",
        "market_value": money(value),
        "cost_basis": money(held.cost_micros),
        "unrealized_pl": money(gain),
        "unrealized_plpc": str(round(gain / held.cost_micros, 6)) if held.cost_micros else "0",
        "unrealized_intraday_pl": money(gain),
        "unrealized_intraday_plpc": str(round(gain / held.cost_micros, 6)) if held.cost_micros else "0",
        "current_price": money(shown),
        "lastday_price": money(shown),
        "change_today": "0",
    }


def account(of: Account, level: int) -> Json:
    """The account; `level` is what it may do with options, 2 buys them."""
    cash, power, equity = (money(value) for value in (of.cash_micros, of.buying_power_micros(), of.equity_micros()))
    held = money(of.equity_micros() - of.cash_micros)
    return {
        "id": str(ACCOUNT_ID),
        "account_number": "PA3FAKE00001",
        "status": "ACTIVE",
        "currency": "USD",
        "cash": cash,
        "buying_power": power,
        "regt_buying_power": power,
        "non_marginable_buying_power": power,
        "options_buying_power": power,
        "options_approved_level": level,
        "options_trading_level": level,
        "equity": equity,
        "last_equity": equity,
        "portfolio_value": equity,
        "long_market_value": held,
        "short_market_value": "0",
        "initial_margin": "0",
        "maintenance_margin": "0",
        "multiplier": "1",
        "shorting_enabled": False,
        "trading_blocked": False,
        "transfers_blocked": False,
        "account_blocked": False,
        "trade_suspended_by_user": False,
        "created_at": "2025-01-02T15:00:00Z",
    }


def price(value: float) -> float:
    """A price or size of market data; Alpaca tells what is absent as 0."""
    return value if isfinite(value) else 0.0


def quote(told: Quote) -> Json:
    """A quote without its time."""
    bid, ask = price(told.bid), price(told.ask)
    sizes = {"bs": int(price(told.bid_size)), "as": int(price(told.ask_size))}
    return {"bp": bid, "ap": ask, **sizes, "bx": "V" if bid else " ", "ax": "V" if ask else " "}


def bar(told: Bar) -> Json:
    """A minute bar without its time."""
    middle = round((told.high + told.low + told.close) / 3, 6)
    return {"o": told.open, "h": told.high, "l": told.low, "c": told.close, "v": told.volume, "n": 1, "vw": middle}


def bar_began_ns(told: Bar) -> int:
    """Alpaca names a bar by its begin."""
    return told.event_ns - MINUTE_NS
