"""Market data over REST: contracts, chains, bars and newest quotes, in pages where Alpaca has pages."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from math import isfinite
from typing import Any, Final

from operators import chains, sessions
from operators.config import EngineSettings
from operators.contracts import Named, parse_occ
from operators.events import Bar
from operators.moments import ChainView
from tests.fakes.alpaca import actions, rendered
from tests.fakes.alpaca.broker import Broker
from tests.fakes.alpaca.orders import Refused, name
from tests.fakes.alpaca.rendered import Json
from tests.fakes.alpaca.trading import Answer, Call

CONTRACTS_DEFAULT, CONTRACTS_MOST = 100, 10_000
CHAIN_DEFAULT, CHAIN_MOST = 100, 1_000
BARS_DEFAULT, BARS_MOST = 1_000, 10_000
SUNDAY: Final = 6
NOISE: Final = 4e-15
"""Beside a price of some dollars: what 0.1 + 0.2 has more than 0.3, some digits up."""
STALE_SESSIONS: Final = 5


def contracts(broker: Broker, call: Call) -> Answer:
    today = sessions.new_york(broker.exchange.now_ns).date()
    query = dict(call.query)
    if not any(key.startswith("expiration_date") for key in query):
        weekend = today + timedelta(days=SUNDAY - today.weekday())
        query["expiration_date_lte"] = weekend.isoformat()
    underlyings = [ticker for ticker in query.get("underlying_symbols", "").split(",") if ticker]
    rows = [
        _contract(broker, underlying, symbol, named, call.kinds())
        for underlying in underlyings
        for _, symbol, named in broker.market.contracts(underlying)
        if _wanted(query, named)
    ]
    rows.sort(key=lambda row: str(row["symbol"]))
    page, token = _page(rows, call, CONTRACTS_DEFAULT, CONTRACTS_MOST)
    return Answer({"option_contracts": page, "next_page_token": token})


def chain(broker: Broker, call: Call) -> Answer:
    _check_feed(call)
    rows = _snapshots(broker, call)
    page, token = _page(rows, call, CHAIN_DEFAULT, CHAIN_MOST)
    return Answer({"snapshots": dict(page), "next_page_token": token})


def option_quotes(broker: Broker, call: Call) -> Answer:
    return Answer({"quotes": _quotes(broker, call)})


def stock_quotes(broker: Broker, call: Call) -> Answer:
    _check_feed(call)
    return Answer({"quotes": {symbol: told | {"c": ["R"], "z": "C"} for symbol, told in _quotes(broker, call).items()}})


def option_bars(broker: Broker, call: Call) -> Answer:
    """The day's bar of each contract: volume of the newest chain, prices of the middles since the open; or minutes."""
    if call.query.get("timeframe") == "1Min":
        return _bars([row for symbol in sorted(_symbols(call)) for row in _option_minutes(broker, symbol)], call)
    found = ((symbol, _option_day(broker, symbol)) for symbol in sorted(_symbols(call)))
    asked = call.query.get("timeframe", "").endswith("Day")
    return _bars([(symbol, *day) for symbol, day in found if day is not None and asked], call)


def _option_day(broker: Broker, symbol: str) -> tuple[int, Json] | None:
    """Begin and bar of a contract's day; None where it was not traded."""
    daily, volume = broker.market.days.get(symbol), broker.market.count(symbol, "volume")
    if daily is None or not volume:
        return None
    began_ns = sessions.at(date.fromisoformat(daily.day), sessions.OPEN.replace(hour=0, minute=0))
    bar = {"o": daily.open, "h": daily.high, "l": daily.low, "c": daily.close, "v": int(volume), "n": 1}
    return began_ns, {"t": rendered.stamp(began_ns), **bar, "vw": daily.close}


def _option_minutes(broker: Broker, symbol: str) -> list[tuple[str, int, Json]]:
    """The minutes of a contract that had a trade, by the chain's middle and volume at each minute's end."""
    place = broker.market.place(symbol)
    minutes = [] if place is None else broker.market.minutes[place.underlying].traded(symbol)
    rows = []
    for began_ns, price, volume in minutes:
        told = dict.fromkeys("ohlc", price) | {"v": int(volume), "n": 1, "vw": price}
        rows.append((symbol, began_ns, {"t": rendered.stamp(began_ns), **told}))
    return rows


def stock_bars(broker: Broker, call: Call) -> Answer:
    timeframe = call.query.get("timeframe", "")
    if timeframe not in ("1Min", "1Day"):
        raise Refused(400, 40010000, f"timeframe {timeframe}: this fake has 1Min and 1Day")
    rows = []
    for symbol in sorted(_symbols(call)):
        minutes = actions.adjusted(broker, broker.market.bars.get(symbol, []), call)
        for began_ns, bar in _minutes(minutes) if timeframe == "1Min" else _days(minutes):
            rows.append((symbol, began_ns, {"t": rendered.stamp(began_ns), **bar}))
    return _bars(rows, call)


def _check_feed(call: Call) -> None:
    """Raises Refused for a feed that takes a subscription, where the script says that there is none."""
    if "no_subscription" in call.kinds() and call.query.get("feed") in ("sip", "opra"):
        raise Refused(403, 40310000, "subscription does not permit querying recent SIP data")


def _minutes(bars: Iterable[Bar]) -> list[tuple[int, Json]]:
    return [(rendered.bar_began_ns(bar), rendered.bar(bar)) for bar in bars]


def _days(bars: Iterable[Bar]) -> list[tuple[int, Json]]:
    """Bars of whole New York days, as far as the tape was played."""
    days: dict[date, list[Bar]] = defaultdict(list)
    for bar in bars:
        days[sessions.new_york(rendered.bar_began_ns(bar)).date()].append(bar)
    made = []
    for day, found in sorted(days.items()):
        high, low = max(bar.high for bar in found), min(bar.low for bar in found)
        volume, last = sum(bar.volume for bar in found), found[-1]
        began_ns = sessions.at(day, sessions.OPEN.replace(hour=0, minute=0))
        whole = {
            "o": found[0].open,
            "h": high,
            "l": low,
            "c": last.close,
            "v": volume,
            "n": len(found),
            "vw": last.close,
        }
        made.append((began_ns, whole))
    return made


def _bars(rows: list[tuple[str, int, Json]], call: Call) -> Answer:
    """A page of bars by symbol and time."""
    start, end = (rendered.instant_ns(call.query[key]) if key in call.query else None for key in ("start", "end"))
    found = [row for row in rows if (start is None or row[1] >= start) and (end is None or row[1] <= end)]
    page, token = _page(found, call, BARS_DEFAULT, BARS_MOST)
    bars: dict[str, list[Json]] = defaultdict(list)
    for symbol, _, bar in page:
        bars[symbol].append(bar)
    return Answer({"bars": bars, "next_page_token": token})


def _page(rows: list[Any], call: Call, default: int, most: int) -> tuple[list[Any], str | None]:
    """The rows of a page, and the token of the next one; the script may let it name itself."""
    size, first = min(int(call.query.get("limit", default)), most), int(call.query.get("page_token", 0))
    following = None if first + size >= len(rows) else str(first + size)
    return rows[first : first + size], str(first) if "page_loops" in call.kinds() else following


def _symbols(call: Call) -> set[str]:
    return {symbol for symbol in call.query.get("symbols", "").split(",") if symbol}


def _quotes(broker: Broker, call: Call) -> dict[str, Json]:
    found = ((symbol, broker.market.quote(symbol)) for symbol in sorted(_symbols(call)))
    told = {symbol: (quote, _shape(call)) for symbol, quote in found if quote is not None}
    return {
        symbol: {"t": rendered.stamp(quote.event_ns), **shape(rendered.quote(quote))}
        for symbol, (quote, shape) in told.items()
    }


def _shape(call: Call) -> Callable[[Json], Json]:
    """What the script does to a quote."""
    return lambda told: shaped(told, call.kinds())


def shaped(told: Json, kinds: set[str]) -> Json:
    """A quote as the script wants it: with NaN, with a float's noise, with bid and ask exchanged."""
    if "nan" in kinds:
        told = told | {"bp": float("nan")}
    if "float_noise" in kinds:
        told = told | {key: told[key] + NOISE for key in ("bp", "ap") if told[key]}
    return told | {"bp": told["ap"], "ap": told["bp"]} if "crossed" in kinds else told


def _wanted(query: dict[str, str], named: Named) -> bool:
    """Whether a contract is one that the query asks for."""
    expiry, side = named.expiry.isoformat(), "call" if named.right > 0 else "put"
    return (
        query.get("expiration_date", expiry) == expiry
        and query.get("expiration_date_gte", expiry) <= expiry <= query.get("expiration_date_lte", expiry)
        and float(query.get("strike_price_gte", 0)) <= named.strike <= float(query.get("strike_price_lte", "inf"))
        and query.get("type", side) == side
        and query.get("root_symbol", named.root) == named.root
    )


def _contract(broker: Broker, underlying: str, symbol: str, named: Named, kinds: set[str]) -> Json:
    interest, table = broker.market.count(symbol, "open_interest"), broker.market.tables[underlying]
    day = sessions.new_york(broker.exchange.now_ns).date()
    for _ in range(STALE_SESSIONS if "stale_open_interest" in kinds else 1):
        day = sessions.previous_session(day).day
    known = interest is not None and "no_open_interest" not in kinds
    return {
        "id": name("contract", symbol),
        "symbol": symbol,
        "name": f"{underlying} {named.expiry:%b %d %Y} {named.strike:g} {'Call' if named.right > 0 else 'Put'}",
        "status": "active",
        "tradable": True,
        "expiration_date": named.expiry.isoformat(),
        "root_symbol": named.root,
        "underlying_symbol": underlying,
        "underlying_asset_id": name("asset", underlying),
        "type": "call" if named.right > 0 else "put",
        "style": "american" if table.settlement == "physical" else "european",
        "strike_price": f"{named.strike:g}",
        "multiplier": str(table.multiplier),
        "size": str(table.multiplier),
        "open_interest": str(int(interest)) if known and interest is not None else None,
        "open_interest_date": day.isoformat() if known else None,
        "close_price": None,
        "close_price_date": None,
    }


def _snapshots(broker: Broker, call: Call) -> list[tuple[str, Json]]:
    """Symbol and snapshot of the contracts of an underlying that were quoted and are asked for."""
    market, kinds = broker.market, call.kinds()
    newest = market.chains.get(call.named)
    if newest is None:
        return []
    at_ns = broker.exchange.now_ns
    view = ChainView(market.tables[call.named], newest, at_ns - newest.at_ns, market.spot(call.named))
    priced = chains.price(view, at_ns, EngineSettings().risk_free_rate)
    greeks = {int(row): place for place, row in enumerate(priced.row)}
    rows: list[tuple[str, Json]] = []
    for row, symbol, named in market.contracts(call.named):
        quote = market.quote(symbol)
        if quote is None or not _wanted(call.query, named):
            continue
        told = {"latestQuote": {"t": rendered.stamp(quote.event_ns), **shaped(rendered.quote(quote), kinds), "c": "A"}}
        day = None if "no_daily_bars" in kinds else _option_day(broker, symbol)
        if day is not None:
            told |= {"dailyBar": day[1]}
        if row in greeks and not ("missing_greeks" in kinds and len(rows) % 2):
            told |= _greeks(priced, greeks[row])
        rows.append((symbol, told))
    return sorted([*rows, *_strange(rows)] if "strange_roots" in kinds else rows)


def _greeks(priced: chains.PricedChain, place: int) -> Json:
    """IV and Greeks of a contract; nothing where it has no mid of its own or no IV."""
    columns = priced.greeks
    told = {
        "delta": columns.delta,
        "gamma": columns.gamma,
        "theta": columns.theta_per_day,
        "vega": columns.vega_per_point,
    }
    if not isfinite(float(priced.mid[place])):
        return {}
    values = {key: round(float(column[place]), 6) for key, column in told.items()}
    if not all(isfinite(value) for value in values.values()):
        return {}
    return {"greeks": values | {"rho": 0.0}, "impliedVolatility": round(float(columns.iv[place]), 6)}


def _strange(rows: list[tuple[str, Json]]) -> list[tuple[str, Json]]:
    """The first contracts once more, as if a corporate action had changed what they deliver, and one without sense."""
    found = ((parse_occ(symbol), symbol, told) for symbol, told in rows[:2])
    adjusted = [
        (f"{named.root}2{symbol[len(named.root) :]}", told) for named, symbol, told in found if named is not None
    ]
    return [*adjusted, ("XOM2_ADJ", {"latestQuote": None})]
