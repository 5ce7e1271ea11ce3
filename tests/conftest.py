"""What every test may ask for."""

import os
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

from tests.sources import roots

# A change lands or does not, the same each time; whoever runs the tests by hand explores further. No test is timed.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("by hand", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "by hand")
LONGEST = "test_desk_model.py"
"""A minute and more in one piece: begun last, all workers but one would wait for it."""


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The recorded sessions beside the project: skips without them, fails where SCALP_REQUIRE_ALL is set."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if folder.is_dir():
        return folder
    reason = f"{folder} is absent: recorded data is private and not part of the project"
    if os.environ.get("SCALP_REQUIRE_ALL"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what is measured: quick tests of `operators/` that need nothing else of ours; the longest comes first."""
    items.sort(key=lambda item: item.path.name != LONGEST)
    for item in items:
        if item.get_closest_marker("slow") is None and _asks_operators_alone(item.path):
            item.add_marker("measured")


@cache
def _asks_operators_alone(path: Path) -> bool:
    return "operators" in roots(path) and roots(path).isdisjoint({"flows", "dashboard"})
