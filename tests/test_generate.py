"""`scalp generate`: the tape as a whole. Its shares, options and troubles have files of their own."""

import tracemalloc
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from flows.market.generate import ORDER, generate
from flows.market.plan import USUAL, BadMarket, days_of, least_contracts
from flows.tape.reader import Tape
from operators import sessions
from operators.contracts import parse_occ
from operators.events import MINUTE_NS, AnyEvent, AtmIv, Bar, Chain, Contracts, Quote
from tests.commands import complaint, replayed, scalp
from tests.simulated import FUNDS, HALF_DAY, MINUTES, SMALL_WORDS, SYMBOLS, events, of, plan


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[AnyEvent]:
    return events(tmp_path_factory.mktemp("made"))


def digest(folder: Path, **changes: Any) -> str:
    generate(plan(**changes), folder / "one.tape", overwrite=True)
    return Tape(folder / "one.tape").sha256()


def test_the_same_plan_gives_the_same_bytes(tmp_path: Path) -> None:
    assert digest(tmp_path) == digest(tmp_path)


def test_another_seed_gives_other_bytes(tmp_path: Path) -> None:
    assert digest(tmp_path) != digest(tmp_path, seed=8)


def test_a_longer_market_begins_as_the_shorter_one(tmp_path: Path, made: list[AnyEvent]) -> None:
    # The half day's last event is its last bar; 30 November follows.
    longer = [event for event in events(tmp_path, sessions=2) if event.event_ns <= made[-1].event_ns]
    assert len(longer) == len(made)
    assert of(Bar, longer) == of(Bar, made)


def test_the_tape_says_simulated_and_its_cadences(tmp_path: Path) -> None:
    generate(plan(), tmp_path / "one.tape")
    info = Tape(tmp_path / "one.tape").verify()
    assert info.marks == ("SIMULATED",)
    assert info.cadences == {"bar": 60.0, "quote": 0.0, "chain": 60.0}
    said = scalp("tape", "info", tmp_path / "one.tape")
    assert "SIMULATED" in said.out.splitlines()[0]


def test_history_is_four_sessions_of_bars_and_sixty_of_iv(made: list[AnyEvent]) -> None:
    # 23 to 25 November and, across Thanksgiving and the weekend, 20 November: 4 x 390 minutes of 6 symbols.
    bars = [bar for bar in of(Bar, made) if bar.history]
    assert len(bars) == 4 * 390 * 6
    assert sessions.new_york(bars[0].event_ns).date() == date(2026, 11, 20)
    for ticker in ("NVDA", "SPY"):
        ivs = [iv for iv in of(AtmIv, made) if iv.ticker == ticker]
        assert len(ivs) == 60
        assert len({iv.iv for iv in ivs}) == 60
        assert all(0.05 < iv.iv < 1.5 for iv in ivs)


def test_every_iv_is_known_15_minutes_before_its_session_closes(made: list[AnyEvent]) -> None:
    for iv in of(AtmIv, made):
        session = sessions.session_of(iv.event_ns)
        assert session is not None
        assert session.close_ns - iv.event_ns == 15 * MINUTE_NS


def test_a_session_has_a_bar_a_minute_of_tickers_and_their_funds(made: list[AnyEvent]) -> None:
    traded = [bar for bar in of(Bar, made) if not bar.history]
    assert len(traded) == MINUTES * len(SYMBOLS)
    assert sorted({bar.ticker for bar in traded}) == SYMBOLS


def test_an_early_close_ends_everything(made: list[AnyEvent]) -> None:
    session = sessions.session(HALF_DAY)
    assert session is not None
    assert made[-1].event_ns == session.close_ns
    assert max(chain.event_ns for chain in of(Chain, made)) == session.close_ns - MINUTE_NS


def test_contracts_come_at_the_open_and_chains_every_so_many_seconds(made: list[AnyEvent]) -> None:
    session = sessions.session(HALF_DAY)
    assert session is not None
    assert [(one.underlying, one.event_ns) for one in of(Contracts, made)] == [
        ("NVDA", session.open_ns),
        ("SPY", session.open_ns),
    ]
    # From 9:31 to 12:59.
    expected = [session.open_ns + minute * MINUTE_NS for minute in range(1, MINUTES)]
    assert [chain.event_ns for chain in of(Chain, made) if chain.underlying == "SPY"] == expected


def test_events_are_known_in_the_order_of_time_kind_and_symbol(made: list[AnyEvent]) -> None:
    def name(event: AnyEvent) -> str:
        match event:
            case Quote():
                return event.symbol
            case Bar() | AtmIv():
                return event.ticker
            case Chain() | Contracts():
                return event.underlying
        raise AssertionError(event)

    keys = [(event.event_ns, ORDER[type(event)], name(event)) for event in made]
    assert keys == sorted(keys)
    assert all(after.at_ns > before.at_ns >= before.event_ns for before, after in pairwise(made))


def test_quotes_keep_the_stream_of_usual_tickers_under_two_seconds_old(tmp_path: Path) -> None:
    usual = events(tmp_path, tickers=USUAL, quotes_per_second=0.2, contracts=30)
    times = [quote.event_ns for quote in of(Quote, usual)]
    # 18 symbols in turn, each once in 5 s: at most two turns of 5 / 18 s lie between two quotes.
    assert max(after - before for before, after in pairwise(times)) <= 2 * 5_000_000_000 / 18 + 1


def test_a_start_without_session_is_the_next_one() -> None:
    # Thanksgiving, then its half day.
    assert days_of(plan(start=date(2026, 11, 26)))[-1].day == HALF_DAY


def test_a_replay_of_both_modes_runs_to_its_end(tmp_path: Path) -> None:
    out = tmp_path / "one.tape"
    assert scalp("generate", *SMALL_WORDS, "--out", out).code == 0
    told = replayed(out, mode="both", database=f"sqlite:///{tmp_path / 'one.db'}")
    assert told["events"] == Tape(out).info().events
    assert told["signals"] > 0
    assert told["open_positions"] == []


def test_a_usual_session_gives_closed_scalps_of_options_and_of_funds(tmp_path: Path) -> None:
    out = tmp_path / "one.tape"
    assert scalp("generate", "--seed", 1, "--out", out).code == 0
    told = replayed(out, mode="both", database=f"sqlite:///{tmp_path / 'one.db'}")
    kinds = {parse_occ(trade["symbol"]) is not None for trade in told["trades"]}
    assert kinds == {True, False}


def test_the_command_tells_what_it_made(tmp_path: Path) -> None:
    said = scalp("generate", *SMALL_WORDS, "--out", tmp_path / "one.tape")
    assert "SIMULATED" in said.out
    assert "2026-11-27 to 2026-11-27" in said.out
    assert ", ".join(FUNDS) in said.out


def test_an_existing_tape_is_kept_unless_it_may_be_replaced(tmp_path: Path) -> None:
    out = tmp_path / "one.tape"
    out.write_text("mine")
    assert "exists already" in complaint(scalp("generate", *SMALL_WORDS, "--out", out))
    assert out.read_text() == "mine"
    assert scalp("generate", *SMALL_WORDS, "--out", out, "--overwrite").code == 0


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--tickers", "SPY,GME"), "'GME' is not known"),
        (("--tickers", ""), "'' is not known"),
        (("--tickers", "SPY,SPY"), "name each once"),
        (("--sessions", 0), "sessions: 0 was given, expected 1"),
        (("--quotes-per-second", 0), "quotes a second: 0.0 was given"),
        (("--quotes-per-second", "nan"), "quotes a second: nan was given"),
        (("--quotes-per-second", 11), "quotes a second: 11.0 was given"),
        (("--chain-seconds", 0), "seconds between chains: 0 was given"),
        (("--chain-seconds", 301), "seconds between chains: 301 was given"),
        (("--contracts", 12), "contracts an underlying: 12 was given, expected 30"),
        (("--perturb", "gaps,flood"), "'flood' is not known"),
        (("--seed", -1), "seed: -1 was given"),
        (("--start", "2028-12-20", "--sessions", 9), "outside the session table"),
        (("--start", "2013-01-10"), "outside the session table"),
        (("--start", "1999-01-01"), "outside the session table"),
        (("--start", "soon"), "soon"),
    ],
)
def test_a_market_that_cannot_be_is_refused_in_one_line(
    tmp_path: Path, words: tuple[object, ...], expected: str
) -> None:
    said = scalp("generate", "--seed", 1, "--out", tmp_path / "one.tape", *words)
    assert expected in complaint(said)
    assert list(tmp_path.iterdir()) == []


def test_the_fewest_contracts_give_each_expiry_three_strikes(tmp_path: Path) -> None:
    # SPY: a fifth of the pairs is the weekly's share: 15 pairs give it 3. NVDA: two expiries of 3 strikes.
    assert (least_contracts(("SPY",)), least_contracts(("NVDA",))) == (30, 12)
    with pytest.raises(BadMarket):
        plan(contracts=29)


def test_memory_does_not_grow_with_sessions(tmp_path: Path) -> None:
    def peak(number: int) -> int:
        tracemalloc.start()
        generate(plan(sessions=number, quotes_per_second=0.02), tmp_path / "one.tape", overwrite=True)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    # The half day comes first, so that both peaks are those of whole sessions.
    assert peak(4) <= 1.1 * peak(2)
