"""The folder of an engine's state: its lock, its tape, the hint where its checkpoints are.

It belongs to the user who runs the engine, nobody else may look in, and no part of it is a link.
"""

import fcntl
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from flows.records.steering import KILL_FILE

LOCK, TAPE, HINTS = "lock", "tape", "checkpoints"
ID_BYTES: Final = 8
PRIVATE: Final = 0o700


class BadState(ValueError):
    """A folder that cannot hold an engine's state; the message says why and what to do."""


class Locked(Exception):
    """Another engine has the folder."""


class StateFolder:
    """An engine's folder, made if it is missing; `lock` has to come before anything is written.

    Raises BadState for a folder that is a link, belongs to another user or is open to others.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.is_symlink():
            raise BadState(f"{path} is a symbolic link: name the folder itself")
        if path.exists() and not path.is_dir():
            raise BadState(f"{path} is a file: name a folder")
        if not path.parent.is_dir():
            raise BadState(f"the folder {path.parent} does not exist: make it first")
        path.mkdir(mode=PRIVATE, exist_ok=True)
        self.check(path)
        self.tape, self.hints, self.kill = path / TAPE, path / HINTS, path / KILL_FILE
        self.tape_id = ""
        self._lock: int | None = None

    def lock(self) -> None:
        """Takes the folder for this process until it ends. Raises Locked, before anything was written.

        `tape_id` then names the folder's tape, whatever became of the runs that were to begin it.
        """
        if (self.path / LOCK).is_symlink():
            raise BadState(f"{self.path / LOCK} is a symbolic link: take it away")
        descriptor = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(descriptor)
            raise Locked(f"another engine runs on {self.path}; stop it first, or name another --state") from error
        self._lock = descriptor
        try:
            self.tape_id = _tape_id(descriptor)
            self._take_tape()
        except BaseException:
            self.release()
            raise

    def _take_tape(self) -> None:
        if self.tape.is_symlink():
            raise BadState(f"{self.tape} is a symbolic link: put the folder itself there")
        self.tape.mkdir(mode=PRIVATE, exist_ok=True)
        self.check(self.tape)

    def release(self) -> None:
        """Lets another engine have the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def check(self, path: Path) -> None:
        """Raises BadState for a folder that belongs to another user or is open to others."""
        found = path.stat()
        if found.st_uid != os.getuid():
            raise BadState(f"{path} belongs to user {found.st_uid}, not to {os.getuid()}: name a folder of your own")
        if stat.S_IMODE(found.st_mode) & 0o077:
            mode = stat.S_IMODE(found.st_mode)
            raise BadState(f"{path} is open to others (mode {mode:04o}): close it with `chmod 700 {path}`")


def existing(path: Path) -> StateFolder:
    """The folder of an engine that has begun, to be looked at: nothing is made. Raises BadState."""
    if not path.exists():
        raise BadState(f"{path} does not exist: name the --state of an engine")
    folder = StateFolder(path)
    if folder.tape.exists():
        folder.check(folder.tape)
    return folder


def _tape_id(lock: int) -> str:
    """The name in the lock file, made where there is none: the database may know it before the tape has an event."""
    known = os.pread(lock, 2 * ID_BYTES, 0)
    if len(known) < 2 * ID_BYTES:
        known = secrets.token_hex(ID_BYTES).encode()
        os.pwrite(lock, known, 0)
        os.fsync(lock)
    return known.decode()
