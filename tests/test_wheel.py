"""The program as a wheel: built from what git holds, it carries its migrations and finds them."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.sources import ROOT, tracked

REVISIONS = {"136_options_scalper.py", "137_books_and_records.py", "138_option_candidates.py"}
ENSURE = """
import sys
from flows.records.database import ensure, head, migrations_folder, open_database, revision
engine = open_database(sys.argv[1], create=True)
ensure(engine)
print(migrations_folder(), revision(engine), head())
engine.dispose()
"""


def run(words: list[str], cwd: Path, path: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    environment |= {"PYTHONPATH": path, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INDEX": "1"}
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one wheel that pip makes of a copy of the tracked files."""
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    for path in tracked():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, copy / path)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(out),
        ".",
    ]
    run(command, copy, "")
    (made,) = out.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_wheel_holds_the_migrations(wheel: Path) -> None:
    wanted = {"flows/migrations/env.py", *(f"flows/migrations/versions/{name}" for name in REVISIONS)}
    assert wanted - set(names(wheel)) == set()


def test_the_wheel_has_no_folder_of_another_librarys_name(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in names(wheel)}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"operators", "flows", "dashboard"}


def test_the_wheel_holds_every_module(wheel: Path) -> None:
    ours = {path.as_posix() for path in tracked() if path.suffix == ".py"}
    assert {name for name in ours if name.startswith(("operators/", "flows/", "dashboard/"))} - set(
        names(wheel)
    ) == set()


def test_the_wheel_names_the_command(wheel: Path) -> None:
    (entry,) = (name for name in names(wheel) if name.endswith("entry_points.txt"))
    with zipfile.ZipFile(wheel) as archive:
        assert "scalp = flows.entry:main" in archive.read(entry).decode()


def test_an_unpacked_wheel_brings_a_new_database_to_head(unpacked: Path, tmp_path: Path) -> None:
    said = run([sys.executable, "-c", ENSURE, f"sqlite:///{tmp_path / 'records.db'}"], tmp_path, str(unpacked))
    folder, revision, head = said.split()
    assert Path(folder) == unpacked / "flows" / "migrations"
    assert revision == head
    assert [
        name for name in sorted(path.name for path in Path(folder, "versions").iterdir()) if name.startswith(f"{head}_")
    ]


def test_an_unpacked_wheel_answers_for_help(unpacked: Path, tmp_path: Path) -> None:
    code = "import sys; sys.argv = ['scalp', '--help']; from flows.entry import main; main()"
    assert "replay" in run([sys.executable, "-c", code], tmp_path, str(unpacked))
