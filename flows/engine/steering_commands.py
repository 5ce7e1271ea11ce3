"""`scalp pause`, `resume`, `flatten`, `kill`, `rearm`, `mode`, `ticker`: asked by a row, told by the audit."""

import getpass
import json
import time
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from flows.faults import BAD_INPUT, RUN_FAILED, fail, faults_of_input
from flows.options import DatabaseOption, ModeName

if TYPE_CHECKING:
    from flows.records.steering import Answer
    from operators.events import Action

steering = typer.Typer()
AccountOption = Annotated[str, typer.Option(help="the account or book; by itself that of the only engine that runs")]
ANSWER_SECONDS: Final = 5.0


@steering.command()
def pause(account: AccountOption = "", database: DatabaseOption = None) -> None:
    """No new entries; exits go on."""
    _ask("pause", "", account, database)


@steering.command()
def resume(account: AccountOption = "", database: DatabaseOption = None) -> None:
    """Entries again, after a pause or the engine's own restraint."""
    _ask("resume", "", account, database)


@steering.command()
def flatten(account: AccountOption = "", database: DatabaseOption = None) -> None:
    """Sell everything that is held; entries go on."""
    _ask("flatten", "", account, database)


@steering.command()
def kill(
    account: AccountOption = "",
    database: DatabaseOption = None,
    state: Annotated[Path | None, typer.Option(help="the engine's folder: asks by a file, without a database")] = None,
) -> None:
    """Cancel entries, sell everything, halt until a rearm."""
    if state is None:
        return _ask("kill", "", account, database)
    from flows.records.steering import kill_by_file

    with faults_of_input():
        file = kill_by_file(state)
    print(f"asked by {file}; the engine takes the file away when its tape has the command")
    return None


@steering.command()
def rearm(
    reason: Annotated[str, typer.Argument(help="why trading may begin again")],
    account: AccountOption = "",
    database: DatabaseOption = None,
) -> None:
    """End HALTED."""
    _ask("rearm", reason, account, database)


@steering.command()
def mode(
    instruments: Annotated[ModeName, typer.Argument(help="what new entries may buy")],
    account: AccountOption = "",
    database: DatabaseOption = None,
) -> None:
    """Change what new entries may buy; what is held keeps its exits."""
    _ask("mode", instruments.value, account, database)


@steering.command()
def ticker(
    name: Annotated[str, typer.Argument(help="one of scalp_tickers")],
    switch: Annotated[str, typer.Argument(help="on, off, long or short")],
    account: AccountOption = "",
    database: DatabaseOption = None,
) -> None:
    """Switch a ticker's entries on or off, or leave one direction of them."""
    _ask("ticker", f"{name} {switch}", account, database)


@steering.command()
def status(account: AccountOption = "", database: DatabaseOption = None) -> None:
    """Say whether the engine lives, what it holds and what it may do."""
    from flows.engine.status import lines
    from flows.records.database import database_url, ensure, open_database
    from flows.records.engines import known, meant

    with faults_of_input():
        engine = open_database(database_url(database), create=False)
        ensure(engine)
        now = datetime.now(UTC)
        books = [meant(engine, account)] if account else [one.book_id for one in known(engine, now)]
        for line in chain.from_iterable(lines(engine, book_id, now) for book_id in books):
            print(line)
        engine.dispose()
    if not books:
        print("no engine has run on this database")


def _ask(action: "Action", argument: str, account: str, database: str | None) -> None:
    """Asks, and says what came of it; exit code 3 if the engine refused or gave no answer."""
    from flows.records.database import database_url, ensure, open_database
    from flows.records.engines import meant
    from flows.records.steering import answer, ask

    if not argument.isprintable():
        fail(f"{action} {argument!r}: expected printable text", BAD_INPUT)
    with faults_of_input():
        engine = open_database(database_url(database), create=False)
        ensure(engine)
        book_id = meant(engine, account)
        number = ask(engine, book_id, getpass.getuser(), action, argument)
        until = time.monotonic() + ANSWER_SECONDS
        while (found := answer(engine, number)) is None and time.monotonic() < until:
            time.sleep(0.05)
        engine.dispose()
    _tell(f"{action} of {book_id} (command {number})", found)


def _tell(what: str, found: "Answer | None") -> None:
    if found is None:
        fail(f"{what}: no answer in {ANSWER_SECONDS:.0f} s; see `scalp status`, and that the engine runs", RUN_FAILED)
    if found.refused is not None:
        fail(f"{what} did nothing: {found.refused}", RUN_FAILED)
    print(f"{what}: {_shown(found.before)} -> {_shown(found.after)}")


def _shown(state: str | None) -> str:
    row = json.loads(state or "{}")
    reason = f" ({row['reason']})" if row.get("reason") else ""
    switched = "".join(f", {name} {side}" for name, side in sorted(row.get("tickers", {}).items()))
    return f"{row.get('trading')}{reason}, {row.get('mode')}{switched}"
