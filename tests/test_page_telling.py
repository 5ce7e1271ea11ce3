"""A story as plain sections: checks with number and limit, candidates, orders with their fills, the exit in words."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine

from dashboard.look import MISSING
from dashboard.telling import CANDIDATES_SHOWN, Section, against, decision, sections
from flows.records.parts import Story
from flows.records.story import story
from operators.records import Record
from tests.page_rows import write
from tests.rows import BOOK, closed, etf_scalp, fill, order, signal, verdict
from tests.stories import bought_put, candidate

pytest_plugins = ("tests.databases",)


def told(engine: Engine, *records: Record) -> Story:
    write(engine, *records)
    return story(engine, BOOK, "s1")


def section(found: Story, beginning: str) -> Section:
    return next(part for part in sections(found) if part.title.startswith(beginning))


def facts(part: Section) -> dict[str, object]:
    return {label: value["text"] for label, value in part.facts}


def rows(part: Section) -> list[list[object]]:
    return [[value["text"] for value in cells] for cells in part.rows]


def test_a_refused_signal_tells_why_with_number_and_limit(engine: Engine) -> None:
    found = told(engine, signal(decision="refused", leg=None, code="spread"), verdict())
    assert facts(section(found, "Outcome")) == {"Decision": "refused: the option's spread is too wide"}
    assert rows(section(found, "Option leg: 1 checks, 1 failed")) == [
        ["spread", "FAILED", "0.12", "0.10", "fraction", "the option's spread is too wide"]
    ]


def test_conviction_and_its_parts_are_points(engine: Engine) -> None:
    shown = facts(section(told(engine, signal(part_body=None)), "Signal"))
    assert (shown["Conviction"], shown["Macro"], shown["Body of the bar"]) == ("63.0 of 100", "10.5 points", MISSING)


def test_a_check_that_passed_gives_no_reason_to_fail(engine: Engine) -> None:
    found = told(
        engine, signal(), verdict(passed=True, measured=0.05), verdict(ordinal=1, evaluated=False, passed=True)
    )
    first, second = rows(section(found, "Option leg"))
    assert (first[1], first[5], second[1]) == ("passed", "", "passed, not evaluated")


def test_candidates_say_what_became_of_them_and_the_rest_is_counted(engine: Engine) -> None:
    lost: dict[str, Any] = {"lost_by": "open_interest", "measured": 365.0, "limit_value": 1000.0}
    many = (candidate(place) for place in range(3, CANDIDATES_SHOWN + 3))
    found = told(engine, signal(), candidate(delta=-0.4, iv=0.2), candidate(2, **lost), *many)
    part = section(found, "Candidates of the option leg, best first, 2 more not shown")
    assert rows(part)[0][:4] == ["SPY 5 Jan 2026 600 P", "chosen", MISSING, "\N{MINUS SIGN}0.40"]
    assert [row[1] for row in rows(part)[1:3]] == ["lost: open interest 365 against 1,000", "passed, not chosen"]


def test_each_order_is_followed_by_its_fills(engine: Engine) -> None:
    left = order(
        "o2", action="exit", side="sell", limit_price=None, state="filled", filled_quantity=10, reason="stop_loss"
    )
    found = told(engine, signal(), order(), left, fill(), fill("e2", client_order_id="o2", side="sell"))
    shown = rows(section(found, "Orders and fills"))
    assert [row[1] for row in shown] == ["entry", "fill", "exit 1", "fill"]
    assert shown[0][3:] == ["buy 10 limit 50.25", "working, 0 of 10 filled", ""]
    assert shown[2][3:] == ["sell 10 at the market", "filled, 10 of 10 filled", "the price fell to the stop"]
    assert shown[1][3] == "10 at 50.25, fee 0.00"


def test_a_scalp_tells_its_exit_and_result(engine: Engine) -> None:
    shown = facts(section(told(engine, signal(), etf_scalp(**closed())), "Scalp, closed"))
    assert shown["Exit"] == "51.25 at 12:00:00"
    assert shown["Exit reason"] == "the bid reached the target"
    assert (shown["Net P&L"], shown["Net of cost"], shown["Fees"]) == ("▲ +10.00", "▲ +2.0 %", "0.00")
    assert shown["Leverage"] == "\N{MULTIPLICATION SIGN}3"


def test_an_open_scalp_has_no_result_yet(engine: Engine) -> None:
    shown = facts(section(told(engine, signal(), etf_scalp()), "Scalp, open"))
    assert (shown["Exit"], shown["Net P&L"], shown["Exit reason"]) == ("still open", MISSING, MISSING)


def test_an_option_tells_its_greeks_and_its_alarm(engine: Engine) -> None:
    shown = facts(section(told(engine, signal(), bought_put(metadata_json='{"alarm": "settled late"}')), "Scalp"))
    assert shown["Delta / theta / IV"] == "\N{MINUS SIGN}0.40 / \N{MINUS SIGN}0.90 / 20.0 % at the decision"
    assert (shown["Days to expiry"], shown["ALARM"]) == ("0", "settled late")


def test_a_code_of_another_version_is_shown_as_it_is(engine: Engine) -> None:
    found = told(engine, signal(decision="refused", code="new_rule"), verdict(code="new_rule", reason="because"))
    assert decision(found.signal)["text"] == "refused: new_rule"
    assert rows(section(found, "Option leg"))[0][5] == "because"


def test_every_value_of_a_story_is_plain_text(engine: Engine) -> None:
    text = "<img src=x onerror=alert(1)>"
    found = told(
        engine, signal(ticker=text), verdict(reason=text, unit=text), candidate(symbol=text), order(symbol=text)
    )
    plain = msgspec.to_builtins(sections(found))
    assert text in msgspec.json.encode(plain).decode()
    assert "&lt;" not in msgspec.json.encode(plain).decode()  # nothing is escaped twice: the page sets text, not HTML


@pytest.mark.parametrize(
    ("measured", "limit", "shown"),
    [
        (14.9999, 15.0, ("14.9999", "15.0000")),
        (0.125, 0.1, ("0.12", "0.10")),
        (365.0, 1000.0, ("365", "1,000")),
        (3.0, 3.0, ("3", "3")),
        (1.0, None, ("1", MISSING)),
        (None, None, (MISSING, MISSING)),
    ],
)
def test_two_numbers_are_told_until_they_differ(
    measured: float | None, limit: float | None, shown: tuple[str, str]
) -> None:
    assert against(measured, limit) == shown
