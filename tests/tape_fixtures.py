"""Fixtures of tapes, made once a session; a test module asks for them with `pytest_plugins`."""

from pathlib import Path

import pytest

from tests.made_tapes import MONDAY, TUESDAY, WARM, tape


@pytest.fixture(scope="session")
def made_tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four sessions of history, then Monday and Tuesday; its own signals buy TQQQ and SQQQ."""
    return tape(tmp_path_factory.mktemp("made"), (*WARM, MONDAY, TUESDAY), history=4)
