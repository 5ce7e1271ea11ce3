"""How commands speak: faults as one line and an exit code, warnings, progress on a terminal.

Imports that only some commands need stand where they are needed: `scalp --help` should not wait for a database library.
"""

import errno
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import typer
from typer import Abort
from typer.exceptions import TyperException

BAD_INPUT, RUN_FAILED = 2, 3
NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


def fail(message: object, code: int) -> NoReturn:
    """Ends the command with one line on stderr."""
    print(f"scalp: {' '.join(str(message).split())}", file=sys.stderr)
    raise typer.Exit(code)


def warn(message: str) -> None:
    """Says something on stderr that does not end the command."""
    print(f"scalp: warning: {message}", file=sys.stderr)


@contextmanager
def faults_of_input() -> Iterator[None]:
    """Turns what a person can mend into one line and exit code 2; faults of the program pass."""
    from flows.mendable import FAULTS

    try:
        yield
    except FAULTS as fault:
        fail(fault, BAD_INPUT)
    except OSError as fault:
        if fault.errno not in NO_ROOM:
            raise
        fail(f"{fault}: make room, or name another place", BAD_INPUT)


def run_command(command: Callable[..., object]) -> int:
    """Runs the command line and gives its exit code; what is wrong with its words is one line, not a box."""
    try:
        code = command(standalone_mode=False)
    except typer.Exit as end:
        return end.exit_code
    except TyperException as fault:
        print(f"scalp: {' '.join(fault.format_message().split())} (see --help)", file=sys.stderr)
        return BAD_INPUT
    except Abort:
        return RUN_FAILED
    return code if isinstance(code, int) else 0


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, silence elsewhere."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=total)
        yield lambda done: bar.update(task, completed=done)
