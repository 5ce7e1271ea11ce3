"""What Alpaca's JSON says, in the words of the port, and back: no I/O, and nothing is taken on trust.

Alpaca writes money and counts as decimal text; floats are taken too, to the nearest micro-dollar.
"""

from datetime import datetime
from decimal import ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Any, Final, Literal

from flows.brokers.port import Account, Held, Placed, Unusable
from operators import prices, sessions
from operators.answers import Answer, Execution, Verdict
from operators.contracts import parse_occ
from operators.events import Intent
from operators.orders import is_ours

Json = dict[str, Any]
STATES: Final[dict[str, Verdict]] = {
    **dict.fromkeys(("new", "accepted", "pending_new", "accepted_for_bidding", "held"), "working"),
    **dict.fromkeys(("partially_filled", "filled", "pending_cancel", "pending_replace"), "working"),
    **dict.fromkeys(("done_for_day", "stopped", "suspended", "calculated"), "working"),
    **dict.fromkeys(("canceled", "replaced"), "cancelled"),
    "expired": "expired",
    "rejected": "rejected",
}
"""Alpaca's statuses in the port's words; any other is `unknown`. One that was replaced goes on as a stranger's."""
SUB_DOLLAR_STEP: Final = 100
"""Shares under a dollar may be priced to a hundredth of a cent (Regulation NMS)."""
REASON_CHARACTERS, SHOWN_CHARACTERS = 200, 40


class Unreadable(ValueError):
    """What came is not what was asked for; the message says what is wrong with it."""


def ours(symbol: str) -> str:
    """The tape's name of Alpaca's: compact OCC names are the same, padded ones lose their blanks."""
    compact = symbol.replace(" ", "")
    return compact if parse_occ(compact) is not None else symbol


def theirs(symbol: str) -> str:
    """Alpaca's name of the tape's: the same, for tickers and for compact OCC names."""
    return symbol


def micros(dollars: object, rounding: str = ROUND_HALF_EVEN) -> int:
    """Micro-dollars of an amount, the nearest by default. Raises Unreadable for what is no finite number."""
    return _whole(dollars, 6, rounding)


def units(quantity: object) -> int:
    """Whole shares or contracts; a fraction beyond them is cut off. Raises Unreadable."""
    return _whole(quantity, 0, ROUND_DOWN)


def instant_ns(told: object) -> int:
    """UTC nanoseconds of an RFC 3339 text, to the microsecond; 0 where there is none."""
    try:
        return sessions.ns(datetime.fromisoformat(str(told)))
    except (ValueError, OverflowError):
        return 0


def stamp(at_ns: int) -> str:
    """RFC 3339 of an instant, rounded down to the microsecond."""
    return f"{sessions.utc(max(at_ns, 0)):%Y-%m-%dT%H:%M:%S.%fZ}"


def order(intent: Intent) -> Json:
    """The body of a day order. An option says what it opens or closes: Alpaca refuses a sale of what is not held."""
    body = {
        "symbol": theirs(intent.symbol),
        "qty": str(intent.quantity),
        "side": intent.side,
        "type": "market" if intent.limit_micros is None else "limit",
        "time_in_force": "day",
        "client_order_id": intent.client_order_id,
    }
    option = parse_occ(intent.symbol) is not None
    if intent.limit_micros is not None:
        body["limit_price"] = _limit(intent.limit_micros, intent.side, option)
    if option:
        body["position_intent"] = "buy_to_open" if intent.side == "buy" else "sell_to_close"
    return body


def answer(told: object, at: object = None) -> Answer:
    """The state of an order, as of `at` or of its last change. Raises Unreadable without ids and count."""
    name, status, filled = _text(told, "client_order_id"), _text(told, "status"), units(field(told, "filled_qty"))
    state = STATES.get(status, "unknown")
    reason = "" if state in ("working", "cancelled") and status != "replaced" else f"its status at Alpaca is {status}"
    event_ns = instant_ns(at or field(told, "updated_at"))
    return Answer(0, 0, event_ns, name, state, filled, reason[:REASON_CHARACTERS], _text(told, "id"))


def placed(told: object) -> Placed:
    """An order with its symbol, side and count. Raises Unreadable.

    Orders of others may be for an amount of money, or of several legs: then there is no count, symbol or side.
    """
    found = answer(told)
    if is_ours(found.client_order_id):
        return Placed(found, ours(_text(told, "symbol")), _side(told), units(field(told, "qty")))
    quantity = units(field(told, "qty") or 0)
    return Placed(found, ours(str(field(told, "symbol") or "")), str(field(told, "side") or ""), quantity)


def held(told: object) -> Held:
    """A position; a short one is negative. Raises Unreadable."""
    quantity = units(field(told, "qty"))
    short = field(told, "side") == "short" and quantity > 0
    return Held(ours(_text(told, "symbol")), -quantity if short else quantity, micros(field(told, "avg_entry_price")))


def account(told: object) -> Account:
    """The account. Raises Unreadable, and Unusable where it may not trade.

    What it may spend is the least that Alpaca names: options are paid in cash, so that the power of a margin account
    is too much for them.
    """
    blocked = [name for name in ("account_blocked", "trading_blocked", "trade_suspended_by_user") if field(told, name)]
    if blocked or field(told, "status") != "ACTIVE":
        raise Unusable(f"Alpaca's account may not trade: status {field(told, 'status')}, {', '.join(blocked)}")
    level = units(field(told, "options_trading_level") or 0)
    power, for_options = field(told, "buying_power"), field(told, "options_buying_power") if level else None
    least = min(micros(one, ROUND_FLOOR) for one in (power, power if for_options is None else for_options))
    equity, cash = micros(field(told, "equity")), micros(field(told, "cash"))
    return Account(_text(told, "account_number"), equity, cash, least, level)


def execution(order_id: str, client_order_id: str, told: object, total: object, at: object) -> Execution:
    """A fill of `qty` at `price`, by which the order has `total` in all. Raises Unreadable.

    The stream and the list of activities name a fill differently; order and total are what both tell, and name it here.
    """
    quantity, price, cumulative = units(field(told, "qty")), micros(field(told, "price")), units(total)
    if not 0 < quantity <= cumulative or price <= 0:
        raise Unreadable(f"a fill of {quantity} of {cumulative} units at {price} micro-dollars is none")
    name, symbol = f"{order_id}:{cumulative}", ours(_text(told, "symbol"))
    return Execution(0, 0, instant_ns(at), name, client_order_id, symbol, _side(told), quantity, price)


def field(told: object, name: str) -> Any:
    """A field that may be absent. Raises Unreadable where there are none at all."""
    if not isinstance(told, dict):
        raise Unreadable(f"{type(told).__name__} instead of an object with {name}")
    return told.get(name)


def shown(value: object) -> str:
    """A value in a message: the beginning of a text or number, the kind of anything else."""
    return repr(value)[:SHOWN_CHARACTERS] if isinstance(value, str | int | float | Decimal) else type(value).__name__


def message(told: object) -> str:
    """The words of a refusal, cut short; empty where it has none."""
    words = told.get("message") if isinstance(told, dict) else None
    return words[:REASON_CHARACTERS] if isinstance(words, str) else ""


def _text(told: object, name: str) -> str:
    value = field(told, name)
    if not isinstance(value, str) or not value:
        raise Unreadable(f"{name} is {shown(value)}, expected a text")
    return value


def _side(told: object) -> Literal["buy", "sell"]:
    """Alpaca's sales of what is not held are called sell_short."""
    side = _text(told, "side")
    if side not in ("buy", "sell", "sell_short"):
        raise Unreadable(f"side is {shown(side)}, expected buy or sell")
    return "buy" if side == "buy" else "sell"


def _whole(told: object, places: int, rounding: str) -> int:
    if not isinstance(told, str | int | float | Decimal):
        raise Unreadable(f"{shown(told)} is no number")
    try:
        number = told if isinstance(told, Decimal) else Decimal(str(told))
        return int(number.scaleb(places).quantize(Decimal(1), rounding))
    except (ArithmeticError, ValueError):
        raise Unreadable(f"{shown(told)} is no number") from None


def _limit(limit_micros: int, side: str, option: bool) -> str:
    """A limit as exact decimal text. One between two steps of Alpaca's is rounded to the side that costs nothing."""
    step = prices.FUND_TICK if option or limit_micros >= prices.DOLLAR else SUB_DOLLAR_STEP
    rounded = prices.rounded_down if side == "buy" else prices.rounded_up
    return f"{prices.decimal(rounded(limit_micros, step)):f}"
