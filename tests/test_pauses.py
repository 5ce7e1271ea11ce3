"""An engine's start and its garbage collector."""

import gc
import sys

import pytest

from flows.engine.pauses import SWITCH_SECONDS, from_now_on, while_starting


def test_nothing_is_collected_while_an_engine_starts_and_again_afterwards() -> None:
    with while_starting():
        inside = gc.isenabled()
    assert (inside, gc.isenabled()) == (False, True)


def test_a_start_that_fails_leaves_collections_on() -> None:
    with pytest.raises(ZeroDivisionError), while_starting():
        1 / 0  # noqa: B018  # any fault
    assert gc.isenabled()


def test_what_is_there_is_not_looked_at_again() -> None:
    before = gc.get_freeze_count()
    kept, switching = [[], {}], sys.getswitchinterval()
    try:
        from_now_on()
        assert gc.get_freeze_count() > before
        assert not any(kept is one for one in gc.get_objects())
        assert sys.getswitchinterval() == pytest.approx(SWITCH_SECONDS)
    finally:
        gc.unfreeze()
        sys.setswitchinterval(switching)
