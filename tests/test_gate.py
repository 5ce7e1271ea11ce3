"""What the Greeks of a chosen contract must be: theta, gamma, dividend; and that 0DTE is asked none of them."""

from datetime import date
from math import exp, inf, log, nan, nextafter, sqrt
from statistics import NormalDist

import pytest
from msgspec.structs import replace

from operators.codes import Refusal
from operators.config import ScalpConfig
from operators.gate import GreeksDecision, GreeksGate
from operators.intents import Verdict
from tests.builders import DAY
from tests.option_builders import TOMORROW, OptionStage, table
from tests.strike_builders import FORWARD, Offer, contract, failed, single, verdict

RISING = tuple(0.10 + 0.01 * number for number in range(21))
"""21 sessions with IVs from 0.10 to 0.30."""
YEAR_MINUTES = 365 * 1440
# Monday 10:00 to Tuesday 16:00 are 30 hours.
LEFT = 1_800 / YEAR_MINUTES
CALL, PUT = Offer(expiry=TOMORROW), Offer(570.0, -0.4, expiry=TOMORROW, right=-1)


def judged(offer: Offer = CALL, atm_ivs: tuple[float, ...] = RISING, **rules: object) -> GreeksDecision:
    """What the gate says of a contract."""
    return GreeksGate(ScalpConfig(**rules)).validate(*contract(offer, atm_ivs=atm_ivs))  # type: ignore[arg-type]


def theta(offer: Offer = CALL, **rules: object) -> Verdict:
    """The verdict on theta."""
    return verdict(judged(offer, **rules).verdicts, Refusal.THETA)


def black(right: int, strike: float, years: float, rate: float, iv: float) -> float:
    """Black's value with the forward at 571, written anew."""
    normal, deviation = NormalDist(), iv * sqrt(years)
    d1 = log(FORWARD / strike) / deviation + deviation / 2
    signed = FORWARD * normal.cdf(right * d1) - strike * normal.cdf(right * (d1 - deviation))
    return exp(-rate * years) * right * signed


class TestTheta:
    def test_at_the_money_an_hour_of_a_days_option_costs_under_two_percent(self) -> None:
        # At the money F (2 N(s/2) - 1) is near F s / sqrt(2 pi): 571 x 0.39894 x 0.20 x sqrt(1,800 / 525,600) = 2.6661
        # now and x sqrt(1,740 / 525,600) = 2.6213 in an hour: 0.0448 of a mid of 2.67.
        told = theta(CALL._replace(strike=571.0, bid=2.66, ask=2.68))
        assert (told.passed, told.limit) == (True, 0.05)
        assert told.measured == pytest.approx(0.0448 / 2.67, abs=2e-5)

    @pytest.mark.parametrize("offer", [CALL, PUT, CALL._replace(strike=575.0, iv=0.3)])
    @pytest.mark.parametrize("minutes", [1, 60, 390])
    def test_the_burn_is_what_the_model_loses_over_the_hold(self, offer: Offer, minutes: int) -> None:
        now, later = (black(offer.right, offer.strike, years, 0.0, offer.iv) for years in (LEFT, ahead(minutes)))
        told = theta(offer, planned_hold_minutes=minutes, max_theta_burn_pct=1.0)
        assert told.measured == pytest.approx((now - later) / 1.0, rel=1e-9)

    def test_the_burn_is_discounted_at_the_chains_rate(self) -> None:
        chosen, chain = contract(CALL, atm_ivs=RISING, rate=0.25)
        now, later = (black(1, 572.0, years, 0.25, 0.20) for years in (LEFT, ahead(60)))
        told = verdict(GreeksGate(ScalpConfig()).validate(chosen, chain).verdicts, Refusal.THETA)
        assert told.measured == pytest.approx(now - later, rel=1e-9)

    def test_a_hold_beyond_the_last_trade_costs_all_time_value(self) -> None:
        # Tuesday's last half hour, still counted as 1 DTE: at 572 a call has no other value than that of time.
        chosen, chain = contract(CALL, atm_ivs=RISING)
        chosen = replace(chosen, years=30 / YEAR_MINUTES)
        told = verdict(GreeksGate(ScalpConfig()).validate(chosen, chain).verdicts, Refusal.THETA)
        assert told.measured == pytest.approx(black(1, 572.0, 30 / YEAR_MINUTES, 0.0, 0.20), rel=1e-9)

    def test_by_the_day_a_typical_1dte_is_refused(self) -> None:
        # 571 x 0.39894 x 0.20 / (2 x sqrt(1,800 / 525,600)) / 365 = 1.0664 a day of 2.67: 40 %.
        told = theta(CALL._replace(strike=571.0, bid=2.66, ask=2.68, theta=-1.0664), theta_basis="day")
        assert (told.passed, told.measured) == (False, pytest.approx(1.0664 / 2.67))

    def test_by_the_day_the_computed_theta_of_a_whole_chain_refuses_it(self) -> None:
        for basis, codes in (("day", {"theta"}), ("hold", set())):
            stage = OptionStage(contracts=table(expiries=(TOMORROW,)), theta_basis=basis)
            stage.chain("10:00")
            assert stage.failed(stage.signal("10:00:01"), "option") == codes

    @pytest.mark.parametrize("basis", ["hold", "day"])
    def test_a_burn_of_exactly_the_limit_passes(self, basis: str) -> None:
        measured = theta(theta_basis=basis).measured
        assert measured is not None
        limits = (measured, nextafter(measured, 0))
        assert [theta(theta_basis=basis, max_theta_burn_pct=limit).passed for limit in limits] == [True, False]

    @pytest.mark.parametrize("basis", ["hold", "day"])
    @pytest.mark.parametrize("changes", [{"iv": nan, "theta": nan}, {"bid": nan}, {"bid": 1.02}], ids=str)
    def test_without_iv_or_a_usable_quote_theta_is_not_evaluated(self, basis: str, changes: dict[str, float]) -> None:
        told = theta(CALL._replace(**changes), theta_basis=basis)
        assert (told.passed, told.evaluated, told.measured) == (False, False, None)


def ahead(minutes: int) -> float:
    """Years to Tuesday's close that many minutes after Monday 10:00."""
    return (1_800 - minutes) / YEAR_MINUTES


class TestGamma:
    @pytest.mark.parametrize(("gamma", "passes"), [(0.15, True), (nextafter(0.15, 1), False), (inf, False)])
    def test_gamma_may_reach_its_limit(self, gamma: float, passes: bool) -> None:
        told = verdict(judged(CALL._replace(gamma=gamma)).verdicts, Refusal.GAMMA)
        assert (told.passed, told.measured, told.limit) == (passes, gamma, 0.15)

    def test_an_unknown_gamma_is_not_evaluated(self) -> None:
        told = verdict(judged(CALL._replace(gamma=nan)).verdicts, Refusal.GAMMA)
        assert (told.passed, told.evaluated) == (False, False)


class TestDividend:
    def listed(self, offer: Offer, *ex_dates: date) -> list[bool]:
        """Whether the dividend passed; empty where it is not listed."""
        decision = GreeksGate(ScalpConfig()).validate(*contract(offer, atm_ivs=RISING, ex_dates=ex_dates))
        return [told.passed for told in decision.verdicts if told.code is Refusal.DIVIDEND]

    def test_a_call_whose_life_spans_an_ex_dividend_date_is_refused(self) -> None:
        assert self.listed(CALL, TOMORROW) == [False]
        assert self.listed(CALL._replace(expiry=date(2025, 8, 22)), date(2025, 8, 20), date(2025, 11, 20)) == [False]

    def test_a_call_that_expires_before_the_ex_dividend_date_passes(self) -> None:
        assert self.listed(CALL, date(2025, 8, 20)) == [True]

    def test_where_no_dividend_is_known_none_is_listed(self) -> None:
        assert self.listed(CALL) == []

    def test_a_put_is_not_asked(self) -> None:
        assert self.listed(PUT, TOMORROW) == []

    def test_a_0dte_call_is_not_asked(self) -> None:
        assert self.listed(Offer(), DAY, TOMORROW) == []


class TestGreeksGate:
    def test_a_0dte_is_asked_spread_and_delta_alone(self) -> None:
        decision = judged(Offer(gamma=9.0, theta=-9.0, iv=0.99), RISING, iv_rank_unknown="refuse")
        assert [told.code for told in decision.verdicts] == [Refusal.DELTA, Refusal.SPREAD]
        assert (decision.approved, decision.halved) == (True, False)

    def test_a_0dte_without_iv_history_is_not_halved(self) -> None:
        assert judged(Offer(), ()).halved is False

    def test_no_question_is_skipped_because_another_failed(self) -> None:
        bad = CALL._replace(delta=0.6, bid=0.5, ask=1.0, iv=0.4, gamma=1.0)
        decision = GreeksGate(ScalpConfig()).validate(*contract(bad, atm_ivs=RISING, ex_dates=(TOMORROW,)))
        assert failed(decision.verdicts) == ["delta", "spread", "iv_rank", "theta", "gamma", "dividend"]
        assert decision.reason is Refusal.DELTA

    def test_spread_and_delta_are_asked_again_and_listed_once(self) -> None:
        stage = single(1.99, 2.01)
        signal = stage.signal("10:00:01")
        codes = [told.code for told in stage.verdicts(signal, "option")]
        assert signal.decision == "entered"
        assert len(codes) == len(set(codes))
        assert {"delta", "spread", "iv_rank", "theta", "gamma"} <= set(codes)

    def test_a_leg_without_a_contract_is_not_asked(self) -> None:
        stage = OptionStage(contracts=table(expiries=(TOMORROW,)), min_volume=6_000)
        stage.chain("10:00")
        signal = stage.signal("10:00:01")
        codes = {told.code for told in stage.verdicts(signal, "option")}
        assert not codes & {"iv_rank", "theta", "gamma", "dividend"}

    @pytest.mark.parametrize(
        ("atm_ivs", "conviction", "units"),
        [(RISING, 80.0, 19), ((), 80.0, 9), (RISING, 60.0, 9), ((), 60.0, 4)],
    )
    def test_an_unknown_rank_halves_the_size_at_the_desk(
        self, atm_ivs: tuple[float, ...], conviction: float, units: int
    ) -> None:
        # 2,000 / (2.01 x 100 x 0.50 + 1.30) = 19.6; half of 19 is 9, half of that 4.
        stage = single(1.99, 2.01)
        stage.atm_ivs = atm_ivs
        stage.signal("10:00:01", conviction=conviction)
        assert stage.order("first").quantity + stage.option.second == units
