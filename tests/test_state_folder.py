"""The folder of an engine's state: private, no link, and for one engine at a time."""

import fcntl
import multiprocessing
import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.engine.state import BadState, Locked, StateFolder

LIMIT_SECONDS = 30.0
NOBODY = 65_534


@pytest.fixture
def open_umask() -> Iterator[None]:
    """A umask that takes no right away, so that only the folder's own mode does."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def of_another(path: Path) -> Path:
    """A folder of another user: only root can give one away, and for everybody else root's own is one."""
    if os.getuid() != 0:
        return Path("/")
    path.mkdir(mode=0o700)
    os.chown(path, NOBODY, NOBODY)
    return path


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def contents(path: Path) -> dict[str, tuple[bytes, int]]:
    """Every file and folder under a path: its bytes, and when it was changed."""
    found = sorted(path.rglob("*"))
    return {
        str(one.relative_to(path)): (one.read_bytes() if one.is_file() else b"", one.stat().st_mtime_ns)
        for one in [path, *found]
    }


def locked(path: Path) -> StateFolder:
    folder = StateFolder(path)
    folder.lock()
    return folder


def hold(path: Path, held: Any) -> None:
    """Takes the folder and keeps it until the process is killed."""
    locked(path)
    held.set()
    signal.pause()


def test_a_new_folder_is_private_whatever_the_umask(path: Path, open_umask: None) -> None:
    locked(path).release()
    assert (mode(path), mode(path / "tape"), mode(path / "lock")) == (0o700, 0o700, 0o600)


def test_a_folder_that_is_there_is_taken_as_it_is(path: Path) -> None:
    path.mkdir(mode=0o700)
    (path / "notes").write_text("mine")
    locked(path).release()
    assert (path / "notes").read_text() == "mine"


def test_making_it_writes_nothing_into_it(path: Path) -> None:
    StateFolder(path)
    assert list(path.iterdir()) == []


def test_it_names_its_parts(path: Path) -> None:
    folder = StateFolder(path)
    assert (folder.tape, folder.hints, folder.kill) == (path / "tape", path / "checkpoints", path / "kill")


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_refused(path: Path, tmp_path: Path, there: bool) -> None:
    if there:
        (tmp_path / "real").mkdir(mode=0o700)
    path.symlink_to(tmp_path / "real")
    with pytest.raises(BadState, match="is a symbolic link: name the folder itself"):
        StateFolder(path)


@pytest.mark.parametrize("open_to", [0o750, 0o705, 0o710, 0o701, 0o720, 0o702, 0o777, 0o755])
def test_a_folder_that_is_open_to_others_is_refused(path: Path, open_to: int) -> None:
    path.mkdir()
    path.chmod(open_to)
    with pytest.raises(BadState, match=rf"open to others \(mode 0{open_to:o}\): close it with `chmod 700"):
        StateFolder(path)
    assert mode(path) == open_to


def test_a_folder_of_another_user_is_refused(of_another: Path) -> None:
    with pytest.raises(BadState, match=f"belongs to user .*, not to {os.getuid()}: name a folder of your own"):
        StateFolder(of_another)


def test_a_file_is_refused_and_kept(path: Path) -> None:
    path.write_text("mine")
    with pytest.raises(BadState, match="is a file: name a folder"):
        StateFolder(path)
    assert path.read_text() == "mine"


def test_a_folder_in_a_missing_folder_is_not_made(path: Path) -> None:
    with pytest.raises(BadState, match="state does not exist: make it first"):
        StateFolder(path / "deeper")
    assert not path.exists()


def test_a_tape_that_is_a_link_is_refused(path: Path, tmp_path: Path) -> None:
    folder = StateFolder(path)
    (tmp_path / "real").mkdir(mode=0o700)
    folder.tape.symlink_to(tmp_path / "real")
    with pytest.raises(BadState, match="tape is a symbolic link"):
        folder.lock()
    folder.release()


def test_a_tape_that_is_open_to_others_is_refused(path: Path) -> None:
    folder = StateFolder(path)
    folder.tape.mkdir()
    folder.tape.chmod(0o755)
    with pytest.raises(BadState, match="tape is open to others"):
        folder.lock()
    folder.release()


def test_a_lock_that_is_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    folder = StateFolder(path)
    (path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadState, match="symbolic link"):
        folder.lock()
    assert not (tmp_path / "elsewhere").exists()


def test_a_second_engine_is_refused_and_has_written_nothing(path: Path) -> None:
    first = locked(path)
    before = contents(path)
    with pytest.raises(Locked, match=r"another engine runs on .*state; stop it first, or name another --state"):
        StateFolder(path).lock()
    assert contents(path) == before
    first.release()


def test_a_lock_is_not_taken_twice_by_its_own_engine(path: Path) -> None:
    folder = locked(path)
    with pytest.raises(Locked):
        folder.lock()
    folder.release()


def test_a_refused_engine_does_not_free_the_lock(path: Path) -> None:
    first, second = locked(path), StateFolder(path)
    for _ in range(2):
        with pytest.raises(Locked):
            second.lock()
        second.release()
    first.release()


def test_two_folders_are_two_engines(tmp_path: Path) -> None:
    folders = [locked(tmp_path / name) for name in ("one", "two")]
    assert [folder.tape.is_dir() for folder in folders] == [True, True]
    for folder in folders:
        folder.release()


def test_a_released_folder_is_free(path: Path) -> None:
    folder = locked(path)
    folder.release()
    folder.release()
    locked(path).release()


def test_the_lock_of_another_process_holds_until_it_dies(path: Path) -> None:
    forks = multiprocessing.get_context("forkserver")
    held = forks.Event()
    engine = forks.Process(target=hold, args=(path, held), daemon=True)
    engine.start()
    assert held.wait(LIMIT_SECONDS)
    with pytest.raises(Locked):
        StateFolder(path).lock()
    engine.kill()
    engine.join(LIMIT_SECONDS)
    locked(path).release()


def taken(path: Path) -> str:
    """The name of the folder's tape, as one engine after the other hears it."""
    folder = StateFolder(path)
    folder.lock()
    folder.release()
    return folder.tape_id


def test_its_tape_has_one_name_although_no_run_began_it(path: Path, tmp_path: Path) -> None:
    assert len(taken(path)) == 16
    assert taken(path) == taken(path) != taken(tmp_path / "other")


@pytest.mark.parametrize("kept", [0, 1, 15])
def test_half_a_name_is_none(path: Path, kept: int) -> None:
    known = taken(path)
    os.truncate(path / "lock", kept)
    made = taken(path)
    assert len(made) == 16
    assert taken(path) == made != known


def looked_at(path: Path) -> StateFolder:
    folder = StateFolder(path, make=False)
    folder.look()
    return folder


def test_a_look_makes_nothing(path: Path) -> None:
    assert looked_at(path).tape_id == ""
    assert not path.exists()
    path.mkdir(mode=0o700)
    assert looked_at(path).tape_id == ""
    assert list(path.iterdir()) == []


def test_a_look_changes_nothing_and_frees_the_folder_at_once(path: Path) -> None:
    known = taken(path)
    before = contents(path)
    assert looked_at(path).tape_id == known
    assert contents(path) == before
    locked(path).release()


def test_a_look_at_a_folder_that_an_engine_has_says_so_and_knows_its_tape(path: Path) -> None:
    first, second = locked(path), StateFolder(path, make=False)
    with pytest.raises(Locked, match="another engine runs on"):
        second.look()
    assert second.tape_id == first.tape_id
    with pytest.raises(Locked):
        StateFolder(path).lock()
    first.release()


def test_two_looks_at_once_do_not_disturb_each_other(path: Path) -> None:
    locked(path).release()
    with (path / "lock").open() as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        looked_at(path)


@pytest.mark.parametrize("name", ["lock", "tape"])
def test_a_look_refuses_links_as_the_lock_does(path: Path, tmp_path: Path, name: str) -> None:
    folder = StateFolder(path)
    (path / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadState, match=f"{name} is a symbolic link"):
        folder.look()
