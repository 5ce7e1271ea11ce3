"""A recorder on either database, or on one that another program may lock. None shows life unless a test asks for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from flows.records import recorder as module
from flows.records.database import ensure, open_database
from tests.recorders import Desk


@pytest.fixture
def lifeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """No sign of life comes between what a test counts; tests of life ask for one."""
    monkeypatch.setattr(module, "BEAT_SECONDS", 1e9)


@pytest.fixture
def desk(engine: Engine, tmp_path: Path, lifeless: None) -> Desk:
    return Desk(engine, tmp_path)


@pytest.fixture
def impatient(
    sqlite_url: str,
    tmp_path: Path,
    lifeless: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Desk]:
    """A desk that does not wait for a lock, and tries again at once."""
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    opened = open_database(f"{sqlite_url}?timeout=0", create=True)
    ensure(opened)
    yield Desk(opened, tmp_path)
    opened.dispose()
