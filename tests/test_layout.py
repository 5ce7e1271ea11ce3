"""The shape of the project: which part may import which, what operators may not do, and how large things may be."""

import ast
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests.sources import PACKAGES, ROOT, imported, modules, roots, tracked, tree

OPERATORS, FLOWS, DASHBOARD = (modules(package) for package in PACKAGES)
OURS = [*OPERATORS, *FLOWS, *DASHBOARD]
TOP_FOLDERS = {".ci", "alembic", "benchmarks", "dashboard", "docs", "flows", "operators", "tests"}
TOP_FILES = {".gitignore", "CHANGELOG.md", "Makefile", "Procfile", "README.md", "pyproject.toml", "requirements.lock"}
WORLD = {
    *("sqlalchemy", "alembic", "psycopg", "sqlite3", "pyarrow", "msgpack", "typer", "rich", "requests", "httpx"),
    *("os", "io", "time", "random", "secrets", "socket", "pathlib", "subprocess", "threading", "asyncio", "urllib"),
    *("logging", "tempfile", "shutil", "sys", "uuid", "reactivex"),
}
CLOCKS = re.compile(r"\b(datetime\.(now|utcnow|today)|date\.today|time\.(time|monotonic|perf_counter)|random\.\w+)$")
TOUCHING = {"open", "print", "input", "eval", "exec", "__import__"}
REASONED = re.compile(r"# type: ignore\[[\w, -]+\]\s+# \S+ \S+")
SAYS_NOTHING = {"models", "utils", "helpers", "common", "base"}
LINES, FUNCTION_LINES = 250, 30
TEXT = {".py", ".md", ".toml", ".lock", ".mako", ".csv", ".txt", ".yml", ".yaml", ".cfg", ".ini", ".json", ".sh", ""}
HOST = re.compile(r"--(extra-)?index-url|--find-links|https?://[^\s\"')]*(/simple\b|pypi|nexus|artifactory)", re.I)
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(home|root|Users|work|mnt|data)/\w+")


def faults(paths: Iterable[Path], look: Callable[[Path], Any]) -> dict[str, Any]:
    """What was found wrong, by file; empty where nothing is."""
    return {str(path): found for path in paths if (found := look(path))}


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_there_is_something_to_look_at() -> None:
    assert len(OPERATORS) > 20
    assert len(FLOWS) > 20


def test_operators_import_nothing_of_ours_but_operators() -> None:
    assert faults(OPERATORS, lambda path: roots(path) & {"flows", "dashboard", "tests", "benchmarks"}) == {}


def test_flows_import_no_dashboard() -> None:
    assert faults(FLOWS, lambda path: roots(path) & {"dashboard", "tests", "benchmarks"}) == {}


def test_the_dashboard_uses_records_settings_and_operators_only() -> None:
    def others(path: Path) -> list[str]:
        own = [name for name in imported(path) if name.partition(".")[0] in {"flows", "tests", "benchmarks"}]
        return [name for name in own if not name.startswith(("flows.records.", "flows.settings."))]

    assert faults(DASHBOARD, others) == {}


def test_operators_know_bytewax_in_steps_alone() -> None:
    assert [path.name for path in OPERATORS if "bytewax" in roots(path)] == ["steps.py"]


def test_operators_import_nothing_that_touches_the_world() -> None:
    assert faults(OPERATORS, lambda path: roots(path) & WORLD) == {}


def test_operators_read_no_clock_and_no_chance() -> None:
    def clocks(path: Path) -> list[str]:
        names = [ast.unparse(node) for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)]
        return [name for name in names if CLOCKS.search(name)]

    assert faults(OPERATORS, clocks) == {}


def test_operators_open_and_print_nothing() -> None:
    def calls(path: Path) -> set[str]:
        called = [node.func for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
        return {call.id for call in called if isinstance(call, ast.Name)} & TOUCHING

    assert faults(OPERATORS, calls) == {}


def test_nothing_is_ever_unpickled() -> None:
    assert faults(OURS, lambda path: roots(path) & {"pickle", "shelve", "marshal", "dill", "cloudpickle"}) == {}


def test_a_module_is_at_most_250_lines() -> None:
    def lines(path: Path) -> int:
        count = len((ROOT / path).read_text(encoding="utf-8").splitlines())
        return count if count > LINES else 0

    assert faults(OURS, lines) == {}


def test_a_function_is_at_most_30_lines() -> None:
    def long(path: Path) -> dict[str, int]:
        sizes = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions(path)}
        return {name: size for name, size in sizes.items() if size > FUNCTION_LINES}

    assert faults(OURS, long) == {}


def test_a_module_is_named_for_what_it_holds() -> None:
    names = {path.stem for path in OURS if not path.stem.startswith("__")}
    assert names & SAYS_NOTHING == set()
    assert names & sys.stdlib_module_names == set()


def test_a_check_of_types_is_switched_off_only_with_a_reason() -> None:
    def bare(path: Path) -> list[str]:
        lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
        return [line for line in lines if "type: ignore" in line and not REASONED.search(line)]

    assert faults(OURS, bare) == {}


def test_the_top_level_is_as_the_user_wants_it() -> None:
    folders = {path.parts[0] for path in tracked() if len(path.parts) > 1}
    files = {path.name for path in tracked() if len(path.parts) == 1}
    assert {"alembic", "dashboard", "flows", "operators", "tests"} <= folders <= TOP_FOLDERS
    assert {"README.md", "Makefile", "Procfile", "pyproject.toml"} <= files <= TOP_FILES


def test_the_migrations_are_no_package_of_the_librarys_name() -> None:
    assert list((ROOT / "alembic").rglob("__init__.py")) == []


def test_the_flow_fits_on_two_screens() -> None:
    assert len((ROOT / "flows" / "scalp.py").read_text().splitlines()) <= 100


def texts() -> list[Path]:
    return [path for path in tracked() if path.suffix in TEXT and path.name not in ("test_layout.py", "sources.py")]


def text(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def test_no_file_names_a_package_registry() -> None:
    assert faults(texts(), lambda path: HOST.findall(text(path))) == {}


def test_no_file_names_a_folder_of_one_machine() -> None:
    assert faults(texts(), lambda path: [match.group() for match in MACHINE_PATH.finditer(text(path))]) == {}


def test_recorded_data_is_not_part_of_the_project() -> None:
    suffixes = {".gz", ".zip", ".parquet", ".csv", ".db"}
    assert [path for path in tracked() if path.suffix in suffixes] == []
    assert [path for path in tracked() if path.suffix == ".tape"] == [
        Path(f"tests/tapes/{name}.tape") for name in ("broker", "chains", "engine", "split", "version1")
    ]
