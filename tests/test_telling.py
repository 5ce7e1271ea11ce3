"""What an engine says: JSON lines with codes, each of which the operations page lists, and figures for Prometheus."""

import ast
import json
import logging
import re

import pytest

from flows.engine.telling import CODES, Changes, libraries_tell, tell
from tests.sources import ROOT, modules, tree


def listed() -> dict[str, str]:
    """The codes of the operations page with their meanings."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| ([IWE]\d{3}) \| ([^|]+?) \|", text, re.M))


def used() -> set[str]:
    """All codes that stand in the program as a text of their own."""
    nodes = [node for path in modules("flows") for node in ast.walk(tree(path)) if isinstance(node, ast.Constant)]
    return {node.value for node in nodes if isinstance(node.value, str) and re.fullmatch(r"[IWE]\d{3}", node.value)}


def told(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_every_code_is_on_the_operations_page_with_its_meaning() -> None:
    assert listed() == {code: meaning for code, (_, meaning) in CODES.items()}


def test_every_code_is_used_and_every_used_one_is_listed() -> None:
    assert used() == set(CODES)


def test_the_level_is_that_of_the_codes_letter() -> None:
    letters = {"info": "I", "warning": "W", "error": "E"}
    assert {code: letters[level] for code, (level, _) in CODES.items()} == {code: code[0] for code in CODES}


def test_an_unlisted_code_is_refused() -> None:
    with pytest.raises(KeyError):
        tell("W999")


def test_a_line_is_one_object_whatever_its_facts_hold(capsys: pytest.CaptureFixture[str]) -> None:
    tell("W101", detail='locked\n{"code": "I002"}')
    (line,) = told(capsys)
    assert (line["code"], line["level"], line["detail"]) == ("W101", "warning", 'locked\n{"code": "I002"}')


def test_what_goes_on_is_said_once_and_so_is_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    changes = Changes("W101", "I003")
    for wrong in ("", "locked", "still locked", "", ""):
        changes.look(wrong)
    assert [line["code"] for line in told(capsys)] == ["W101", "I003"]


def test_what_a_library_logs_is_told_once_in_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = list(root.handlers)
    libraries_tell()
    libraries_tell()
    logging.getLogger("psycopg").info("connected")
    logging.getLogger("psycopg").warning("error ignored %s", "in a pipeline\n")
    root.handlers[:] = before
    (line,) = told(capsys)
    assert (line["code"], line["library"], line["detail"]) == ("W110", "psycopg", "error ignored in a pipeline\n")
