"""Say in one sentence why a database cannot be used; a fault of our own SQL stays the exception that it is."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, OperationalError

# Beginnings of SQLite's extended result names, https://www.sqlite.org/rescode.html
SQLITE_REASONS = {
    "SQLITE_BUSY": "is locked by another program; wait until it ends or stop it",
    "SQLITE_LOCKED": "is locked by another program; wait until it ends or stop it",
    "SQLITE_READONLY": "cannot be written; make the file and its folder writable",
    "SQLITE_CANTOPEN": "cannot be opened; its folder may be missing or closed to this user",
    "SQLITE_NOTADB": "is a file but no SQLite database; name another file",
    "SQLITE_CORRUPT": "is damaged; restore it or record into a new file",
    "SQLITE_FULL": "has no room left on its disk; make room",
    "SQLITE_IOERR": "cannot be read or written: its disk reports an error",
}
# Beginnings of SQLSTATE, appendix A of the PostgreSQL manual.
POSTGRES_REASONS = {
    "08": "lost its connection; see that the server runs",
    "57P": "ended the connection; the server was stopped or an administrator cut it",
    "53": "is out of connections, memory or disk; make room on the server",
    "55P03": "has a table locked by another session; wait until it ends or stop it",
    "40": "was changed by another session at the same moment; run it again",
    "28": "refuses this user or password; correct the URL",
    "3D000": "does not exist on the server; make it with createdb",
    "25006": "cannot be written: the server is read-only; use its primary",
    "42501": "does not let this user do that; grant it the rights",
    "42P01": "has lost a table of ours; restore it or record into a new database",
}


class UnusableDatabase(Exception):
    """The program cannot work with this database as it is; the message is one sentence for the person at the desk."""


class DatabaseUnavailable(UnusableDatabase):
    """Locked, read-only, unreachable, missing, or no address of a database at all."""


class OldDatabase(UnusableDatabase):
    """The tables are those of an earlier program; an upgrade brings them up."""


class NewDatabase(UnusableDatabase):
    """The tables are those of a later program, or of none that we know."""


def masked(url: URL) -> str:
    """The address as it may be shown: no password, neither before the host nor among the parameters."""
    shown = {key: "***" if "password" in key.lower() else value for key, value in url.query.items()}
    return url.set(query=shown).render_as_string(hide_password=True).replace("%2A%2A%2A", "***")


@contextmanager
def reaching(url: URL) -> Iterator[None]:
    """Raises DatabaseUnavailable where the world is at fault, and hands on what is a fault of the program."""
    try:
        yield
    except DBAPIError as error:
        reason = _reason(error)
        if reason is None:
            raise
        raise DatabaseUnavailable(f"database {masked(url)} {_without_password(reason, url)}") from error


def _reason(error: DBAPIError) -> str | None:
    name, state = getattr(error.orig, "sqlite_errorname", None), getattr(error.orig, "sqlstate", None)
    said = " ".join(str(error.orig).split())
    for reasons, code in ((SQLITE_REASONS, name), (POSTGRES_REASONS, state)):
        for beginning, reason in reasons.items():
            if code is not None and code.startswith(beginning):
                return f"{reason} ({said})"
    if name == "SQLITE_ERROR" and said.startswith("no such table"):
        return f"{POSTGRES_REASONS['42P01']} ({said})"
    if name is None and state is None and isinstance(error, OperationalError):
        return f"cannot be reached; see that the server runs and the URL is right ({said})"
    return None


def _without_password(sentence: str, url: URL) -> str:
    for key, value in (("password", url.password), *url.query.items()):
        if "password" in key.lower() and isinstance(value, str) and value:
            sentence = sentence.replace(value, "***")
    return sentence
