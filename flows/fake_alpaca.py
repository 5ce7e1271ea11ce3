"""`scalp fake-alpaca`: the Alpaca of the tests, to try clients out without an account; it is part of the checkout."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from flows.entry import hold_back
from flows.faults import BAD_INPUT, fail

ROOT: Final = Path(__file__).parents[1]
PROGRAM: Final = "tests.fakes.alpaca"


class Frames(StrEnum):
    """How trade updates come: a paper account's are binary, a live one's text."""

    BINARY = "binary"
    TEXT = "text"
    BOTH = "both"


def fake_alpaca(
    tape: Annotated[Path, typer.Option(help="the market that it plays")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="port on 127.0.0.1; 0 for any that is free")] = 0,
    speed: Annotated[float, typer.Option(help="times the tape's own time")] = 1.0,
    lock_step: Annotated[bool, typer.Option(help="the next event comes when POST /fake/next asks for it")] = False,
    faults: Annotated[Path | None, typer.Option(help="JSON list of what goes wrong, see docs/brokers.md")] = None,
    frames: Annotated[Frames, typer.Option(help="of trade updates")] = Frames.BINARY,
    latency_ms: Annotated[int, typer.Option(min=0, help="of the tape's time, from a request to the exchange")] = 0,
) -> None:
    """Play a tape as an Alpaca that is not: REST and streams on 127.0.0.1 for the clients of alpaca-py."""
    if not (ROOT / PROGRAM.replace(".", "/")).is_dir():
        fail(f"the fake is part of the project's checkout, and {ROOT} is none: run it from there", BAD_INPUT)
    pace = ["--lock-step"] if lock_step else ["--speed", str(speed)]
    script = [] if faults is None else ["--faults", str(faults)]
    words = ["--tape", str(tape), "--port", str(port), *pace, *script, "--frames", frames.value]
    # In the place of this process, so that Ctrl-C and signals reach it; -P: a folder `tests` beside the tape is not it.
    command = [sys.executable, "-P", "-m", PROGRAM, *words, "--latency-ms", str(latency_ms)]
    hold_back()
    os.execve(sys.executable, command, {**os.environ, "PYTHONPATH": str(ROOT)})  # noqa: S606  # our own program
