"""Which feed a word stands for, what it brings, and which words are refused."""

import re
from datetime import date
from pathlib import Path

import pytest

from flows.brokers.alpaca import keys
from flows.brokers.port import Unusable
from flows.feeds.choosing import Asked, NoFeed, chosen, shares_of
from flows.feeds.recorded import RecordedFeed
from flows.settings import load
from tests.kills import market_tape

DAY = date(2026, 11, 25)
PLAIN = load()


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(keys.KEY, "a-key")
    monkeypatch.setenv(keys.SECRET, "a-secret")


def test_a_tape_is_played(tmp_path: Path) -> None:
    tape = market_tape(tmp_path / "market.tape")
    assert isinstance(chosen(Asked(f"replay:{tape}"), PLAIN, "both", live=False)(tmp_path), RecordedFeed)


@pytest.mark.parametrize("word", ["", "alpaka", "replay", "replay:", "simulated:one", "alpaca:sip"])
def test_another_word_is_refused_with_those_that_are_known(word: str) -> None:
    with pytest.raises(NoFeed, match=re.escape(f"--feed {word}: expected simulated, simulated:SEED, replay:TAPE")):
        chosen(Asked(word), PLAIN, "both", live=False)


@pytest.mark.parametrize("asked", [Asked("alpaca", 60.0), Asked("alpaca", faults="all")])
def test_a_real_market_has_its_own_pace_and_its_own_faults(asked: Asked) -> None:
    with pytest.raises(NoFeed, match="it has no --speed and no --faults"):
        chosen(asked, PLAIN, "both", live=False)


@pytest.mark.usefixtures("environment")
def test_alpacas_market_says_what_its_quotes_are(tmp_path: Path) -> None:
    assert chosen(Asked("alpaca"), PLAIN, "both", live=False)(tmp_path).marks == ("IEX", "INDICATIVE")
    best = load(None, ["stock_feed=sip", "option_feed=opra"])
    assert chosen(Asked("alpaca"), best, "both", live=True)(tmp_path).marks == ()


def test_indicative_quotes_are_no_ground_for_real_money() -> None:
    with pytest.raises(NoFeed, match="option_feed = indicative: no real money"):
        chosen(Asked("alpaca"), PLAIN, "options", live=True)


@pytest.mark.usefixtures("environment")
def test_funds_alone_need_no_option_quotes(tmp_path: Path) -> None:
    assert chosen(Asked("alpaca"), PLAIN, "leveraged_etf", live=True)(tmp_path).marks == ("IEX", "INDICATIVE")


def test_without_keys_there_is_no_market(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(keys.KEY, raising=False)
    with pytest.raises(Unusable, match=f"set {keys.KEY}"):
        chosen(Asked("alpaca"), PLAIN, "both", live=False)(tmp_path)


def test_the_funds_of_each_ticker_are_heard_beside_it() -> None:
    both = shares_of(load(None, ['scalp_tickers=["QQQ"]']), "both", DAY)
    assert both[0] == "QQQ"
    assert {"TQQQ", "SQQQ", "QLD", "QID"} <= set(both)


def test_options_alone_need_no_funds() -> None:
    assert shares_of(load(None, ['scalp_tickers=["QQQ"]']), "options", DAY) == ("QQQ",)
