"""The default feed: a simulated market, made once and then played like a recording."""

from pathlib import Path
from typing import Final

from flows.market.generate import generate
from flows.market.plan import FIRST, planned

SESSIONS: Final = 5


def simulated(folder: Path, seed: int) -> Path:
    """The tape of a simulated market in a folder, both made if they are not there."""
    folder.mkdir(exist_ok=True)
    tape = folder / f"seed-{seed}.tape"
    if not tape.exists():
        generate(planned(None, "", FIRST, seed=seed, sessions=SESSIONS), tape)
    return tape
