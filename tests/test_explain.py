"""`scalp explain`: one signal's story in words, of every kind that there is, on both databases."""

from decimal import Decimal

import pytest
from sqlalchemy import Engine

from flows.explain_trade import exit_text, second_half_text
from operators.codes import EXIT_TEXT, SECOND_HALF_TEXT, ExitReason, SecondHalf
from tests.rows import NOON, closed, etf_scalp, fill, order, signal, verdict
from tests.stories import PUT, bought_put, candidate, explained

pytest_plugins = ("tests.databases",)

REFUSED = {"decision": "refused", "leg": None, "code": "delta"}
ENTERED = {"decision": "entered", "code": None}


def test_a_signal_is_told_with_time_parts_and_volume(engine: Engine, database_url: str) -> None:
    """17:00 UTC in January is 12:00 in New York."""
    lines = explained(engine, database_url, signal(**REFUSED)).splitlines()
    assert lines[:4] == [
        "Signal s1 of book replay:a",
        "QQQ long: 1-minute bar closed 2026-01-05 12:00 New York, own signal, decided 2026-01-05 12:00:00 New York",
        "conviction 63 of 100: macro 10.5, agreeing clouds 10.5, volume 10.5, distance from the fast cloud 10.5, "
        "slope 10.5, body of the bar 10.5",
        "macro bias bullish, volume 1.75 times the mean before it",
    ]


def test_what_an_outside_signal_does_not_say_is_unknown(engine: Engine, database_url: str) -> None:
    names = ("macro", "agreement", "volume", "distance", "slope", "body")
    parts = {f"part_{name}": None for name in names}
    out = explained(engine, database_url, signal(source="outside", volume_ratio=None, **parts, **REFUSED))
    assert "outside signal" in out
    assert "conviction 63 of 100, its parts are unknown" in out
    assert "volume ratio unknown" in out


def test_every_verdict_is_told_in_order_with_number_limit_and_unit(engine: Engine, database_url: str) -> None:
    out = explained(
        engine,
        database_url,
        signal(**REFUSED),
        verdict(ordinal=3, measured=0.125, limit_value=0.1, unit="fraction of mid"),
        verdict(ordinal=1, code="conviction", passed=True, measured=63.0, limit_value=50.0, unit="points"),
        verdict(
            ordinal=2, code="delta", evaluated=False, measured=None, limit_value=None, unit="", reason="no volatility"
        ),
    )
    assert "\n".join(out.splitlines()[5:9]) == (
        "Option leg: 3 checks, 2 failed\n"
        "  passed  conviction     63 points, limit 50\n"
        "  FAILED  delta          not evaluated; no volatility; delta outside the target band\n"
        "  FAILED  spread         0.125 fraction of mid, limit 0.1; the option's spread is too wide"
    )


def test_a_check_that_lacked_its_input_and_passed_says_both(engine: Engine, database_url: str) -> None:
    unknown = {"code": "iv_rank", "passed": True, "evaluated": False, "measured": None, "limit_value": None}
    out = explained(engine, database_url, signal(**REFUSED), verdict(**unknown, unit="", reason="3 sessions: halve"))
    assert "  passed  iv_rank        not evaluated; 3 sessions: halve\n" in out


def test_a_number_just_under_its_limit_is_not_shown_as_the_limit(engine: Engine, database_url: str) -> None:
    """14.99999 rounds to 15.00 with four figures; seven show which is less."""
    late = {"code": "too_late", "measured": 14.99999, "limit_value": 15.0, "unit": "minutes to the exit"}
    assert "14.99999 minutes to the exit, limit 15;" in explained(
        engine, database_url, signal(**REFUSED), verdict(**late)
    )


def test_a_large_number_is_whole_and_grouped(engine: Engine, database_url: str) -> None:
    volume = {"code": "fund_volume", "measured": 9_876_543.0, "limit_value": 10_000_000.0, "unit": "USD a day"}
    out = explained(engine, database_url, signal(**REFUSED), verdict(leg="fund", **volume))
    assert "9,876,543 USD a day, limit 10,000,000" in out


def test_a_refusal_is_one_sentence_with_what_else_failed(engine: Engine, database_url: str) -> None:
    rows = [verdict(ordinal=1, code="delta"), verdict(ordinal=2), verdict(ordinal=3, code="macro", passed=True)]
    out = explained(engine, database_url, signal(**REFUSED), *rows)
    assert out.splitlines()[-1] == (
        "Decision: refused, because delta outside the target band (delta); spread failed as well."
    )


def test_both_legs_are_told_the_option_before_the_fund(engine: Engine, database_url: str) -> None:
    out = explained(
        engine,
        database_url,
        signal(**ENTERED, leg="fund"),
        verdict(leg="fund", code="fund_spread", passed=True, symbol="TQQQ"),
        verdict(leg="option", code="no_chain"),
        etf_scalp(),
    )
    assert 0 < out.index("\nOption leg: 1 check, 1 failed") < out.index("\nFund leg, TQQQ: 1 check, 0 failed")
    assert (
        "Decision: entered through the fund leg, after the option leg found no contract that suits; TQQQ was bought."
        in out
    )


def test_contracts_are_told_best_first_with_greeks_and_why_they_lost(engine: Engine, database_url: str) -> None:
    wide = {"symbol": "SPY260105P00597500", "lost_by": "spread", "measured": 0.125, "limit_value": 0.1}
    out = explained(
        engine,
        database_url,
        signal(**ENTERED, leg="option"),
        candidate(3, symbol="SPY260105P00595000"),
        candidate(2, **wide, score=50.5, bid=0.5),
        candidate(1, score=71.25, delta=-0.4, iv=0.2, bid=1.2, ask=1.25, volume=900.0, open_interest=3000.0),
    )
    assert out[out.index("Candidates") : out.index("\n\nDecision")].splitlines() == [
        "Candidates of the option leg, best first:",
        "   1. SPY 2026-01-05 600 put: chosen; score 71.25, delta -0.4, IV 0.2, bid 1.20 USD, ask 1.25 USD, "
        "volume 900, open interest 3,000",
        "   2. SPY 2026-01-05 597.5 put: lost, the option's spread is too wide (spread 0.125, limit 0.1); score 50.5, "
        "delta unknown, IV unknown, bid 0.50 USD, ask unknown, volume unknown, open interest unknown",
        "   3. SPY 2026-01-05 595 put: passed, not chosen; score unknown, delta unknown, IV unknown, bid unknown, "
        "ask unknown, volume unknown, open interest unknown",
    ]


def test_a_fund_is_told_without_what_only_contracts_have(engine: Engine, database_url: str) -> None:
    lost = candidate(1, leg="fund", symbol="TQQQ", chosen=False, lost_by="adv_unknown")
    out = explained(engine, database_url, signal(**REFUSED), lost)
    assert "   1. TQQQ: lost, the fund's average dollar volume is not known yet\n" in out


@pytest.mark.parametrize(("count", "rest"), [(10, ""), (11, "  and 1 more"), (59, "  and 49 more")])
def test_ten_candidates_are_told_and_the_others_counted(
    engine: Engine, database_url: str, count: int, rest: str
) -> None:
    out = explained(engine, database_url, signal(**REFUSED), *(candidate(n) for n in range(1, count + 1)))
    told = out[out.index("Candidates") : out.index("\n\nDecision")].splitlines()[1:]
    assert (len(told), told[10:]) == (10 + bool(rest), [rest] if rest else [])


def test_an_entry_that_nobody_filled_is_told_as_such(engine: Engine, database_url: str) -> None:
    cancelled = order(action="first", state="cancelled", reason="timeout")
    lines = explained(engine, database_url, signal(**ENTERED, leg="fund"), cancelled).splitlines()
    assert "Decision: entered through the fund leg; nobody filled the entry order, so nothing was bought." in lines
    assert lines[-1] == (
        "  2026-01-05 12:00:00 New York  entry: buy 10 TQQQ at 50.25 USD or better; "
        "cancelled because it was not filled in time, 0 of 10 filled"
    )


def test_an_entry_that_still_works_is_no_unfilled_one(engine: Engine, database_url: str) -> None:
    out = explained(engine, database_url, signal(**ENTERED, leg="fund"), order(action="first"))
    assert "the entry order is working and nothing is bought yet." in out


def test_a_fund_trade_is_told_from_its_entry_to_its_result(engine: Engine, database_url: str) -> None:
    """10 shares at 50.25, sold at 51.25: 10.00 of 502.50 are 1.99 %."""
    sell = {"action": "exit", "side": "sell", "limit_price": Decimal("51.25"), "reason": "profit_target"}
    out = explained(
        engine,
        database_url,
        signal(**ENTERED, leg="fund"),
        order("o1", action="first", state="filled", filled_quantity=10, ended_at=NOON),
        order("o2", **sell, state="filled", filled_quantity=10, ended_at=NOON),
        fill("e1"),
        fill("e2", client_order_id="o2", side="sell", price=Decimal("51.25")),
        etf_scalp(**closed(second_half="filled")),
    )
    assert out[out.index("Orders") :] == (
        "Orders and fills:\n"
        "  2026-01-05 12:00:00 New York  entry: buy 10 TQQQ at 50.25 USD or better; filled whole\n"
        "    2026-01-05 12:00:00 New York  10 at 50.25 USD, fee 0.00 USD\n"
        "  2026-01-05 12:00:00 New York  exit 1: sell 10 TQQQ at 51.25 USD or better, because the bid reached the "
        "target (profit_target); filled whole\n"
        "    2026-01-05 12:00:00 New York  10 at 51.25 USD, fee 0.00 USD\n"
        "\n"
        "Scalp, closed:\n"
        "  entry 10 TQQQ (leverage 3) at 50.25 USD, 2026-01-05 12:00:00 New York\n"
        "  stop 49.245 USD, target 51.255 USD\n"
        "  second half: sent and filled whole\n"
        "  left at 51.25 USD, 2026-01-05 12:00:00 New York; reason: the bid reached the target (profit_target)\n"
        "  gross 10.00 USD, fees 0.00 USD, net 10.00 USD, 1.99 % of cost\n"
    )


def test_an_option_trade_is_told_with_greeks_and_levels(engine: Engine, database_url: str) -> None:
    """2 x 100 x (0.90 - 1.20) = -60.00, fees 2.60; -62.60 of 240 are -26.08 %."""
    out = explained(engine, database_url, signal(**ENTERED, leg="option"), bought_put(second_half="losing"))
    assert out[out.index("Scalp") :] == (
        "Scalp, closed:\n"
        "  entry 2 SPY 2026-01-05 600 put (0 DTE, 100 shares a contract) at 1.20 USD, 2026-01-05 12:00:00 New York\n"
        "  at the decision delta -0.4, theta a day -0.9, IV 0.2\n"
        "  stop 0.60 USD, target 1.50 USD\n"
        "  second half: dropped, the position was losing, and a loser is not added to\n"
        "  left at 0.90 USD, 2026-01-05 12:00:00 New York; reason: the price fell to the stop (stop_loss)\n"
        "  gross -60.00 USD, fees 2.60 USD, net -62.60 USD, -26.08 % of cost\n"
    )


def test_an_expired_option_is_told_with_its_alarm(engine: Engine, database_url: str) -> None:
    ended = {"status": "expired", "exit_reason": "expired", "exit_premium": None}
    alarm = '{"alarm": "shares were assigned"}'
    out = explained(engine, database_url, signal(**ENTERED), bought_put(**ended, metadata_json=alarm))
    assert "stop unknown, target unknown" in out
    assert "left at an unknown price, 2026-01-05 12:00:00 New York; reason: the contract expired and was" in out
    assert out.splitlines()[-1] == "  ALARM: shares were assigned"


def test_an_open_scalp_has_no_result_yet(engine: Engine, database_url: str) -> None:
    lines = explained(engine, database_url, signal(**ENTERED, leg="fund"), etf_scalp()).splitlines()
    assert lines[-2:] == ["  not left yet", "  fees 0.00 USD"]


@pytest.mark.parametrize("reason", list(ExitReason))
def test_every_exit_is_told_in_words(reason: ExitReason) -> None:
    assert exit_text(reason.value) == f"{EXIT_TEXT[reason]} ({reason.value})"


@pytest.mark.parametrize("half", list(SecondHalf))
def test_every_second_half_is_told_in_words(half: SecondHalf) -> None:
    assert second_half_text(half.value) == SECOND_HALF_TEXT[half]


def test_codes_of_another_version_are_told_as_they_are(engine: Engine, database_url: str) -> None:
    ended = closed(exit_reason="margin_call", second_half="waiting")
    rows = [verdict(code="moon_phase"), etf_scalp(**ended), order(action="first", state="filled", reason="whim")]
    out = explained(engine, database_url, signal(**ENTERED), *rows)
    assert [word for word in ("moon_phase", "reason: margin_call", "second half: waiting", "whim") if word in out] == [
        "moon_phase",
        "reason: margin_call",
        "second half: waiting",
        "whim",
    ]


def test_the_name_of_a_contract_with_blanks_is_told_too(engine: Engine, database_url: str) -> None:
    out = explained(engine, database_url, signal(**ENTERED, leg="option"), bought_put())
    assert "SPY 2026-01-05 600 put was bought." in out
    assert PUT not in out
