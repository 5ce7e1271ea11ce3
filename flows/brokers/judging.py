"""What `scalp doctor` makes of a broker's answers."""

from collections.abc import Iterator, Mapping
from datetime import date, time, timedelta
from typing import Final

from flows.brokers.alpaca.health import Day, Standing
from flows.brokers.comparing import Difference
from flows.brokers.sending import STALE_NS
from flows.findings import Finding
from operators import closures, prices, sessions
from operators.events import SECOND_NS, Mode
from operators.sessions import OutsideTable

BUYING_LEVEL: Final = 2
"""Alpaca's level from which options may be bought."""
SKEW_WARN_NS: Final = SECOND_NS
"""Half of what a quote may be old (`quote_max_age_seconds`, 2 s): so much of it a clock that is off uses up."""
SKEW_FAIL_NS: Final = STALE_NS
"""As old as an entry may be when it goes out: a clock that is off by more says nothing about what is late."""
CALENDAR_DAYS: Final = 30
SHARES, OPTIONS = "feed of shares", "feed of options"
UPDATE: Final = "install a newer version"


def account(found: Standing, named: str, mode: Mode) -> Iterator[Finding]:
    """Whether the account is the one that was named, and may trade what the mode trades."""
    what, name = "account", found.account_id
    if named not in ("", name):
        yield Finding("FAIL", what, f"it is {name}, not {named}", "use that account's keys")
    if found.blocked:
        yield Finding("FAIL", what, f"{name}: {found.blocked}", "ask Alpaca why")
        return
    usd = f"{prices.decimal(found.equity_micros):,.2f} USD"
    if found.equity_micros <= 0:
        yield Finding("FAIL", what, f"{name} has {usd}", "pay something in")
    else:
        yield Finding("ok", what, f"{name} may trade, {usd}")
    level = f"level {found.options_level}"
    if mode == "leveraged_etf" or found.options_level >= BUYING_LEVEL:
        yield Finding("ok", "options", f"{level}, --mode {mode}")
    else:
        apply = f"apply for level {BUYING_LEVEL} at Alpaca, or trade with --mode leveraged_etf"
        yield Finding("FAIL", "options", f"{level}, --mode {mode} takes {BUYING_LEVEL}", apply)


def stock_feed(wanted: str, permitted: str) -> Finding:
    """Whether the feed of shares in the settings may be had; `permitted` is the best one, empty for none."""
    if wanted == permitted == "sip":
        return Finding("ok", SHARES, "stock_feed = sip, all exchanges")
    if wanted == "iex" and permitted:
        few = "stock_feed = iex, one exchange: its volumes and quotes are a small part of all"
        return _lesser(SHARES, few, "stock_feed", "sip", permitted)
    return _not_permitted(SHARES, "stock_feed", wanted, permitted)


def option_feed(wanted: str, permitted: str, refused: str) -> Finding:
    """Whether the feed of options in the settings may be had, and its quotes are those of the exchanges.

    `refused` says why a start does not take it, empty if it does: with real money nothing is entered on others.
    """
    if wanted == permitted == "opra":
        return Finding("ok", OPTIONS, "option_feed = opra, all exchanges")
    if refused:
        return Finding("FAIL", OPTIONS, refused, "" if permitted == "opra" else "subscribe to opra at Alpaca")
    if wanted == "indicative" and permitted:
        found = "option_feed = indicative, no real quotes: good enough to try out, not for real money"
        return _lesser(OPTIONS, found, "option_feed", "opra", permitted)
    return _not_permitted(OPTIONS, "option_feed", wanted, permitted)


def _lesser(what: str, found: str, setting: str, better: str, permitted: str) -> Finding:
    """A feed that is permitted and not the better one, which may be permitted too."""
    if permitted == better:
        return Finding("warn", what, f"{found}; {better} is permitted", f"set {setting} to {better}")
    return Finding("warn", what, found, f"subscribe to {better} at Alpaca, and set {setting} to it")


def _not_permitted(what: str, setting: str, wanted: str, permitted: str) -> Finding:
    """A feed that the subscription does not permit."""
    found = f"{setting} = {wanted} is not permitted"
    if permitted:
        to_do = f"set {setting} to {permitted}, or subscribe to {wanted} at Alpaca"
        return Finding("FAIL", what, f"{found}, {permitted} is", to_do)
    return Finding("FAIL", what, f"{found}, nor is any other", "subscribe at Alpaca")


def clock(told_ns: int, asked_ns: int, answered_ns: int) -> Finding:
    """How far this machine's clock is off the broker's, which was told between asking and answering, UTC ns.

    Only what is certain counts: within that time nothing.
    """
    off_ns = max(told_ns - answered_ns, asked_ns - told_ns, 0)
    found = f"{off_ns / SECOND_NS:.3f} s off the broker's at least"
    limits = f"limits {SKEW_WARN_NS / SECOND_NS:g} s and {SKEW_FAIL_NS / SECOND_NS:g} s"
    if off_ns <= SKEW_WARN_NS:
        return Finding("ok", "clock", found if off_ns else "as the broker's")
    status: Final = "FAIL" if off_ns > SKEW_FAIL_NS else "warn"
    return Finding(status, "clock", f"{found}, {limits}", "let this machine's clock be set by NTP")


def calendar(first: date, told: Mapping[date, Day]) -> Finding:
    """Whether the broker's next sessions are those of our table."""
    what, days = "calendar", [first + timedelta(days=number) for number in range(CALENDAR_DAYS)]
    try:
        both = [Difference(str(day), _ours(day), _told(told, day)) for day in days]
    except OutsideTable as fault:
        return Finding("FAIL", what, str(fault), UPDATE)
    found = [one for one in both if one.here != one.there]
    if found:
        return Finding("FAIL", what, "; ".join(map(str, found)), f"{UPDATE} (closures {closures.VERSION} here)")
    return Finding("ok", what, f"the broker's to {days[-1]}")


def _ours(day: date) -> str:
    found = sessions.session(day)
    if found is None:
        return "closed"
    opens, closes = (sessions.new_york(at_ns).time() for at_ns in (found.open_ns, found.close_ns))
    return _hours(opens, closes)


def _told(told: Mapping[date, Day], day: date) -> str:
    return _hours(*told[day]) if day in told else "closed"


def _hours(opens: time, closes: time) -> str:
    return f"{opens:%H:%M} to {closes:%H:%M}"
