"""A tape over a split of QQQ: the signals of the day after it are those of a market that was never split."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from bytewax.testing import TestingSink, run_main
from msgspec.structs import replace

from flows.scalp import scalp
from flows.tape.reader import Tape
from flows.tape.source import Reading, TapeSource
from operators import sessions
from operators.config import EngineSettings, ScalpConfig
from operators.events import MINUTE_NS, AnyEvent, Bar, Split
from operators.market import Market
from operators.records import Record, SignalRecord
from operators.steps import Desks
from tests.made_tapes import TUESDAY
from tests.play import Line, started, tape_events
from tests.tape_builders import write

pytest_plugins = ("tests.tape_fixtures",)

OPEN_NS = sessions.at(TUESDAY, sessions.OPEN)
TOLD_NS = OPEN_NS - 30 * MINUTE_NS


def tenth(bar: Bar) -> Bar:
    """A bar in shares of which there are ten for each of before."""
    prices = {name: getattr(bar, name) / 10 for name in ("open", "high", "low", "close")}
    return replace(bar, **prices, volume=bar.volume * 10)


def numbered(events: Sequence[AnyEvent]) -> list[AnyEvent]:
    return [replace(event, seq=seq) for seq, event in enumerate(events, 1)]


def split_before_tuesday(events: Sequence[AnyEvent], *, told: bool) -> list[AnyEvent]:
    """The tape as if QQQ had been split ten for one over night, told with the bars of before or not at all."""
    before = [event for event in events if event.at_ns < OPEN_NS]
    after = [event for event in events if event.at_ns >= OPEN_NS]
    bars = [event for event in before if isinstance(event, Bar) and event.ticker == "QQQ"]
    again = [replace(tenth(bar), at_ns=TOLD_NS + 1 + place, history=True) for place, bar in enumerate(bars)]
    news = [Split(0, TOLD_NS, TOLD_NS, "QQQ", TUESDAY, 1.0, 10.0), *again]
    changed = [tenth(event) if isinstance(event, Bar) and event.ticker == "QQQ" else event for event in after]
    return numbered([*before, *(news if told else ()), *changed])


def played(events: Sequence[AnyEvent]) -> list[Record]:
    return Line().play([started(events[0].at_ns), *events])


def signals(records: Sequence[Record]) -> list[tuple[str, str, str | None]]:
    """Signal ids with what became of them: ids hold ticker, bar and direction and no price."""
    return [(one.signal_id, one.decision, one.code) for one in records if isinstance(one, SignalRecord)]


@pytest.fixture(scope="module")
def events(made_tape: Path) -> list[AnyEvent]:
    return tape_events(made_tape)


def test_the_signals_after_it_are_those_without_a_split(events: list[AnyEvent]) -> None:
    told, whole = (signals(played(tape)) for tape in (split_before_tuesday(events, told=True), events))
    assert told == whole
    assert len(told) > 10


def test_untold_it_makes_other_signals(events: list[AnyEvent]) -> None:
    untold = signals(played(split_before_tuesday(events, told=False)))
    assert untold != signals(played(events))


@pytest.mark.parametrize("batch", [1, 1000])
def test_its_tape_replays_the_same_in_batches_of_any_size(events: list[AnyEvent], tmp_path: Path, batch: int) -> None:
    told = split_before_tuesday(events, told=True)
    path = write(tmp_path / "split.tape", told)
    out: list[tuple[str, Record]] = []
    config, settings = ScalpConfig(), EngineSettings()
    source = TapeSource(started(told[0].at_ns), Tape(path).events(), batch, Reading())
    run_main(scalp(source, TestingSink(out), Market(config, settings), Desks(config, settings)))
    assert [record for _, record in out] == played(told)
