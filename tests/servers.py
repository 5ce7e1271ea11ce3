"""A private PostgreSQL server on loopback that may be stopped, hang, and go on or be started again."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal

from tests.ui.running import free_port


class Postgres:
    """A server in a folder of its own; it is made and not yet started."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.started = folder, free_port(), False
        self.tools = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        trust = ("--auth=trust", "--username=root", "--encoding=UTF8")
        self._run("initdb", *trust, "--wal-segsize=1", f"--pgdata={folder / 'data'}")
        self.url = f"postgresql+psycopg://root@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c unix_socket_directories={self.folder}"
        self._run("pg_ctl", f"--pgdata={self.folder / 'data'}", "--wait", f"--log={self.folder / 'log'}",
                  f"--options={options}", "start")  # fmt: skip
        self.started = True

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stops it: `fast` ends its connections first, `immediate` is a crash."""
        self._run("pg_ctl", f"--pgdata={self.folder / 'data'}", f"--mode={mode}", "--wait", "stop")
        self.started = False

    def hang(self) -> None:
        """It answers nobody from now on, and closes no connection."""
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        """It goes on where it hung."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        parent = int((self.folder / "data" / "postmaster.pid").read_text(encoding="utf-8").split()[0])
        for pid in (parent, *_children(parent)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _run(self, tool: str, *words: str) -> None:
        # It refuses to run as root.
        as_postgres = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*as_postgres, str(self.tools / tool), *words]
        subprocess.run(command, check=True, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _children(parent: int) -> Iterator[int]:
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = status.read_text(encoding="utf-8").rpartition(")")[2].split()
            if int(fields[1]) == parent:
                yield int(status.parent.name)
