"""Cuts of the recorded bars, written where a test wants them: the data are private and stay where they are."""

import gzip
from pathlib import Path


def cut(source: Path, out: Path, first: str, end: str) -> Path:
    """The heading and the rows whose stamp begins with a date from `first` up to, not including, `end`."""
    with gzip.open(source, "rt") as lines, out.open("w") as file:
        file.write(next(lines))
        file.writelines(line for line in lines if first <= line[:10] < end)
    return out
