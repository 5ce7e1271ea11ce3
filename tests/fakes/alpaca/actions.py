"""Corporate actions over REST, as a test tells them to the fake, and bars as of after them."""

from datetime import date
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from operators import sessions
from operators.events import Bar
from tests.fakes.alpaca import rendered
from tests.fakes.alpaca.broker import Broker
from tests.fakes.alpaca.faults import BadScript
from tests.fakes.alpaca.orders import name
from tests.fakes.alpaca.rendered import Json
from tests.fakes.alpaca.trading import Answer, Call

Kind = Literal["forward_splits", "reverse_splits", "unit_splits"]


class Action(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A split; `more` changes what is told of it, `None` takes a field away."""

    kind: Kind = "forward_splits"
    symbol: str
    ex_date: date
    old_rate: float = 1.0
    new_rate: float = 1.0
    more: dict[str, Any] = {}


def parsed(text: bytes | str) -> list[Action]:
    """Actions as JSON. Raises BadScript."""
    try:
        return msgspec.json.decode(text, type=list[Action])
    except msgspec.DecodeError as fault:
        raise BadScript(f"the corporate actions cannot be read: {fault}") from fault


def corporate_actions(broker: Broker, call: Call) -> Answer:
    """Those of the symbols and kinds asked for that are processed within the days asked for, today by default."""
    today = _today(broker).isoformat()
    first, last = call.query.get("start", today), call.query.get("end", today)
    symbols, kinds = call.query.get("symbols", ""), call.query.get("types", "")
    found: dict[str, list[Json]] = {}
    for action in broker.actions:
        asked = action.symbol in symbols.split(",") and action.kind.removesuffix("s") in kinds.split(",")
        if asked and first <= action.ex_date.isoformat() <= last:
            found.setdefault(action.kind, []).append(_told(action))
    return Answer({"corporate_actions": found, "next_page_token": None})


def adjusted(broker: Broker, bars: list[Bar], call: Call) -> list[Bar]:
    """Bars of one symbol as of today's splits, if they are asked for so."""
    if call.query.get("adjustment") not in ("split", "all"):
        return bars
    return [_adjusted(bar, _ratio(broker, bar)) for bar in bars]


def _ratio(broker: Broker, bar: Bar) -> float:
    """Shares of today for one of a bar's day."""
    day, today, ratio = sessions.new_york(rendered.bar_began_ns(bar)).date(), _today(broker), 1.0
    for action in broker.actions:
        if action.symbol == bar.ticker and day < action.ex_date <= today:
            ratio *= action.new_rate / action.old_rate
    return ratio


def _adjusted(bar: Bar, ratio: float) -> Bar:
    prices = {key: getattr(bar, key) / ratio for key in ("open", "high", "low", "close")}
    return bar if ratio == 1.0 else replace(bar, **prices, volume=bar.volume * ratio)


def _today(broker: Broker) -> date:
    return sessions.new_york(broker.exchange.now_ns).date()


def _told(action: Action) -> Json:
    day = action.ex_date.isoformat()
    told: Json = {"id": name("action", f"{action.symbol} {day}"), "process_date": day, "old_rate": action.old_rate}
    told |= {"new_rate": action.new_rate}
    match action.kind:
        case "forward_splits":
            told |= {"symbol": action.symbol, "cusip": "000000000", "ex_date": day}
        case "reverse_splits":
            told |= {"symbol": action.symbol, "old_cusip": "000000000", "new_cusip": "000000001", "ex_date": day}
        case "unit_splits":
            told |= {"old_symbol": action.symbol, "new_symbol": action.symbol, "alternate_symbol": f"{action.symbol}W"}
            told |= {"alternate_rate": 1.0, "effective_date": day}
            told |= dict.fromkeys(("old_cusip", "new_cusip", "alternate_cusip"), "000000000")
    return {key: value for key, value in (told | action.more).items() if value is not None}
