"""A replay's memory does not grow with the tape: state is small, records are written away."""

import re
from pathlib import Path

import pytest

from flows.tape.bars import import_bars
from tests.commands import MAIN, process
from tests.cuts import cut

WATCHED = f"""
import atexit, sys
from pathlib import Path
atexit.register(lambda: print(Path("/proc/self/status").read_text(), file=sys.stderr))
{MAIN}
"""
"""VmHWM belongs to the memory of this very process; getrusage would also count that of the one that started it."""
MOST_MEBIBYTES = 300.0
ONE, TEN = ("2025-04-08", 5), ("2025-04-22", 14)
"""The first day that is left out and the sessions up to it: four of history, then 1 or 10. 18 April is Good Friday."""


def tape(shared_data: Path, folder: Path, until: str, sessions: int) -> Path:
    """TQQQ and SQQQ from 2025-04-01 on."""
    folder.mkdir()
    year = shared_data / "bars_1m_2025"
    files = [cut(year / f"{name}.csv.gz", folder / f"{name}.csv", "2025-04-01", until) for name in ("TQQQ", "SQQQ")]
    assert import_bars(files, folder / "bars.tape", ticker=None).sessions == sessions
    return folder / "bars.tape"


def peak_mebibytes(path: Path, cwd: Path) -> float:
    said = process("replay", path, "--set", 'scalp_tickers=["TQQQ","SQQQ"]', cwd=cwd, code=WATCHED)
    assert said.code == 0, said
    (kibibytes,) = re.findall(r"VmHWM:\s+(\d+) kB", said.err)
    return int(kibibytes) / 1024


def test_ten_sessions_take_no_more_memory_than_one(shared_data: Path, tmp_path: Path) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("the kernel tells no peak of memory in /proc")
    one = peak_mebibytes(tape(shared_data, tmp_path / "one", *ONE), tmp_path)
    ten = peak_mebibytes(tape(shared_data, tmp_path / "ten", *TEN), tmp_path)
    assert ten <= 1.1 * one
    assert ten < MOST_MEBIBYTES
