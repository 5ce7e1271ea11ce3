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
    """An engine's folder, with `make` made if it is missing; `lock` has to come before anything is written.

    Raises BadState for a folder that is a link, belongs to another user or is open to others.
    """

    def __init__(self, path: Path, *, make: bool = True) -> None:
        self.path = path
        if path.is_symlink():
            raise BadState(f"{path} is a symbolic link: name the folder itself")
        if path.exists() and not path.is_dir():
            raise BadState(f"{path} is a file: name a folder")
        if not path.parent.is_dir():
            raise BadState(f"the folder {path.parent} does not exist: make it first")
        if make:
            path.mkdir(mode=PRIVATE, exist_ok=True)
        if path.exists():
            self.check(path)
        self.tape, self.hints, self.kill = path / TAPE, path / HINTS, path / KILL_FILE
        self.tape_id = ""
        self._lock: int | None = None

    def lock(self) -> None:
        """Takes the folder for this process until it ends. Raises Locked, before anything was written.

        `tape_id` then names the folder's tape, whatever became of the runs that were to begin it.
        """
        descriptor = self._opened(os.O_RDWR | os.O_CREAT)
        try:
            self._hold(descriptor, fcntl.LOCK_EX)
            self.tape_id = _known(descriptor) or _made(descriptor)
            self._check_tape()
            self.tape.mkdir(mode=PRIVATE, exist_ok=True)
            self.check(self.tape)
        except BaseException:
            os.close(descriptor)
            raise
        self._lock = descriptor

    def look(self) -> None:
        """Raises what `lock` would, but makes nothing, and holds the lock for no longer than it takes to ask.

        `tape_id` is known then, empty where nothing has named the tape yet.
        """
        self._check_tape()
        try:
            descriptor = self._opened(os.O_RDONLY)
        except FileNotFoundError:
            return
        try:
            self.tape_id = _known(descriptor)
            self._hold(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    def _opened(self, way: int) -> int:
        """The lock file. Raises BadState."""
        if (self.path / LOCK).is_symlink():
            raise BadState(f"{self.path / LOCK} is a symbolic link: take it away")
        return os.open(self.path / LOCK, way | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    def _hold(self, descriptor: int, kind: int) -> None:
        """Raises Locked."""
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Locked(f"another engine runs on {self.path}; stop it first, or name another --state") from error

    def _check_tape(self) -> None:
        """Raises BadState for a tape that is a link, and as `check`."""
        if self.tape.is_symlink():
            raise BadState(f"{self.tape} is a symbolic link: put the folder itself there")
        if self.tape.exists():
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
    folder = StateFolder(path, make=False)
    if folder.tape.exists():
        folder.check(folder.tape)
    return folder


def _known(lock: int) -> str:
    """The tape's name in the lock file, empty if there is none: half a name is none."""
    known = os.pread(lock, 2 * ID_BYTES, 0)
    return known.decode() if len(known) == 2 * ID_BYTES else ""


def _made(lock: int) -> str:
    """A new name, safe in the lock file: the database may know it before the tape has an event."""
    made = secrets.token_hex(ID_BYTES)
    os.pwrite(lock, made.encode(), 0)
    os.fsync(lock)
    return made
