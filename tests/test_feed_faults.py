"""A bad line, by seed: what it takes away, doubles and brings too late."""

from collections import Counter
from itertools import pairwise

import pytest

from flows.feeds.faults import FAULTS, HELD, SILENT_EVENTS, BadFaults, chosen, faulty
from operators.events import AnyEvent, Bar, Quote

MANY = 60_000
EVENTS: list[AnyEvent] = [Quote(seq, seq, seq, "TQQQ", 50.0, 50.01) for seq in range(1, MANY + 1)]


def through(*faults: str, seed: int = 1) -> list[int]:
    """The places of the events that come through."""
    return [event.seq for event in faulty(EVENTS, chosen(",".join(faults)), seed)]


def test_a_good_line_changes_nothing() -> None:
    assert list(faulty(EVENTS, frozenset(), 1)) == EVENTS


def test_drops_take_single_events_away_and_keep_the_order() -> None:
    found = through("drops")
    assert 0.98 * MANY < len(found) < 0.995 * MANY
    assert found == sorted(set(found))


def test_duplicates_come_right_behind() -> None:
    found = through("duplicates")
    twice = [place for place, count in Counter(found).items() if count > 1]
    assert 0.005 * MANY < len(twice) < 0.02 * MANY
    assert sorted(set(found)) == list(range(1, MANY + 1))
    assert found == sorted(found)


def test_reordering_loses_nothing_and_holds_an_event_back_by_a_few() -> None:
    found = through("reordering")
    assert sorted(found) == list(range(1, MANY + 1))
    assert found != sorted(found)
    assert max(place - seq for place, seq in enumerate(found, 1)) <= HELD + 1


def test_silence_takes_many_events_in_a_row() -> None:
    found = through("silence")
    gaps = [after - before - 1 for before, after in pairwise(found)]
    assert max(gaps) >= SILENT_EVENTS
    assert {gap for gap in gaps if 0 < gap < SILENT_EVENTS} == set()


def test_the_same_seed_goes_wrong_in_the_same_way_and_another_does_not() -> None:
    assert through(*FAULTS) == through(*FAULTS)
    assert through(*FAULTS) != through(*FAULTS, seed=2)


def test_history_comes_whole() -> None:
    history: list[AnyEvent] = [
        Bar(seq, seq, seq, "QQQ", 1.0, 1.0, 1.0, 1.0, 1.0, history=True) for seq in range(1, 5_000)
    ]
    assert list(faulty(history, frozenset(FAULTS), 1)) == history


def test_all_means_all_and_nothing_none() -> None:
    assert (chosen("all"), chosen("")) == (frozenset(FAULTS), frozenset())


@pytest.mark.parametrize("text", ["rain", "drops,rain", "drops;silence"])
def test_an_unknown_fault_is_refused_with_those_that_are(text: str) -> None:
    with pytest.raises(BadFaults, match="drops, silence, duplicates, reordering"):
        chosen(text)
