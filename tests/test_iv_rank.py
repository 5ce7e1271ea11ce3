"""The IV rank of a contract of 1DTE and longer: rank, percentile, and unknown as a state of its own."""

from datetime import date
from math import nan, nextafter

import pytest

from operators.codes import Refusal
from operators.config import ScalpConfig
from operators.gate import GreeksDecision, GreeksGate
from operators.intents import Verdict
from operators.selection import selection
from tests.option_builders import TOMORROW
from tests.strike_builders import Offer, contract, offered, verdict

RISING = tuple(0.10 + 0.01 * number for number in range(21))
"""21 sessions with IVs from 0.10 to 0.30."""
ALIKE = (0.20,) * 30
CALL = Offer(expiry=TOMORROW)


def judged(offer: Offer = CALL, atm_ivs: tuple[float, ...] = RISING, **rules: object) -> GreeksDecision:
    """What the gate says of a contract."""
    return GreeksGate(ScalpConfig(**rules)).validate(*contract(offer, atm_ivs=atm_ivs))  # type: ignore[arg-type]


def rank(iv: float, atm_ivs: tuple[float, ...], **rules: object) -> Verdict:
    """The verdict on the IV rank of a chain whose at-the-money IV is `iv`."""
    return verdict(judged(CALL._replace(iv=iv), atm_ivs, **rules).verdicts, Refusal.IV_RANK)


class TestGreeksGate:
    @pytest.mark.parametrize(
        ("iv", "measured", "passes"),
        [
            (0.10, 0.0, True),
            (0.20, 0.5, True),
            (0.25, 0.75, True),
            (0.27, 0.85, False),
            (0.30, 1.0, False),
            (0.35, 1.25, False),
            (0.08, -0.1, True),
        ],
    )
    def test_the_rank_is_the_place_between_lowest_and_highest_and_may_lie_beyond(
        self, iv: float, measured: float, passes: bool
    ) -> None:
        told = rank(iv, RISING)
        assert (told.passed, told.evaluated, told.limit) == (passes, True, 0.80)
        assert told.measured == pytest.approx(measured, abs=1e-12)

    def test_a_rank_of_exactly_the_limit_passes(self) -> None:
        # (0.375 - 0.25) / (0.50 - 0.25) is 0.5 without rounding.
        past = (0.25, *[0.3] * 18, 0.50)
        assert [rank(0.375, past, max_iv_rank=limit).passed for limit in (0.5, nextafter(0.5, 0))] == [True, False]

    def test_a_high_iv_with_a_low_rank_passes(self) -> None:
        # 0.90 is more than 0.80, but the lowest of its sessions.
        told = rank(0.90, tuple(0.90 + 0.01 * number for number in range(20)))
        assert (told.passed, told.measured) == (True, 0.0)

    def test_the_rank_is_that_of_the_money_and_not_of_the_contract(self) -> None:
        # The contract's own IV of 0.29 would rank 0.95; that at 571, nearest the forward, ranks 0.25.
        chain = offered([CALL._replace(iv=0.29), CALL._replace(strike=571.0, iv=0.15)], atm_ivs=RISING)
        told = verdict(GreeksGate(ScalpConfig()).validate(selection(chain, 0), chain).verdicts, Refusal.IV_RANK)
        assert told.measured == pytest.approx(0.25)

    def test_the_rank_is_that_of_the_nearest_expiry_of_1_to_5_dte(self) -> None:
        # 571 is nearer the forward, but of today and of Wednesday; Tuesday's 572 ranks 0.25.
        others = [CALL._replace(strike=571.0, iv=0.29, expiry=day) for day in (date(2025, 8, 18), date(2025, 8, 20))]
        chain = offered([CALL._replace(iv=0.15), *others], atm_ivs=RISING)
        told = verdict(GreeksGate(ScalpConfig()).validate(selection(chain, 0), chain).verdicts, Refusal.IV_RANK)
        assert told.measured == pytest.approx(0.25)

    def test_of_two_strikes_as_near_the_forward_the_lower_gives_the_rank(self) -> None:
        chain = offered([CALL._replace(iv=0.29), CALL._replace(strike=570.0, iv=0.15)], atm_ivs=RISING)
        told = verdict(GreeksGate(ScalpConfig()).validate(selection(chain, 0), chain).verdicts, Refusal.IV_RANK)
        assert told.measured == pytest.approx(0.25)

    def test_the_percentile_is_the_share_of_sessions_with_a_lower_iv(self) -> None:
        # Of 20 sessions 15 lie under 0.20, one is 0.20; the rank would be (0.20 - 0.10) / 0.90.
        past = (*[0.10] * 15, 0.20, *[1.0] * 4)
        assert rank(0.20, past, iv_rank_kind="percentile").measured == 0.75
        assert rank(0.20, past).measured == pytest.approx(0.1 / 0.9)

    @pytest.mark.parametrize(("iv", "passes"), [(0.26, True), (0.31, False)])
    def test_the_percentile_is_held_against_the_same_limit(self, iv: float, passes: bool) -> None:
        # 0.10 to 0.25 are 16 of 21, 0.762; all 21 are 1.
        assert rank(iv, RISING, iv_rank_kind="percentile").passed is passes

    @pytest.mark.parametrize(
        ("iv", "atm_ivs"),
        [(0.2, RISING[:19]), (0.2, ()), (0.2, ALIKE), (nan, RISING)],
        ids=["19 sessions", "none", "all alike", "no IV now"],
    )
    @pytest.mark.parametrize(
        ("answer", "passes", "halved"), [("refuse", False, False), ("halve", True, True), ("allow", True, False)]
    )
    def test_an_unknown_rank_is_a_state_of_its_own(
        self, iv: float, atm_ivs: tuple[float, ...], answer: str, passes: bool, halved: bool
    ) -> None:
        decision = judged(CALL._replace(iv=iv), atm_ivs, iv_rank_unknown=answer)
        told = verdict(decision.verdicts, Refusal.IV_RANK)
        assert (told.passed, told.evaluated, told.measured, decision.halved) == (passes, False, None, halved)

    def test_a_rank_is_known_from_20_sessions_on(self) -> None:
        decision = judged(CALL, RISING[:20], iv_rank_unknown="refuse")
        assert (decision.approved, decision.halved, decision.reason) == (True, False, None)

    def test_a_known_rank_halves_nothing_even_where_it_fails(self) -> None:
        decision = judged(CALL._replace(iv=0.30))
        assert (decision.approved, decision.halved, decision.reason) == (False, False, Refusal.IV_RANK)
