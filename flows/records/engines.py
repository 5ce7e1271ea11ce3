"""Which engines have run on a database, and which of them a person means."""

from datetime import UTC, datetime
from typing import Final, NamedTuple

from sqlalchemy import Engine, select

from flows.records.database import reading
from flows.records.heartbeat import STALE_SECONDS
from flows.records.tables import heartbeat

OF_ENGINES: Final = ("paper", "live")
"""How the books of engines begin; those of replays are steered by nobody."""


class NoEngine(ValueError):
    """Nobody is meant, or more than one; the message says who there is, and how to name one."""


class Known(NamedTuple):
    """An engine by its book, and whether it gave a sign of life just now."""

    book_id: str
    alive: bool

    @property
    def account(self) -> str:
        """The account of its book: a paper account's name, a broker's id."""
        return self.book_id.partition(":")[2]


def known(engine: Engine, now: datetime) -> list[Known]:
    """All engines of a database, by their books. Raises DatabaseUnavailable."""
    columns = (heartbeat.c.book_id, heartbeat.c.state, heartbeat.c.beat_at)
    with reading(engine, few=True) as connection:
        rows = connection.execute(select(*columns).order_by(heartbeat.c.book_id)).all()
    found = [
        Known(row.book_id, row.state == "running" and (now - row.beat_at).total_seconds() <= STALE_SECONDS)
        for row in rows
    ]
    return [one for one in found if one.book_id.partition(":")[0] in OF_ENGINES]


def meant(engine: Engine, account: str) -> str:
    """The book of the engine with this account or book; without a name the one that runs, or the only one there is.

    Raises NoEngine and DatabaseUnavailable.
    """
    there = known(engine, datetime.now(UTC))
    if not there:
        raise NoEngine("no engine has run on this database: name its --database")
    named = [one for one in there if account in ("", one.account, one.book_id)]
    alive = [one for one in named if one.alive]
    found = alive if len(named) > 1 and not account else named
    if len(found) == 1:
        return found[0].book_id
    raise NoEngine(_why(account, there, found))


def _why(account: str, there: list[Known], found: list[Known]) -> str:
    told = ", ".join(f"{one.book_id} ({'runs' if one.alive else 'does not run'})" for one in there)
    if not account:
        return f"{len(found)} of {len(there)} engines of this database run: name one with --account: {told}"
    whose = "that of several engines" if found else "that of no engine"
    return f"account {account} is {whose} of this database: name one with --account: {told}"
