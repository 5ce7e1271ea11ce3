"""The command `scalp` as a test runs it: in this process for speed, or as a process for what only that shows."""

import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from flows.cli import main

ROOT = Path(__file__).parents[1]
MAIN = "from flows.entry import main; main()"
SECONDS = 300


class Said(NamedTuple):
    """What a command answered."""

    code: int
    out: str
    err: str


def scalp(*words: object) -> Said:
    """Runs the command's own entry point in this process."""
    out, err = StringIO(), StringIO()
    with patch.object(sys, "argv", ["scalp", *map(str, words)]), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
            code: object = 0
        except SystemExit as end:
            code = end.code
    assert isinstance(code, int | None)
    return Said(code or 0, out.getvalue(), err.getvalue())


def process(*words: object, cwd: Path, code: str = MAIN, **variables: str) -> Said:
    """Runs the command as a process in a folder; `code` is what Python is given to run."""
    return _run([sys.executable, "-c", code, *map(str, words)], cwd, variables)


def module(*words: object, cwd: Path, **variables: str) -> Said:
    """Runs `python -m` with these words in a folder."""
    return _run([sys.executable, "-m", *map(str, words)], cwd, variables)


def _run(command: list[str], cwd: Path, variables: dict[str, str]) -> Said:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SCALP_", "RUST_", "COV"))}
    environment = kept | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"} | variables
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    return Said(done.returncode, done.stdout, done.stderr)


def complaint(said: Said, code: int = 2) -> str:
    """The one line of a refusal: nothing on stdout, the expected exit code, no traceback."""
    assert (said.code, said.out) == (code, ""), said
    lines = said.err.splitlines()
    assert len(lines) == 1, f"{len(lines)} lines on stderr:\n{said.err}"
    assert lines[0].startswith("scalp: ")
    return lines[0].removeprefix("scalp: ")


def told(said: Said) -> Any:
    """The one JSON object of `--json`."""
    assert said.code == 0, said
    assert len(said.out.splitlines()) == 1
    return json.loads(said.out)


def replayed(*words: object, database: str, mode: str = "leveraged_etf") -> Any:
    """The summary of a replay into a database."""
    return told(scalp("replay", *words, "--mode", mode, "--database", database, "--json"))
