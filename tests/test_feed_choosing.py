"""Which feed a word stands for, what it brings, and which words are refused."""

import re
from datetime import date
from pathlib import Path

import pytest

from flows.brokers.alpaca import keys
from flows.brokers.port import Unusable
from flows.feeds.alpaca.faults import Unanswered
from flows.feeds.alpaca.feed import AlpacaFeed
from flows.feeds.choosing import Asked, NoFeed, chosen, shares_of
from flows.feeds.recorded import RecordedFeed
from flows.settings import load
from flows.tape.reader import Tape
from operators.events import MINUTE_NS, Quote
from tests.fakes.alpaca.process import Alpaca
from tests.kills import market_tape

DAY = date(2026, 11, 25)
PLAIN = load()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(keys.KEY, "a-key")
    monkeypatch.setenv(keys.SECRET, "a-secret")


def test_a_tape_is_played(tmp_path: Path) -> None:
    tape = market_tape(tmp_path / "market.tape")
    assert isinstance(chosen(Asked(f"replay:{tape}"), PLAIN, "both")(tmp_path), RecordedFeed)


@pytest.mark.parametrize("word", ["alpaka", "replay", "replay:", "simulated:one", "alpaca:"])
def test_another_word_is_refused_with_those_that_are_known(word: str) -> None:
    with pytest.raises(NoFeed, match=re.escape(f"--feed {word}: expected simulated, simulated:SEED, replay:TAPE")):
        chosen(Asked(word), PLAIN, "both")


def test_by_itself_it_is_a_simulated_market_on_paper_and_at_a_broker_the_brokers(
    tmp_path: Path, environment: None
) -> None:
    assert isinstance(chosen(Asked(), PLAIN, "both")(tmp_path), RecordedFeed)
    assert isinstance(chosen(Asked(broker="alpaca"), PLAIN, "both")(tmp_path), AlpacaFeed)
    assert isinstance(chosen(Asked("alpaca"), PLAIN, "both")(tmp_path), AlpacaFeed)


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("word", ["simulated", "simulated:4", "replay:market.tape", "alpaca:http://127.0.0.1:8000"])
def test_orders_at_a_broker_are_decided_on_its_market_alone(word: str, live: bool) -> None:
    with pytest.raises(NoFeed, match=re.escape(f"--feed {word} with --broker alpaca: orders would go to a market")):
        chosen(Asked(word, broker="alpaca", live=live), load(None, ["option_feed=opra"]), "both")


@pytest.mark.parametrize("word", ["simulated", "replay:market.tape", "alpaca", "alpaca:http://127.0.0.1:9"])
def test_nor_at_a_fake(word: str) -> None:
    with pytest.raises(NoFeed, match="a market that the engine does not see"):
        chosen(Asked(word, broker="alpaca:http://127.0.0.1:8000"), PLAIN, "both")


@pytest.mark.parametrize("url", ["sip", "https://api.alpaca.markets", "http://192.0.2.1:80"])
def test_a_fakes_market_is_on_this_machine(url: str, tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="only a fake on this machine"):
        chosen(Asked(f"alpaca:{url}"), PLAIN, "both")(tmp_path)


def test_a_fake_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Unanswered, match="the clock"):
        chosen(Asked("alpaca:http://127.0.0.1:1"), PLAIN, "both")(tmp_path)


def test_a_fakes_market_goes_in_the_fakes_time(tmp_path: Path) -> None:
    tape = market_tape(tmp_path / "market.tape")
    with Alpaca.on(tape, "--lock-step") as fake:
        feed = chosen(Asked(f"alpaca:{fake.urls['TradingClient']}", 1e6), PLAIN, "both")(tmp_path)
        first_ns = next(event.at_ns for event in Tape(tape).events() if isinstance(event, Quote))
        assert 0 < feed.now_ns() - first_ns < 24 * 60 * MINUTE_NS
        assert feed.now_ns() - feed.now_ns() < 0


@pytest.mark.parametrize("asked", [Asked("alpaca", 60.0), Asked("alpaca", faults="all")])
def test_a_real_market_has_its_own_pace_and_its_own_faults(asked: Asked) -> None:
    with pytest.raises(NoFeed, match="has no --faults, and a real market has no --speed"):
        chosen(asked, PLAIN, "both")


@pytest.mark.usefixtures("environment")
def test_alpacas_market_says_what_its_quotes_are(tmp_path: Path) -> None:
    assert chosen(Asked("alpaca"), PLAIN, "both")(tmp_path).marks == ("IEX", "INDICATIVE")
    best = load(None, ["stock_feed=sip", "option_feed=opra"])
    assert chosen(Asked("alpaca", live=True), best, "both")(tmp_path).marks == ()


def test_indicative_quotes_are_no_ground_for_real_money() -> None:
    with pytest.raises(NoFeed, match="option_feed = indicative: no real money"):
        chosen(Asked("alpaca", live=True), PLAIN, "options")


@pytest.mark.usefixtures("environment")
def test_funds_alone_need_no_option_quotes(tmp_path: Path) -> None:
    assert chosen(Asked("alpaca", live=True), PLAIN, "leveraged_etf")(tmp_path).marks == ("IEX", "INDICATIVE")


def test_without_keys_there_is_no_market(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(keys.KEY, raising=False)
    with pytest.raises(Unusable, match=f"set {keys.KEY}"):
        chosen(Asked("alpaca"), PLAIN, "both")(tmp_path)


def test_the_funds_of_each_ticker_are_heard_beside_it() -> None:
    both = shares_of(load(None, ['scalp_tickers=["QQQ"]']), "both", DAY)
    assert both[0] == "QQQ"
    assert {"TQQQ", "SQQQ", "QLD", "QID"} <= set(both)


def test_options_alone_need_no_funds() -> None:
    assert shares_of(load(None, ['scalp_tickers=["QQQ"]']), "options", DAY) == ("QQQ",)
