"""docs/rules.md: it is what the code makes, it has every setting and code once, and its figures are the code's."""

import re
from pathlib import Path
from string import Formatter

import pytest

from flows import rulebook
from flows.rulebook_groups import GROUPS, Group
from flows.settings import load, rules
from operators import exits
from operators.codes import (
    EXIT_TEXT,
    NO_SUITABLE_CONTRACT,
    REFUSAL_TEXT,
    SECOND_HALF_TEXT,
    ExitReason,
    Refusal,
    SecondHalf,
)
from operators.config import EngineSettings, ScalpConfig
from tests.commands import ROOT, module

ROW = re.compile(r"^\|(.*)\|$", re.M)


def sections() -> dict[str, list[list[str]]]:
    """The rows of each section's table by its title, without head and rule."""
    pieces = rulebook.text().split("\n## ")[1:]
    found = {piece.partition("\n")[0]: ROW.findall(piece)[2:] for piece in pieces}
    return {title: [[cell.strip() for cell in row.split("|")] for row in rows] for title, rows in found.items()}


def test_the_document_is_what_the_code_makes() -> None:
    """Where this fails, run `make docs`."""
    assert (ROOT / "docs" / "rules.md").read_text(encoding="utf-8") == rulebook.text()


def test_the_command_of_make_docs_writes_the_document(tmp_path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "-m flows.rulebook docs/rules.md" in makefile
    said = module("flows.rulebook", tmp_path / "rules.md", cwd=ROOT)
    assert (said.code, said.err) == (0, "")
    assert (tmp_path / "rules.md").read_text(encoding="utf-8") == rulebook.text()


def test_every_setting_stands_in_one_group() -> None:
    names = sorted(name for group in GROUPS for name in group.names)
    assert names == sorted([*ScalpConfig.model_fields, *EngineSettings.model_fields])


def test_a_setting_is_told_with_value_unit_range_and_meaning() -> None:
    told = [row for group in GROUPS for row in sections()[group.title]]
    given = {rule.name: rule for rule in rules(load())}
    expected = [given[name] for group in GROUPS for name in group.names]
    assert told == [[f"`{r.name}`", f"`{r.value}`", r.unit, r.range, r.meaning] for r in expected]


@pytest.mark.parametrize("group", GROUPS, ids=[group.title for group in GROUPS])
def test_no_figure_is_written_into_the_words_of_a_group(group: Group) -> None:
    """0DTE is a name; every other figure comes through a field of the template."""
    written = "".join(words for words, *_ in Formatter().parse(group.template))
    assert re.findall(r"\d", written.replace("0DTE", "")) == []


@pytest.mark.parametrize("group", GROUPS, ids=[group.title for group in GROUPS])
def test_a_setting_that_is_named_in_words_exists(group: Group) -> None:
    named = re.findall(r"`([a-z_0-9]{5,})`", group.template)
    assert set(named) <= {*ScalpConfig.model_fields, *EngineSettings.model_fields}


def test_the_two_units_of_spreads_are_told_apart() -> None:
    """0.10 of an option's mid is 10 %; 0.05 % of a fund's is a fraction of 0.0005."""
    words = {group.title: group.words() for group in GROUPS}
    assert "`max_spread_pct` = 0.1 is 10 % of the mid" in words["Strike"]
    assert "`etf_max_spread_pct` = 0.05 is 0.05 %, a fraction of 0.0005" in words["Funds"]


def test_theta_and_the_unknown_iv_rank_are_explained() -> None:
    words = next(group.words() for group in GROUPS if group.title == "Gate")
    assert "known from 20 recorded sessions" in words
    assert "`hold` asks what 60 minutes" in words
    assert "`day` asks what a whole day costs, and at 5 % refuses practically every option" in words


def test_it_says_what_is_normal_on_a_day() -> None:
    assert "one or two signals a ticker and day. None is normal too" in " ".join(rulebook.text().split())


def test_refusals_stand_in_their_order_with_what_leads_to_a_fund() -> None:
    assert sections()["Refusals"] == [
        [f"`{code.value}`", REFUSAL_TEXT[code], "yes" if code in NO_SUITABLE_CONTRACT else ""] for code in Refusal
    ]


def test_exits_stand_in_the_order_of_their_rows() -> None:
    told = sections()["Exits"]
    assert [row[:3] for row in told] == [
        [str(exits.ROWS.get(reason, "")), f"`{reason.value}`", EXIT_TEXT[reason]] for reason in ExitReason
    ]
    rows = [int(row[0]) for row in told if row[0]]
    assert rows == sorted(rows)


def test_only_cut_off_and_expiry_are_for_options_alone() -> None:
    """Product rule "Leave": row 7 is the one that does not apply to funds; a fund does not expire."""
    told = sections()["Exits"]
    assert {row[3] for row in told} == {"yes"}
    assert [row[1] for row in told if row[4] == "no"] == ["`time_cutoff`", "`expired`"]


@pytest.mark.parametrize("kind", rulebook.KINDS)
def test_every_exit_rule_answers_known_reasons(kind: exits.LegName) -> None:
    answers = [reason for rule in exits.RULES[kind] for reason in rulebook.reasons(rule)]
    assert answers == [reason for reason in exits.ROWS if rulebook.applies(reason, kind)]


def test_second_halves_are_told() -> None:
    assert sections()["Second halves"] == [[f"`{half.value}`", SECOND_HALF_TEXT[half]] for half in SecondHalf]
