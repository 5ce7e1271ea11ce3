"""What `scalp doctor` finds on this machine: tables, disk and state folder; nothing is changed."""

import os
import shutil
from datetime import date
from pathlib import Path
from typing import Final, Literal, NamedTuple

from flows.engine.state import BadState, Locked, StateFolder
from flows.records.database import database_url, file_of
from flows.records.faults import UnusableDatabase
from operators import fomc
from operators.config import ScalpConfig

Status = Literal["ok", "warn", "FAIL"]
FOMC_DAYS: Final = 60
"""Two meetings are some 45 days apart: so long before the table ends there is time for a newer one."""
LOW_BYTES: Final = 1_000_000_000
"""Some fifteen sessions of an engine's tape (docs/operations.md, "How long the tape is kept")."""
MEGABYTE: Final = 1_000_000


class Finding(NamedTuple):
    """What was found of one thing, and what to do about it."""

    status: Status
    what: str
    found: str
    to_do: str = ""

    def __str__(self) -> str:
        return f"{self.status:4}  {self.what}: {self.found}{' - ' if self.to_do else ''}{self.to_do}"


def statements(today: date, config: ScalpConfig) -> Finding:
    """How far the table of the Federal Reserve's statements reaches."""
    end, what = date(fomc.COVERED_TO, 12, 31), "FOMC dates"
    days = (end - today).days
    if not config.no_scalp_around_fomc:
        return Finding("ok", what, "no_scalp_around_fomc is off, they are not asked for")
    if days < 0:
        return Finding("FAIL", what, f"the table ended on {end}, every entry is refused", "install a newer version")
    found = f"the table reaches to {end}, {days} days"
    return Finding("ok", what, found) if days >= FOMC_DAYS else Finding("warn", what, found, "install a newer version")


def disks(state: Path, given: str | None) -> list[Finding]:
    """How much room the disks of state and database have."""
    found = [_disk("disk of the state", state)]
    try:
        path = file_of(database_url(given))
    except UnusableDatabase:
        return found
    if path is None:
        return [*found, Finding("ok", "disk of the database", "on its server, not asked")]
    return [*found, _disk("disk of the database", path)]


def _disk(what: str, path: Path) -> Finding:
    there = next(one for one in (path.absolute(), *path.absolute().parents) if one.exists())
    return room(what, shutil.disk_usage(there).free)


def room(what: str, free_bytes: int) -> Finding:
    """Whether so many bytes are enough."""
    found = f"{free_bytes // MEGABYTE:,} MB free"
    if free_bytes >= LOW_BYTES:
        return Finding("ok", what, found)
    return Finding("warn", what, found, f"make room: {LOW_BYTES // MEGABYTE:,} MB at least")


def folder(state: Path) -> Finding:
    """Whether the state folder is its user's alone and no engine has it, or whether it can be made."""
    what = "state folder"
    try:
        StateFolder(state, make=False).look()
    except (BadState, Locked, OSError) as fault:
        return Finding("FAIL", what, str(fault))
    if state.exists():
        return Finding("ok", what, f"{state} is open to nobody else, and no engine runs on it")
    if not os.access(state.parent, os.W_OK):
        return Finding("FAIL", what, f"{state} cannot be made", f"make {state.parent} writable for you")
    return Finding("ok", what, f"{state} is not there yet, the first start makes it")
