"""Strike choice and gate on recorded chains equal those of an oracle that was written from the rules alone.

Every verdict, the whole ranking, the contract chosen and the halving are compared, minute by minute. TWX lists nothing
that expires within five sessions, so its chain stands in for nearer ones: quotes, volumes and interest are recorded,
the dates of expiry are pretended. IV history and ex-dates are made here.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from itertools import product
from math import nan
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from flows.tape.lean import import_lean
from flows.tape.reader import Tape
from flows.tape.signals_file import OutsideRow, merge
from operators.config import ScalpConfig
from operators.events import AnyEvent, AtmIv, Bar, Chain, Contracts, Direction, Dividend, Quote
from operators.intents import Ticket
from operators.selection import StrikeSelection
from operators.sessions import ns
from tests.oracle.options import Decision, Settings, decide
from tests.oracle.options_input import Recording, Row, read
from tests.play import Line, started

pytestmark = pytest.mark.slow
NEW_YORK = ZoneInfo("America/New_York")
near_to = partial(pytest.approx, abs=1e-7, rel=0, nan_ok=True)
CODES = {"too_late", "no_chain", "delta", "spread", "open_interest", "volume", "iv_rank", "theta", "gamma", "dividend"}
"""Those of choice and gate; the others are not the oracle's."""
AWKWARD = "09:31 09:32 09:35 09:36 12:59 13:44 13:45 13:46 15:14 15:15 15:16 15:29 15:30 15:31 15:54 15:55 15:59"
CLOCKS = sorted({*AWKWARD.split(), "09:50", *(f"{third // 3}:{third % 3 * 2}0" for third in range(30, 48))})
NAMED: dict[type, str] = {Contracts: "underlying", Chain: "underlying", Bar: "ticker", Quote: "symbol"}
DIRECTIONS: tuple[Direction, ...] = ("long", "short")
Place = tuple[str, Direction]
Recordings = dict[tuple[str, date], tuple[Tape, Recording]]
LOOSE: dict[str, Any] = {"min_open_interest": 0, "min_volume": 0, "max_spread_pct": 0.6}
TIGHT, LOWER = LOOSE | {"max_spread_pct": 0.05}, LOOSE | {"max_iv_rank": 0.2}
GOOG, TWX = ("GOOG", date(2015, 12, 23)), ("TWX", date(2014, 6, 5))
MONTHS = date(2014, 6, 21), date(2014, 7, 19), date(2014, 10, 18), date(2015, 1, 17), date(2016, 1, 15)
NEAR = {listed: date(2014, 6, day) for listed, day in zip(MONTHS, (5, 7, 10, 12, 13), strict=True)}
"""0, 1 (a Saturday), 3, 5 and 6 sessions from 5 June 2014 instead of months."""
FAR_FIRST = NEAR | {date(2014, 10, 18): date(2014, 6, 6), date(2014, 7, 19): date(2014, 6, 10)}
"""The same with another one at one session, whose contracts are quoted wider."""
WAVE = tuple(0.15 + 0.01 * (session * 7 % 31) for session in range(300))
"""IV of past sessions from 0.15 to 0.45, in no order."""


class Case(NamedTuple):
    """What is recorded, what the oracle must say at least once, the settings, IV history, ex-dates.

    It must name these codes among the failed, `chosen`, or `second`: chosen of another expiry than the first one tried.
    The chain is given to the ticker `stands_for`; `expiries` are pretended ones by recorded ones.
    """

    recorded: tuple[str, date]
    occurs: str
    settings: dict[str, Any] = LOOSE
    ivs: tuple[float, ...] = ()
    ex_dates: tuple[date, ...] = ()
    expiries: Mapping[date, date] = MappingProxyType({})
    stands_for: str = ""

    @property
    def ticker(self) -> str:
        return self.stands_for or self.recorded[0]

    def at(self, clock: str) -> datetime:
        return datetime.combine(self.recorded[1], time.fromisoformat(clock), NEW_YORK)


CASES = {
    "goog": Case(GOOG, "open_interest volume spread too_late", {}),
    "goog loose": Case(GOOG, "chosen too_late"),
    "goog wide spread alone": Case(GOOG, "open_interest volume", {"max_spread_pct": 0.6}),
    "goog small interest alone": Case(GOOG, "spread volume", {"min_open_interest": 0}),
    "goog tight band": Case(GOOG, "delta chosen", LOOSE | {"target_delta_min": 0.44, "target_delta_max": 0.46}),
    "goog any delta": Case(GOOG, "chosen", LOOSE | {"target_delta_min": 0.01, "target_delta_max": 0.99}),
    "goog theta of a day": Case(GOOG, "theta", LOOSE | {"theta_basis": "day"}),
    "goog long hold": Case(GOOG, "theta", LOOSE | {"planned_hold_minutes": 390}),
    "goog little gamma": Case(GOOG, "gamma", LOOSE | {"max_gamma": 0.045}),
    "goog rank": Case(GOOG, "iv_rank chosen", LOWER, WAVE[:120]),
    "goog rank of a year": Case(GOOG, "iv_rank chosen", LOWER, (5.0, 0.01, *WAVE[:252])),
    "goog percentile": Case(GOOG, "iv_rank chosen", LOWER | {"iv_rank_kind": "percentile"}, WAVE[:60]),
    "goog unknown refused": Case(GOOG, "iv_rank", LOOSE | {"iv_rank_unknown": "refuse"}, WAVE[:19]),
    "goog unknown allowed": Case(GOOG, "chosen", LOOSE | {"iv_rank_unknown": "allow"}, WAVE[:19]),
    "goog one IV": Case(GOOG, "iv_rank", LOOSE | {"iv_rank_unknown": "refuse"}, (0.2,) * 30),
    "goog dividend": Case(GOOG, "dividend", ex_dates=(date(2015, 12, 24),)),
    "goog dividend today and later": Case(GOOG, "chosen", ex_dates=(date(2015, 12, 23), date(2015, 12, 28))),
    "goog early": Case(GOOG, "too_late chosen", LOOSE | {"one_dte_cutoff": time(12, 59), "min_minutes_to_exit": 29}),
    "goog late": Case(GOOG, "too_late chosen", LOOSE | {"one_dte_cutoff": time(16, 0), "min_minutes_to_exit": 0}),
    "twx": Case(TWX, "no_chain", {}),
    "near": Case(TWX, "spread volume too_late", {}, expiries=NEAR),
    "near loose": Case(TWX, "chosen", expiries=NEAR),
    "near loose of the day": Case(TWX, "chosen", LOOSE | {"stock_zero_dte": True}, expiries=NEAR),
    "near second expiry": Case(TWX, "spread second", TIGHT | {"stock_zero_dte": True}, expiries=NEAR),
    "near later expiry": Case(TWX, "second", TIGHT, expiries=FAR_FIRST),
    "near volume": Case(TWX, "volume chosen", {"min_open_interest": 100, "min_volume": 20}, expiries=NEAR),
    "near index fund": Case(TWX, "chosen", LOOSE, WAVE[:40], (), NEAR, "SPY"),
    "near index fund, tight": Case(TWX, "spread", LOOSE | {"max_spread_pct": 0.02}, (), (), NEAR, "SPY"),
}


class Said(NamedTuple):
    """Answers (passed, evaluated) and numbers by code, symbols with why they lost, scores, contract and halving."""

    answers: dict[str, tuple[bool, bool]]
    numbers: dict[str, float]
    ranking: list[tuple[str, str | None]]
    scores: dict[int, float]
    chosen: tuple[str | None, bool]


Words = dict[Place, Said]


def said(verdicts: list[Any], ranking: list[tuple[str, str | None]], scores: Iterable[Any], *chosen: Any) -> Said:
    """Either side's words; NaN is what is missing, as approx wants it."""
    assert len({verdict.code for verdict in verdicts}) == len(verdicts)
    told = [(str(one.code), what, getattr(one, what)) for one in verdicts for what in ("measured", "limit")]
    numbers = {f"{code} {what}": nan if value is None else float(value) for code, what, value in told}
    scored = {place: nan if score is None else float(score) for place, score in enumerate(scores)}
    answers = {str(verdict.code): (verdict.passed, verdict.evaluated) for verdict in verdicts}
    return Said(answers, numbers, ranking, scored, (chosen[0], chosen[1]))


def our_words(ticket: Ticket) -> Said:
    leg = ticket.option
    ranked = [one for one in leg.candidates if isinstance(one, StrikeSelection)]
    lost = [next((str(verdict.code) for verdict in one.verdicts if not verdict.passed), None) for one in ranked]
    ranking = [(one.symbol, why) for one, why in zip(ranked, lost, strict=True)]
    symbol, verdicts = leg.chosen and leg.chosen.symbol, [verdict for verdict in leg.verdicts if verdict.code in CODES]
    return said(verdicts, ranking, [one.score for one in ranked], symbol, leg.halved)


def oracle_words(decision: Decision) -> Said:
    ranking = [(one.symbol, one.lost_by) for one in decision.candidates]
    scores = [one.score for one in decision.candidates]
    return said(decision.verdicts, ranking, scores, decision.chosen, decision.halved)


def pretended(event: AnyEvent, case: Case) -> AnyEvent:
    """The event under the case's ticker and expiries."""
    if isinstance(event, Contracts):
        event = replace(event, expiries=tuple(case.expiries.get(listed, listed) for listed in event.expiries))
    return replace(event, **{NAMED[type(event)]: case.ticker})


def past(case: Case) -> Iterator[AnyEvent]:
    """The case's IVs, one a day up to the day before, and its dividends, told the year before."""
    last = case.at("15:45")
    told = ns(last - timedelta(days=365))
    for ex_date in case.ex_dates:
        yield Dividend(0, told, told, case.ticker, ex_date, 0.5)
    for back, iv in zip(range(len(case.ivs), 0, -1), case.ivs, strict=True):
        at_ns = ns(last - timedelta(days=back))
        yield AtmIv(0, at_ns, at_ns, case.ticker, iv)


def tickets(case: Case, tape: Tape) -> dict[Place, Ticket]:
    """What the line makes of a signal at each minute and direction."""
    asked = list(product(CLOCKS, DIRECTIONS))
    rows = [OutsideRow(case.ticker, ns(case.at(clock)), side, 80.0) for clock, side in asked]
    line, market = Line(ScalpConfig(**case.settings)), (pretended(event, case) for event in tape.events())
    events = list(merge(market, rows, [past(case)]))
    for event in [started(events[0].at_ns, "options", cadences=tape.info().cadences), *events]:
        list(line.items(event))
    outside = [ticket for ticket in line.tickets if ticket.setup.source == "outside"]
    return dict(zip(asked, outside, strict=True))


def oracle_row(case: Case, row: Row) -> Row:
    listed = row.contract.expiry
    contract = dataclasses.replace(row.contract, expiry=case.expiries.get(listed, listed))
    return dataclasses.replace(row, contract=contract)


def judged(case: Case, recording: Recording, clock: str, ticket: Ticket) -> Decision:
    """The oracle at the moment of the ticket, which is nanoseconds after the minute: the next whole microsecond."""
    known_us = -(-ticket.setup.at_ns // 1000)
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=known_us)
    given: dict[str, Any] = {"at": at.astimezone(NEW_YORK), "ticker": case.ticker, "direction": ticket.direction}
    given |= {"spot": recording.spot(case.at(clock)), "settings": Settings(**case.settings)}
    rows = [oracle_row(case, row) for row in recording.rows(case.at(clock))]
    return decide(rows, **given, iv_history=case.ivs, ex_dates=case.ex_dates)


def occurred(decision: Decision) -> Iterator[str]:
    yield from (verdict.code for verdict in decision.verdicts if not verdict.passed)
    if decision.chosen is not None:
        yield "chosen"
        yield "chosen" if decision.chosen[:-9] == decision.candidates[0].symbol[:-9] else "second"


@pytest.fixture(scope="module")
def recordings(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Recordings:
    found = {}
    for ticker, day in (GOOG, TWX):
        out = tmp_path_factory.mktemp("tapes") / f"{ticker}.tape"
        import_lean(shared_data / "lean", ticker, [day], out)
        found[ticker, day] = Tape(out), read(shared_data / "lean", ticker, day)
    return found


@pytest.fixture(scope="module", params=CASES)
def compared(request: pytest.FixtureRequest, recordings: Recordings) -> tuple[Words, Words]:
    case = CASES[request.param]
    tape, recording = recordings[case.recorded]
    made = tickets(case, tape)
    decisions = {place: judged(case, recording, place[0], ticket) for place, ticket in made.items()}
    assert set(case.occurs.split()) <= {what for decision in decisions.values() for what in occurred(decision)}
    ours = {place: our_words(ticket) for place, ticket in made.items()}
    return ours, {place: oracle_words(decision) for place, decision in decisions.items()}


def field(words: Words, name: str) -> dict[Place, Any]:
    return {place: getattr(one, name) for place, one in words.items()}


def flat(words: Words, name: str) -> dict[Any, float]:
    """Numbers of all minutes in one dictionary, as approx takes them."""
    return {(place, key): value for place, values in field(words, name).items() for key, value in values.items()}


def test_every_rule_gives_the_same_answer(compared: tuple[Words, Words]) -> None:
    assert field(compared[0], "answers") == field(compared[1], "answers")


def test_every_rule_measures_the_same_against_the_same_limit(compared: tuple[Words, Words]) -> None:
    assert flat(compared[0], "numbers") == near_to(flat(compared[1], "numbers"))


def test_the_contracts_are_ranked_alike_and_lose_for_the_same_reasons(compared: tuple[Words, Words]) -> None:
    assert field(compared[0], "ranking") == field(compared[1], "ranking")


def test_the_contracts_have_the_same_scores(compared: tuple[Words, Words]) -> None:
    assert flat(compared[0], "scores") == near_to(flat(compared[1], "scores"))


def test_the_same_contract_is_chosen_and_the_size_halved_alike(compared: tuple[Words, Words]) -> None:
    assert field(compared[0], "chosen") == field(compared[1], "chosen")
