"""Ctrl-C while the program loads, and before it has begun anything: exit code 130 and not a word."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from flows.entry import INTERRUPTED
from tests.commands import ROOT, SECONDS, Said, process

pytest_plugins = ("tests.tape_fixtures",)

AT_THE_IMPORT = """
import os, signal, sys

class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupts())
{start}
"""
"""A program that is interrupted when it begins to import a module."""
ENTRY = "from flows.entry import main; main()"
FAKE = "import runpy; runpy.run_module('tests.fakes.alpaca', run_name='__main__', alter_sys=True)"
SILENT = Said(INTERRUPTED, "", "")


def interrupted(module: str, start: str, *words: object, cwd: Path) -> Said:
    return process(*words, cwd=cwd, code=AT_THE_IMPORT.format(module=module, start=start))


@pytest.mark.parametrize("module", ["flows.cli", "typer", "flows.engine.commands", "flows.tape.commands"])
def test_while_the_command_line_loads(tmp_path: Path, module: str) -> None:
    assert interrupted(module, ENTRY, "rules", cwd=tmp_path) == SILENT


@pytest.mark.parametrize("module", ["flows.mendable", "sqlalchemy", "bytewax.inputs", "numpy", "flows.engine.process"])
def test_while_an_engine_loads(tmp_path: Path, module: str) -> None:
    assert interrupted(module, ENTRY, "run", "--state", tmp_path / "state", cwd=tmp_path) == SILENT
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("module", ["tests.fakes.alpaca.command", "tornado.web", "tests.fakes.alpaca.server"])
def test_while_the_fake_alpaca_loads(made_tape: Path, tmp_path: Path, module: str) -> None:
    assert interrupted(module, FAKE, "--tape", made_tape, cwd=tmp_path) == SILENT


@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.2, 0.4])
def test_once_the_fake_alpaca_has_taken_the_place_of_the_command(made_tape: Path, seconds: float) -> None:
    words = [sys.executable, "-c", ENTRY, "fake-alpaca", "--tape", str(made_tape)]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as fake:
        command = Path(f"/proc/{fake.pid}/cmdline")
        until = time.monotonic() + SECONDS
        while b"tests.fakes.alpaca" not in command.read_bytes():
            assert time.monotonic() < until
            os.sched_yield()
        with suppress(subprocess.TimeoutExpired):
            fake.wait(seconds)
        fake.send_signal(signal.SIGINT)
        _, err = fake.communicate(timeout=SECONDS)
    assert (err, fake.returncode in (0, INTERRUPTED)) == ("", True)  # one that serves ends in order
