"""Accounts of the page: made once, kept as hashes in a private file, locked after five wrong tries in a minute."""

from pathlib import Path

import pytest

from dashboard.accounts import ROLES, TRIES, Accounts, BadLogin, Visitor, renew

OPERATOR, VIEWER = Visitor("operator"), Visitor("viewer")


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Made(Accounts):
    """Accounts of a new file with a clock that a test moves; `words` are the passwords that were told."""

    def __init__(self, path: Path) -> None:
        self.told, self.clock, self.wall = list[str](), Clock(), Clock()
        super().__init__(path, self.told.append, self.clock, self.wall)
        self.words = dict(line.split()[-2:] for line in self.told[:2])


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path / "login.json")


def test_the_first_start_tells_passwords_and_keeps_none(made: Made, tmp_path: Path) -> None:
    assert set(made.words) == set(ROLES)
    text = (tmp_path / "login.json").read_text()
    assert not any(word in text for word in made.words.values())
    assert (tmp_path / "login.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["login.json"]


def test_a_second_start_knows_the_same_passwords_and_tells_nothing(made: Made, tmp_path: Path) -> None:
    told: list[str] = []
    again = Accounts(tmp_path / "login.json", told.append, wall=made.wall)
    assert (told, again.enter("operator", made.words["operator"])) == ([], OPERATOR)
    assert again.visitor(made.cookie(VIEWER)) == VIEWER


@pytest.mark.parametrize(("name", "of"), [("operator", "viewer"), ("viewer", "operator"), ("admin", "operator")])
def test_a_password_opens_its_own_account_only(made: Made, name: str, of: str) -> None:
    assert made.enter(name, made.words[of]) == 0.0
    assert made.enter(of, made.words[of]) == Visitor(of)  # type: ignore[arg-type]  # one of the roles


def test_five_wrong_tries_lock_an_account_until_the_first_is_a_minute_old(made: Made) -> None:
    for _ in range(TRIES):
        made.clock.now += 2
        assert made.enter("operator", "wrong") == 0.0
    made.clock.now += 10
    assert made.enter("operator", made.words["operator"]) == 60.0 - 18.0
    assert made.enter("viewer", made.words["viewer"]) == VIEWER
    made.clock.now += 42
    assert made.enter("operator", made.words["operator"]) == OPERATOR


def test_a_right_password_forgets_wrong_ones(made: Made) -> None:
    for _ in range(3):
        for _ in range(TRIES - 1):
            assert made.enter("operator", "wrong") == 0.0
        assert made.enter("operator", made.words["operator"]) == OPERATOR


def test_unknown_names_are_locked_together(made: Made) -> None:
    for number in range(TRIES):
        assert made.enter(f"name {number}", "wrong") == 0.0
    assert made.enter("another", "wrong") == 60.0
    assert made.enter("operator", made.words["operator"]) == OPERATOR


@pytest.mark.parametrize("cookie", [None, "", "operator", "2|1:0|10:1|11:scalp_login|4:b3A=|00", "\N{BLACK STAR}"])
def test_what_is_no_cookie_of_ours_is_nobody(made: Made, cookie: str | None) -> None:
    assert made.visitor(cookie) is None


def test_a_cookie_that_is_changed_foreign_or_old_is_nobody(made: Made, tmp_path: Path) -> None:
    own = made.cookie(VIEWER)
    assert made.visitor(own) == VIEWER
    assert made.visitor(own[:-1] + ("0" if own[-1] != "0" else "1")) is None
    assert made.visitor(Made(tmp_path / "other.json").cookie(OPERATOR)) is None
    for hours, who in ((11, VIEWER), (2, None)):
        made.wall.now += hours * 3600
        assert made.visitor(own) == who


def test_a_login_that_was_ended_is_nobody_in_any_tab(made: Made) -> None:
    one, other = made.cookie(OPERATOR), made.cookie(OPERATOR)
    made.leave(one)
    assert (made.visitor(one), made.visitor(other)) == (None, OPERATOR)


def test_a_new_password_ends_the_logins_of_its_account(made: Made, tmp_path: Path) -> None:
    cookies = made.cookie(OPERATOR), made.cookie(VIEWER)
    word = renew(tmp_path / "login.json", "operator")
    again = Accounts(tmp_path / "login.json", wall=made.wall)
    assert [again.visitor(cookie) for cookie in cookies] == [None, VIEWER]
    assert (again.enter("operator", made.words["operator"]), again.enter("operator", word)) == (0.0, OPERATOR)


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660])
def test_a_file_that_others_may_read_is_refused(made: Made, tmp_path: Path, mode: int) -> None:
    (tmp_path / "login.json").chmod(mode)
    with pytest.raises(BadLogin, match="chmod 600"):
        Accounts(tmp_path / "login.json")


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"key": "a", "accounts": {"viewer": {"salt": "", "hash": ""}}}', "\0"]
)
def test_a_file_that_is_torn_or_foreign_is_refused_with_what_to_do(tmp_path: Path, text: str) -> None:
    path = tmp_path / "login.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(BadLogin, match="take it away"):
        Accounts(path)


def test_a_link_is_refused(made: Made, tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to(tmp_path / "login.json")
    with pytest.raises(BadLogin, match="a link"):
        Accounts(tmp_path / "link.json")
