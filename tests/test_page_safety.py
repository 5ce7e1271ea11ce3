"""No text from outside becomes part of the page: it is set as text, by parts that know no other way."""

import ast
import re

import pytest

from tests.sources import ROOT, modules, tree

DASHBOARD = modules("dashboard")
SINKS = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc|createContext")
READERS_OF_HTML = {
    "HTML",
    "Markdown",
    "Str",
    "Alert",
    "StaticText",
    "Card",
    "Tabulator",
    "Typography",
    "JSON",
    "DataFrame",
}
ADDRESS = re.compile(r"https?://(?!www\.sqlite\.org)")


def test_there_is_something_to_look_at() -> None:
    assert len(DASHBOARD) > 15


@pytest.mark.parametrize("path", DASHBOARD, ids=str)
def test_no_part_reads_text_as_html(path: object) -> None:
    text = (ROOT / str(path)).read_text(encoding="utf-8")
    assert SINKS.findall(text) == []


@pytest.mark.parametrize("path", DASHBOARD, ids=str)
def test_no_part_of_panel_that_reads_html_is_used(path: object) -> None:
    names = {node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}  # type: ignore[arg-type]
    assert names & READERS_OF_HTML == set()


@pytest.mark.parametrize("path", DASHBOARD, ids=str)
def test_no_part_names_an_address_outside(path: object) -> None:
    assert ADDRESS.findall((ROOT / str(path)).read_text(encoding="utf-8")) == []
