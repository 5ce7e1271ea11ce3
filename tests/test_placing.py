"""What the broker of a running engine hears of kills and rearms: a kill counts from when it is asked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.brokers.reconciling import Standing
from flows.engine.placing import Placing
from flows.settings import load
from operators.audit import AuditRecord
from operators.desk import Desk
from operators.events import Action, Command
from operators.steps import Desks
from tests.fakes.exchange import Exchange
from tests.journals import Make, makes
from tests.rows import NOON, etf_scalp
from tests.tape_builders import T0, first_types

STARTED = first_types()[0]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    yield from makes(tmp_path)


@pytest.fixture
def placing(make: Make) -> Iterator[Placing]:
    settings = load()
    desks = Desks(settings.scalp, settings.engine)
    desks.books[STARTED.book_id] = Desk.started(STARTED, settings.scalp, settings.engine)
    made = Placing(Exchange(), STARTED, make(), desks, lambda: T0)
    yield made
    made._thread._loop.close()


def audited(action: Action, refused: str | None = None) -> AuditRecord:
    """The desk's row on a command."""
    return AuditRecord(
        book_id=STARTED.book_id,
        tape_seq=1,
        command_id=None,
        at=NOON,
        actor="ann",
        action=action,
        argument="why",
        refused=refused,
        before="{}",
        after="{}",
    )


def halted(placing: Placing) -> bool:
    return placing._thread._sending.halted


def kill(placing: Placing) -> None:
    placing.put(Command(0, 0, 0, "kill", "ann"))


def test_a_scalp_that_ends_without_an_order_is_no_longer_believed(placing: Placing) -> None:
    placing._standing = Standing({"TQQQ": 133}, ())
    placing.wrote([etf_scalp()])
    assert placing._standing == Standing({}, [])


def test_a_kill_counts_before_the_desk_has_read_it(placing: Placing) -> None:
    kill(placing)
    assert halted(placing)


def test_a_rearm_lets_entries_out_again(placing: Placing) -> None:
    kill(placing)
    placing.wrote([audited("kill")])
    placing.wrote([audited("rearm")])
    assert not halted(placing)


def test_a_rearm_that_was_refused_does_not(placing: Placing) -> None:
    kill(placing)
    placing.wrote([audited("kill"), audited("rearm", "a rearm needs a reason")])
    assert halted(placing)


def test_a_rearm_from_before_a_kill_that_is_still_to_be_read_does_not(placing: Placing) -> None:
    kill(placing)
    placing.wrote([audited("kill")])
    kill(placing)
    placing.wrote([audited("rearm")])
    assert halted(placing)
    placing.wrote([audited("kill")])
    assert halted(placing)
    placing.wrote([audited("rearm")])
    assert not halted(placing)


def test_of_two_kills_the_later_counts(placing: Placing) -> None:
    kill(placing)
    kill(placing)
    placing.wrote([audited("kill"), audited("rearm")])
    assert halted(placing)
