"""Who may look at the page and who may steer: two accounts in a private file, with passwords that it cannot tell.

Run as `python -m dashboard.accounts operator` it gives an account a new password and ends its logins.
"""

import hashlib
import hmac
import os
import secrets
import stat
import sys
import time
from collections import deque
from collections.abc import Callable
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Final, Literal, NamedTuple

import msgspec
from tornado.web import create_signed_value, decode_signed_value

Role = Literal["operator", "viewer"]
ROLES: Final[tuple[Role, ...]] = ("operator", "viewer")
FILE: Final = "SCALP_LOGIN"
"""Environment variable that names the file."""
DEFAULT_FILE: Final = "scalp-login.json"
COOKIE: Final = "scalp_login"
COOKIE_HOURS: Final = 12
TRIES, TRIES_SECONDS = 5, 60.0
"""So many wrong passwords in so many seconds lock an account, the right one included."""
PASSWORD_BYTES: Final = 12
COST: Final = {"n": 2**14, "r": 8, "p": 1, "maxmem": 64 * 1024 * 1024}
"""scrypt's parameters for interactive logins: 16 MB and some 50 ms a try. Source: RFC 7914, section 2."""


class BadLogin(ValueError):
    """A file that cannot be used; the message says why and what to do."""


class Account(msgspec.Struct, frozen=True):
    """What is known of a password: 16 random bytes and scrypt's answer, both in hex."""

    salt: str
    hash: str


class Kept(msgspec.Struct, frozen=True):
    """The file: the key that signs cookies, and the account of each role."""

    key: str
    accounts: dict[Role, Account]


class Visitor(NamedTuple):
    """Who looks: the account's name is its role."""

    name: Role

    @property
    def steers(self) -> bool:
        """Whether this visitor may ask anything of an engine."""
        return self.name == "operator"


class Accounts:
    """The accounts of a file, which is made with new passwords where it is missing: `tell` hears them, once.

    `clock` counts the tries, `wall` is the time by which a cookie grows old; both in seconds.
    Raises BadLogin for a file of another user, one that others may read, and one that is no such file.
    """

    def __init__(
        self,
        path: Path,
        tell: Callable[[str], None] = print,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._clock, self._wall, self._turn = clock, wall, Lock()
        self._wrong: dict[str, deque[float]] = {role: deque() for role in (*ROLES, "")}
        self._left: set[str] = set()
        if not path.exists():
            made = {role: secrets.token_urlsafe(PASSWORD_BYTES) for role in ROLES}
            _keep(path, Kept(secrets.token_hex(32), {role: _hashed(word) for role, word in made.items()}))
            for role, word in made.items():
                tell(f"login of the page: {role} {word}")
            again = f"{FILE}={path} make password NAME=operator"
            tell(f"they are told this once; {path} keeps hashes; a new one: `{again}`")
        self._kept = _read(path)

    def enter(self, name: str, password: str) -> Visitor | float:
        """The visitor; for a wrong name or password 0.0; for a locked account the seconds until the next try."""
        role = next((role for role in ROLES if role == name), None)
        with self._turn:
            now, wrong = self._clock(), self._wrong[role or ""]
            while wrong and now - wrong[0] >= TRIES_SECONDS:
                wrong.popleft()
            if len(wrong) >= TRIES:
                return TRIES_SECONDS - (now - wrong[0])
            wrong.append(now)  # counted before it is looked at: tries at the same time count too
        known = self._kept.accounts[role or "viewer"]  # an unknown name takes as long as a known one
        right = hmac.compare_digest(_scrypt(password, known.salt), known.hash) and role is not None
        if not right or role is None:
            return 0.0
        with self._turn:
            self._wrong[role].clear()
        return Visitor(role)

    def cookie(self, visitor: Visitor) -> str:
        """A signed text that stands for the visitor until the password changes, or COOKIE_HOURS have passed."""
        said = f"{visitor.name} {self._kept.accounts[visitor.name].hash[:16]} {secrets.token_hex(8)}"
        return create_signed_value(self._kept.key, COOKIE, said, clock=self._wall).decode()

    def visitor(self, cookie: str | None) -> Visitor | None:
        """Who a cookie stands for; None for a missing, foreign, changed, old or ended one."""
        if cookie is None or cookie in self._left:
            return None
        said = decode_signed_value(self._kept.key, COOKIE, cookie, COOKIE_HOURS / 24, clock=self._wall)
        name, known, _ = (said or b"- - -").decode().split(" ")
        for role, account in self._kept.accounts.items():
            if role == name and account.hash[:16] == known:
                return Visitor(role)
        return None

    def leave(self, cookie: str | None) -> None:
        """Ends a login, in all its tabs."""
        if self.visitor(cookie) is not None and cookie is not None:
            self._left.add(cookie)


def renew(path: Path, role: Role) -> str:
    """Gives an account a new password, which is returned, and ends its logins at the page's next start."""
    kept, word = _read(path), secrets.token_urlsafe(PASSWORD_BYTES)
    _keep(path, msgspec.structs.replace(kept, accounts=kept.accounts | {role: _hashed(word)}))
    return word


def _read(path: Path) -> Kept:
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise BadLogin(f"{path} is open to others, of another user or a link: see to it with `chmod 600 {path}`")
        kept = msgspec.json.decode(path.read_bytes(), type=Kept)
    except (OSError, msgspec.MsgspecError) as error:
        raise BadLogin(f"{path} cannot be read ({error}): take it away, the next start makes a new one") from error
    missing = [role for role in ROLES if role not in kept.accounts]
    if missing:
        raise BadLogin(f"{path} has no {missing[0]}: take it away, the next start makes a new one")
    return kept


def _keep(path: Path, kept: Kept) -> None:
    """Puts the file there whole: nobody reads half of it, or reads it before it is private."""
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(kept))
    beside.replace(path)


def _hashed(password: str) -> Account:
    salt = secrets.token_hex(16)
    return Account(salt, _scrypt(password, salt))


def _scrypt(password: str, salt: str) -> str:
    return hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), **COST).hex()


def login_file() -> Path:
    """Where the accounts are kept."""
    return Path(os.environ.get(FILE) or DEFAULT_FILE)


@cache
def accounts() -> Accounts:
    """Those of this process."""
    return Accounts(login_file(), lambda line: print(line, flush=True))


if __name__ == "__main__":
    names = [role for role in ROLES if [role] == sys.argv[1:]]
    if not names:
        sys.exit(f"expected one of {', '.join(ROLES)}")
    try:
        print(f"{names[0]} {renew(login_file(), names[0])}; it holds from the page's next start on")
    except BadLogin as fault:
        sys.exit(str(fault))
