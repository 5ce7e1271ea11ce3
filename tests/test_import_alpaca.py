"""`scalp import alpaca`: past sessions by the unmodified clients at the fake, and what is refused in one line."""

from pathlib import Path

import numpy as np
import pytest

from flows.brokers.alpaca.keys import KEY, SECRET
from flows.tape.reader import Tape
from operators.contracts import counts_of
from operators.events import Bar, Chain, Contracts, Quote
from tests.alpaca_market import CALL, DAY, FRIDAY, ny
from tests.commands import Said, complaint, scalp
from tests.fakes.alpaca.process import Alpaca

pytest_plugins = ("tests.alpaca_fixtures",)


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (KEY, SECRET):
        monkeypatch.setenv(name, f"some-{name}")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "day.tape"


def imported(fake: Alpaca, out: Path, *words: object, tickers: tuple[str, ...] = ("SPY",), day: object = DAY) -> Said:
    """What the command says to a day that is over."""
    fake.until(ny("16:05"))
    named = [word for ticker in tickers for word in ("--ticker", ticker)]
    return scalp(
        "import", "alpaca", *named, "--date", day, "--address", fake.urls["TradingClient"], "--out", out, *words
    )


class TestShares:
    def test_bars_come_with_modelled_quotes_behind_their_history(self, fake: Alpaca, out: Path) -> None:
        said = imported(fake, out, "--history", 1)
        assert (said.code, said.err) == (0, "")
        assert "5 events over 1 sessions and 1 of history; bars SPY 4; 1 MODELLED quotes, 0 chains" in said.out
        events = list(Tape(out).events())
        assert [(type(event), event.event_ns) for event in events] == [
            *((Bar, ny(f"15:{minute}", FRIDAY)) for minute in (57, 58, 59)),
            (Quote, ny("10:01")),
            (Bar, ny("10:01")),
        ]
        assert [event.history for event in events if isinstance(event, Bar)] == [True, True, True, False]
        assert [event.seq for event in events] == [1, 2, 3, 4, 5]

    def test_of_history_that_is_not_there_both_numbers_are_told(self, fake: Alpaca, out: Path) -> None:
        said = imported(fake, out, "--history", 12)
        assert said.err == (
            "scalp: warning: 12 sessions of history were asked for, Alpaca has bars of 1: clouds and averages warm up "
            "on these alone\n"
        )
        assert (said.code, "over 1 sessions and 1 of history; bars SPY 4" in said.out) == (0, True)

    def test_a_quote_is_modelled_from_its_bar(self, fake: Alpaca, out: Path) -> None:
        imported(fake, out)
        (quote,) = (event for event in Tape(out).events() if isinstance(event, Quote))
        # The close of 680.50, rounded up, and 1 bp under it: 7 cents. A tenth of 1,000 shares.
        assert (quote.bid, quote.ask, quote.bid_size) == (680.43, 680.5, 100.0)

    def test_the_tape_says_what_it_was_made_of(self, fake: Alpaca, out: Path) -> None:
        imported(fake, out, "--history", 0, "--shares", "iex")
        header = Tape(out).header
        assert (header.marks, header.cadences["bar"]) == (("MODELLED", "IEX"), 60.0)
        assert [(source.name, source.rows) for source in header.sources] == [("alpaca iex 2026-03-02", 1)]

    def test_the_same_answers_are_the_same_tape(self, fake: Alpaca, out: Path) -> None:
        imported(fake, out)
        first = out.read_bytes()
        assert imported(fake, out, "--overwrite").code == 0
        assert out.read_bytes() == first

    def test_a_ticker_without_a_bar_is_told(self, fake: Alpaca, out: Path) -> None:
        said = imported(fake, out, tickers=("SPY", "XYZ"))
        assert (said.code, "2026-03-02 has no bar of XYZ" in said.err) == (0, True)


class TestOptions:
    def test_chains_hold_what_was_traded_so_far_and_no_quotes(self, fake: Alpaca, out: Path) -> None:
        said = imported(fake, out, "--options-of", "SPY")
        assert said.code == 0
        assert "Alpaca keeps no past quotes of options" in said.err
        events = list(Tape(out).events())
        (table,) = (event for event in events if isinstance(event, Contracts))
        chains = [event for event in events if isinstance(event, Chain)]
        assert (len(table.symbols), len(chains), table.event_ns) == (60, 390, ny("09:30"))
        assert {(chain.bid, chain.ask, chain.open_interest) for chain in chains} == {(b"", b"", b"")}
        call = table.symbols.index(CALL)
        # Ten were traded by the snapshots of 10:00, and none after that.
        told = {chain.event_ns: counts_of(chain.volume, 60)[call] for chain in chains}
        assert [told[ny(clock)] for clock in ("09:31", "10:00", "10:01", "16:00")] == [0.0, 0.0, 10.0, 10.0]

    def test_a_table_comes_before_its_chains_and_a_chain_before_the_bar(self, fake: Alpaca, out: Path) -> None:
        imported(fake, out, "--options-of", "SPY", "--history", 0)
        events = list(Tape(out).events())
        assert isinstance(events[0], Contracts)
        assert [type(event) for event in events if event.event_ns == ny("10:01")] == [Chain, Quote, Bar]
        assert np.all(np.diff([event.at_ns for event in events]) > 0)


class TestRefusals:
    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (("--options-of", "QQQ"), "options of QQQ need the bars of it"),
            (("--ticker", "toolong"), "names the ticker 'toolong'"),
            (("--date", "2026-03-02"), "2026-03-02 was given twice"),
            (("--date", "2026-03-01"), "2026-03-01 is no session"),
            (("--date", "2028-12-29"), "2028-12-29 is not over"),
            (("--date", "2040-01-03"), "2040-01-03 cannot be imported"),
            (("--history", "9999"), "9999 sessions of history before 2026-03-02"),
            (("--address", "http://example.com"), "would be told the keys in clear"),
        ],
    )
    def test_what_cannot_be_asked_for_is_one_line(
        self, fake: Alpaca, out: Path, words: tuple[str, ...], said: str
    ) -> None:
        assert said in complaint(imported(fake, out, *words))
        assert not out.exists()

    def test_a_day_without_a_bar_is_refused(self, fake: Alpaca, out: Path) -> None:
        assert "2026-02-26 has no bar of SPY" in complaint(imported(fake, out, day="2026-02-26"))

    @pytest.mark.parametrize(
        ("kind", "said"),
        [("unauthorized", "Alpaca refuses the keys"), ("503", "bars of SPY: HTTP 503"), ("reset", "ConnectionError")],
    )
    def test_no_answer_is_one_line_without_the_keys(self, fake: Alpaca, out: Path, kind: str, said: str) -> None:
        fake.faults({"kind": kind, "count": 0})
        line = complaint(imported(fake, out))
        assert said in line
        assert "some-" not in line

    def test_keys_that_are_not_set_are_named(self, fake: Alpaca, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(SECRET)
        assert f"set {SECRET} in the environment" in complaint(imported(fake, out))

    def test_a_tape_that_is_there_is_kept(self, fake: Alpaca, out: Path) -> None:
        out.write_bytes(b"mine")
        assert "exists" in complaint(imported(fake, out))
        assert out.read_bytes() == b"mine"
