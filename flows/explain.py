"""One signal's story in words: what it was, what was asked of it, what was decided and what became of it."""

import json
from collections.abc import Iterator
from datetime import date, datetime

import msgspec

from flows.explain_trade import orders, scalp
from flows.records.parts import CandidatePart, LegPart, SignalPart, Story, VerdictPart
from flows.records.queries import plain
from flows.wording import against, dollars, instrument, minute, number, second
from operators.codes import REFUSAL_TEXT, Refusal

CANDIDATES_SHOWN = 10
PARTS = {
    "part_macro": "macro",
    "part_agreement": "agreeing clouds",
    "part_volume": "volume",
    "part_distance": "distance from the fast cloud",
    "part_slope": "slope",
    "part_body": "body of the bar",
}
SEEN = {
    "score": "score",
    "delta": "delta",
    "iv": "IV",
    "bid": "bid",
    "ask": "ask",
    "volume": "volume",
    "open_interest": "open interest",
}
LIVING_ORDER = ("intent", "sending", "unknown", "working", "partial")


def as_json(story: Story) -> str:
    """The story as one JSON object in one line, all candidates in it; times ISO 8601 UTC, money as text."""
    return json.dumps(msgspec.to_builtins(story, builtin_types=(datetime, date)), default=plain)


def lines(story: Story) -> Iterator[str]:
    """The story for a terminal; what is not known is said to be unknown or left out."""
    yield from _signal(story.signal)
    for leg in story.legs:
        yield ""
        yield from _leg(leg)
    yield ""
    yield f"Decision: {decision(story)}."
    yield from orders(story)
    yield from scalp(story)


def _signal(signal: SignalPart) -> Iterator[str]:
    yield f"Signal {signal.signal_id} of book {signal.book_id}"
    yield (
        f"{signal.ticker} {signal.direction}: {signal.timeframe_minutes}-minute bar closed "
        f"{minute(signal.bar_close)}, {signal.source} signal, decided {second(signal.decided_at)}"
    )
    yield f"conviction {number(signal.conviction)} of 100{_conviction(signal)}"
    ratio = signal.volume_ratio
    volume = "volume ratio unknown" if ratio is None else f"volume {number(ratio)} times the mean before it"
    yield f"macro bias {signal.macro}, {volume}"


def _conviction(signal: SignalPart) -> str:
    """The parts that are known; an outside signal comes without."""
    known = {words: getattr(signal, name) for name, words in PARTS.items() if getattr(signal, name) is not None}
    if not known:
        return ", its parts are unknown"
    return ": " + ", ".join(f"{words} {number(points)}" for words, points in known.items())


def _leg(leg: LegPart) -> Iterator[str]:
    failed = sum(not verdict.passed for verdict in leg.verdicts)
    chosen = f", {instrument(leg.symbol)}" if leg.symbol else ""
    asked = len(leg.verdicts)
    yield f"{leg.name.capitalize()} leg{chosen}: {asked} check{'' if asked == 1 else 's'}, {failed} failed"
    for verdict in leg.verdicts:
        yield f"  {_outcome(verdict):6}  {verdict.code:14} {_finding(verdict)}".rstrip()
    if not leg.candidates:
        return
    yield f"Candidates of the {leg.name} leg, best first:"
    for place, candidate in enumerate(leg.candidates[:CANDIDATES_SHOWN], start=1):
        yield f"  {place:2}. {instrument(candidate.symbol)}: {_fate(candidate)}{_seen(candidate, leg.name)}"
    if len(leg.candidates) > CANDIDATES_SHOWN:
        yield f"  and {len(leg.candidates) - CANDIDATES_SHOWN} more"


def _outcome(verdict: VerdictPart) -> str:
    return "passed" if verdict.passed else "FAILED"


def _finding(verdict: VerdictPart) -> str:
    """Number, limit and unit, the reason that was recorded, and in words what a failure means."""
    said = []
    if not verdict.evaluated:
        said.append("not evaluated")
    if verdict.measured is not None:
        said.append(_measured(verdict.measured, verdict.limit_value, verdict.unit))
    if verdict.reason:
        said.append(verdict.reason)
    if not verdict.passed:
        said.append(refusal(verdict.code))
    return "; ".join(said)


def _measured(measured: float, limit: float | None, unit: str) -> str:
    if limit is None:
        return f"{number(measured)} {unit}".rstrip()
    left, right = against(measured, limit)
    return f"{left} {unit}".rstrip() + f", limit {right}"


def refusal(code: str) -> str:
    """A refusal in words; a code of another version of this program as it is."""
    return REFUSAL_TEXT[Refusal(code)] if code in set(Refusal) else code


def _fate(candidate: CandidatePart) -> str:
    """Whether it was chosen, or why not; one that failed nothing was only not the first."""
    if candidate.chosen:
        return "chosen"
    if candidate.lost_by is None:
        return "passed, not chosen"
    if candidate.measured is None:
        return f"lost, {refusal(candidate.lost_by)}"
    number_and_limit = _measured(candidate.measured, candidate.limit_value, "")
    return f"lost, {refusal(candidate.lost_by)} ({candidate.lost_by} {number_and_limit})"


def _seen(candidate: CandidatePart, leg: str) -> str:
    """Score, Greeks, quote and depth; a fund's row has none of them, a contract's unknown ones are said to be so."""
    known = {name: getattr(candidate, name) for name in SEEN}
    if leg != "option":
        known = {name: value for name, value in known.items() if value is not None}
    shown = [f"{SEEN[name]} {_value(name, value)}" for name, value in known.items()]
    return f"; {', '.join(shown)}" if shown else ""


def _value(name: str, value: float | None) -> str:
    if value is None:
        return "unknown"
    return dollars(value) if name in ("bid", "ask") else number(value)


def decision(story: Story) -> str:
    """What was decided, as one sentence without its full stop."""
    signal = story.signal
    if signal.decision == "refused":
        return _refused(story)
    tried = {leg.name for leg in story.legs}
    after = ", after the option leg found no contract that suits" if signal.leg == "fund" and "option" in tried else ""
    through = f" through the {signal.leg} leg" if signal.leg else ""
    return f"{signal.decision}{through}{after}; {_bought(story)}"


def _refused(story: Story) -> str:
    """The refusal that explains it, and the codes of what else failed."""
    code = story.signal.code
    if code is None:
        return "refused, the reason is unknown"
    failed = (verdict.code for leg in story.legs for verdict in leg.verdicts if not verdict.passed)
    others = [other for other in dict.fromkeys(failed) if other != code]
    also = f"; {', '.join(others)} failed as well" if others else ""
    return f"refused, because {refusal(code)} ({code}){also}"


def _bought(story: Story) -> str:
    if story.scalp is not None:
        return f"{instrument(story.scalp.symbol)} was bought"
    if any(order.state in LIVING_ORDER for order in story.orders):
        return "the entry order is working and nothing is bought yet"
    return "nobody filled the entry order, so nothing was bought" if story.orders else "no order of it is recorded"
