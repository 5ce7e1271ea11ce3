"""The codes: they stand in databases and files of users, so none may change its name or its text's existence."""

import pytest

from operators.codes import (
    EXIT_TEXT,
    NO_SUITABLE_CONTRACT,
    REFUSAL_ORDER,
    REFUSAL_TEXT,
    SECOND_HALF_TEXT,
    ExitReason,
    Refusal,
    SecondHalf,
)

REFUSALS = (
    *("ticker", "start_time", "too_late", "fomc", "calendar_unknown", "conviction", "macro", "stale", "state"),
    *("cooldown", "position_open", "no_chain", "delta", "spread", "open_interest", "volume", "iv_rank", "theta"),
    *("gamma", "dividend", "unmapped", "adv_unknown", "fund_volume", "fund_spread", "too_small", "premium_cap"),
    *("exposure_cap", "buying_power", "slots", "opposing", "day_cap", "day_trades", "permission", "duplicate"),
    *("collar", "rate"),
)
EXITS = (
    *("operator", "risk", "stop_loss", "stale_quote", "cloud_flip", "profit_target", "exhaustion", "time_cutoff"),
    *("event", "session_end", "broker", "expired"),
)
DROPPED = ("single", "no_test", "losing", "exit_due", "partial_first", "caps", "mode")


def test_every_refusal_of_the_specification_is_there_in_its_order() -> None:
    assert tuple(code.value for code in Refusal) == REFUSALS


def test_every_exit_of_the_specification_is_there_in_its_order() -> None:
    assert tuple(code.value for code in ExitReason) == EXITS


def test_the_second_half_is_planned_sent_filled_or_dropped_for_a_reason_of_the_specification() -> None:
    assert tuple(code.value for code in SecondHalf) == ("planned", "sent", "filled", *DROPPED)


@pytest.mark.parametrize("kind", [Refusal, ExitReason, SecondHalf])
def test_a_member_is_named_as_its_value(kind: type[Refusal | ExitReason | SecondHalf]) -> None:
    assert {member.name: member.value for member in kind} == {member.name: member.name.lower() for member in kind}


@pytest.mark.parametrize("code", list(Refusal))
def test_every_refusal_has_a_text(code: Refusal) -> None:
    assert len(REFUSAL_TEXT[code]) > 15


def test_no_two_refusals_read_alike() -> None:
    assert len(set(REFUSAL_TEXT.values())) == len(Refusal)


def test_texts_are_of_refusals_alone() -> None:
    assert set(REFUSAL_TEXT) == set(Refusal)


def test_a_refusal_is_explained_by_the_first_code_of_the_specification() -> None:
    assert sorted(Refusal, key=REFUSAL_ORDER.__getitem__) == [Refusal(code) for code in REFUSALS]


def test_after_these_failures_alone_mode_both_tries_the_fund() -> None:
    expected = "no_chain delta spread open_interest volume iv_rank theta gamma dividend too_small"
    assert {code.value for code in NO_SUITABLE_CONTRACT} == set(expected.split())


@pytest.mark.parametrize("reason", list(ExitReason))
def test_every_exit_has_a_text(reason: ExitReason) -> None:
    assert len(EXIT_TEXT[reason]) > 15


@pytest.mark.parametrize("half", list(SecondHalf))
def test_every_second_half_has_a_text(half: SecondHalf) -> None:
    assert len(SECOND_HALF_TEXT[half]) > 15


@pytest.mark.parametrize("texts", [EXIT_TEXT, SECOND_HALF_TEXT])
def test_no_two_ends_read_alike(texts: dict[str, str]) -> None:
    assert len(set(texts.values())) == len(texts)
