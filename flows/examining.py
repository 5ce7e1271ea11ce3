"""Asks all that `scalp doctor` wants to know, at a broker and on this machine; nothing is sent or changed."""

import asyncio
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from flows import findings, foreseeing
from flows.brokers import comparing, judging
from flows.brokers.alpaca.broker import Alpaca
from flows.brokers.alpaca.health import Health
from flows.brokers.choosing import NoBroker, chosen
from flows.brokers.comparing import Difference
from flows.brokers.port import Broker, Held, NotSent, Placed, Unclear, Unusable
from flows.brokers.standing import compared
from flows.engine.process import Plan
from flows.engine.state import TAPE
from flows.feeds import choosing as feeds
from flows.feeds.choosing import NoFeed
from flows.findings import Finding
from flows.settings import Settings
from flows.tape.segments import segment_paths
from operators.events import Mode

TROUBLE: Final = (NotSent, Unclear, Unusable)
AT_BROKER: Final = "account, feeds, clock, calendar and positions"
POSITIONS: Final = "positions"
Asking = Generator[Finding, None, bool]


class Asked(NamedTuple):
    """With which options an engine would be started."""

    broker: str
    live: bool
    account: str
    mode: Mode
    state: Path
    database: str | None
    settings: Settings


def examined(asked: Asked, today: date, now_ns: Callable[[], int]) -> Iterator[Finding]:
    """All findings, each as soon as it is known; `today` is New York's, `now_ns` this machine's clock in UTC ns.

    Raises NoBroker for a broker that cannot be named so.
    """
    try:
        at = chosen(asked.broker, asked.account, asked.live, asked.settings)
    except NoBroker as fault:
        if not isinstance(fault.__cause__, Unusable):
            raise
        yield from _turned_away(str(fault))
        yield from _here(asked, today)
        yield from _unknown(asked)
        return
    plan = Plan(asked.state, asked.database, asked.account, asked.mode, asked.settings, feeds.REAL_TIME, broker=at)
    try:
        let_in = yield from _at_broker(asked, at, today, now_ns)
        yield from _here(asked, today)
        # A tape that has begun names its account, a new one waits for the broker's word.
        yield from foreseeing.start(plan) if let_in or segment_paths(asked.state / TAPE) else _unknown(asked)
    finally:
        if at is not None:
            asyncio.run(at.close())


def _here(asked: Asked, today: date) -> Iterator[Finding]:
    """What there is on this machine."""
    yield findings.statements(today, asked.settings.scalp)
    yield from findings.disks(asked.state, asked.database)
    yield findings.folder(asked.state)


def _unknown(asked: Asked) -> Iterator[Finding]:
    """What can be said of a start at a broker that did not let the keys in."""
    yield Finding("warn", foreseeing.TAPE, "not compared with what would begin", "see the keys, and ask again")
    yield foreseeing.database(asked.database)


def _at_broker(asked: Asked, at: Alpaca | None, today: date, now_ns: Callable[[], int]) -> Asking:
    """What the broker says, if it lets the keys in; gives whether it did."""
    if at is None:
        yield Finding("ok", "broker", f"paper, inside the engine: keys, {AT_BROKER} are not asked for")
        return True
    health = Health(at.keys, at.place)
    try:
        return (yield from _signed_in(asked, at, health, today, now_ns))
    finally:
        health.close()


def _signed_in(asked: Asked, at: Alpaca, health: Health, today: date, now_ns: Callable[[], int]) -> Asking:
    try:
        standing = asyncio.run(health.standing())
    except Unusable as fault:
        yield from _turned_away(str(fault))
        return False
    except (NotSent, Unclear) as fault:
        yield from _turned_away(f"{at.name} does not answer: {fault}", "see that it can be reached, and ask again")
        return False
    yield Finding("ok", "keys", f"{at.address} takes them")
    yield from judging.account(standing, asked.account, asked.mode)
    yield from _known(judging.SHARES, lambda: [_stock_feed(health, asked)])
    yield from _known(judging.OPTIONS, lambda: [_option_feed(health, asked)])
    yield from _known("clock", lambda: [_clock(health, now_ns)])
    yield from _known("calendar", lambda: [_calendar(health, today)])
    yield from _known(POSITIONS, lambda: _positions(at, asked.state))
    return True


def _turned_away(why: str, to_do: str = "mend the keys first") -> Iterator[Finding]:
    yield Finding("FAIL", "keys", why)
    yield Finding("warn", "broker", f"{AT_BROKER} are not known", to_do)


def _known(what: str, ask: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """What an answer says; one that does not come fails."""
    try:
        yield from list(ask())
    except TROUBLE as fault:
        yield Finding("FAIL", what, f"not known: {fault}", "ask again")


def _stock_feed(health: Health, asked: Asked) -> Finding:
    return judging.stock_feed(asked.settings.engine.stock_feed, asyncio.run(health.stock_feed()))


def _option_feed(health: Health, asked: Asked) -> Finding:
    if asked.mode == "leveraged_etf":
        return Finding("ok", judging.OPTIONS, f"--mode {asked.mode} needs none")
    refused = feed_refused(asked.settings, asked.mode, live=asked.live)
    return judging.option_feed(asked.settings.engine.option_feed, asyncio.run(health.option_feed()), refused)


def feed_refused(settings: Settings, mode: Mode, *, live: bool) -> str:
    """Why a start would not take Alpaca's market, empty if it would."""
    try:
        feeds.chosen(feeds.Asked(feeds.ALPACA, live=live), settings, mode)
    except NoFeed as fault:
        return str(fault)
    return ""


def _clock(health: Health, now_ns: Callable[[], int]) -> Finding:
    if not health.real:
        return Finding("ok", "clock", "not compared: a fake's time is that of its tape")
    asked_ns = now_ns()
    told_ns = asyncio.run(health.clock_ns())
    return judging.clock(told_ns, asked_ns, now_ns())


def _calendar(health: Health, today: date) -> Finding:
    last = today + timedelta(days=judging.CALENDAR_DAYS - 1)
    return judging.calendar(today, asyncio.run(health.calendar(today, last)))


def _positions(broker: Broker, state: Path) -> Iterator[Finding]:
    """Whether what is at the broker is what the engine in a folder believes."""
    if not segment_paths(state / TAPE):
        held, placed = asyncio.run(_there(broker))
        differences, others = list(comparing.orders({}, placed, {})), comparing.strangers({}, held, placed)
        yield from _compared(differences, others, "none, and no engine has begun here")
        return
    try:
        found = compared(broker, state)
    except foreseeing.REFUSED as fault:
        yield Finding("FAIL", POSITIONS, str(fault))
        return
    yield from _compared(found.differences, found.others, f"as {found.book_id} believes")


async def _there(broker: Broker) -> tuple[Sequence[Held], Sequence[Placed]]:
    return await broker.positions(), await broker.open_orders()


def _compared(differences: list[Difference], others: list[str], agreed: str) -> Iterator[Finding]:
    if differences:
        of_another = differences[0].what == "account"
        to_do = "start with that account's keys" if of_another else "see `scalp broker reconcile`"
        yield Finding("FAIL", POSITIONS, "; ".join(map(str, differences)), to_do)
    if others:
        yield Finding("warn", POSITIONS, f"not the engine's: {', '.join(others)}", "it will never sell or cancel them")
    if not differences and not others:
        yield Finding("ok", POSITIONS, agreed)
