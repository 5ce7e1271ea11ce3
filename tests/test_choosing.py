"""Which broker a run trades at: real money only where four things say so, and nothing that the broker cannot do."""

import re

import pytest

from flows.brokers.alpaca import keys
from flows.brokers.choosing import NoBroker, chosen
from flows.settings import Settings, load

LIVE = load(None, ["live=true"])
PLAIN = load()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(keys.KEY, "a-key")
    monkeypatch.setenv(keys.SECRET, "a-secret")


def test_paper_is_no_broker() -> None:
    assert chosen("paper", "", live=False, settings=PLAIN) is None


@pytest.mark.parametrize("word", ["alpaka", "", "paper:http://127.0.0.1:1"])
def test_another_word_is_refused_with_those_that_are_known(word: str) -> None:
    with pytest.raises(NoBroker, match=re.escape(f"--broker {word}: expected paper, alpaca, or alpaca:URL")):
        chosen(word, "", live=False, settings=PLAIN)


def test_alpaca_alone_is_its_paper_account() -> None:
    made = chosen("alpaca", "", live=False, settings=PLAIN)
    assert made is not None
    assert made.address == keys.PAPER.rest


def test_four_things_together_are_real_money() -> None:
    made = chosen("alpaca", "A1", live=True, settings=LIVE)
    assert made is not None
    assert made.address == keys.LIVE.rest


@pytest.mark.parametrize(
    ("word", "account", "live", "settings", "missing"),
    [
        ("alpaca", "A1", True, PLAIN, "live = true in the settings is missing"),
        ("alpaca", "A1", False, LIVE, "--live is missing"),
        ("alpaca", "", True, LIVE, "--account with the account's id is missing"),
        ("paper", "A1", True, LIVE, "a broker that takes real money (--broker alpaca) is missing"),
        ("alpaca:http://127.0.0.1:9", "A1", True, LIVE, "a broker that takes real money (--broker alpaca) is missing"),
        ("alpaca", "", True, PLAIN, "live = true in the settings, --account with the account's id are missing"),
    ],
)
def test_without_one_of_them_nothing_is_traded(
    word: str, account: str, live: bool, settings: Settings, missing: str
) -> None:
    with pytest.raises(NoBroker, match=re.escape(f"real money is not traded: {missing}")):
        chosen(word, account, live, settings)


def test_keys_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(keys.SECRET)
    with pytest.raises(NoBroker, match=f"no keys for Alpaca: set {keys.SECRET} in the environment"):
        chosen("alpaca", "", live=False, settings=PLAIN)


def test_a_fake_needs_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(keys.KEY)
    made = chosen("alpaca:http://127.0.0.1:8000", "", live=False, settings=PLAIN)
    assert made is not None
    assert made.address == "http://127.0.0.1:8000"


@pytest.mark.parametrize("url", ["https://api.alpaca.markets", "http://192.0.2.1:80", "ftp://127.0.0.1"])
def test_keys_go_to_no_address_of_somebody_else(url: str) -> None:
    with pytest.raises(NoBroker, match="only a fake on this machine"):
        chosen(f"alpaca:{url}", "", live=False, settings=PLAIN)


def test_what_the_broker_cannot_trade_is_refused() -> None:
    with pytest.raises(NoBroker, match="Alpaca trades no index options, set it to false"):
        chosen("alpaca", "", live=False, settings=load(None, ["index_options=true"]))
