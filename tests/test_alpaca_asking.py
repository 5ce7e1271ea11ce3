"""What Alpaca answers over REST as events, by the unmodified clients at the fake: pages, faults, keys."""

import ast
import datetime as dt
from math import isnan
from pathlib import Path

import numpy as np
import pytest

from flows.brokers.alpaca.keys import ANY
from flows.feeds.alpaca.asking import Access, Asking, Reach
from flows.feeds.alpaca.faults import Unanswered, WrongKeys
from flows.feeds.alpaca.listing import Listing, listing, volumes
from flows.feeds.alpaca.translating import bar
from flows.tape.faults import Refused
from operators.contracts import counts_of, prices_of
from operators.events import Chain
from tests.alpaca_market import CALL, DAY, FRIDAY, PUT, TOMORROW, ny
from tests.fakes.alpaca.process import Alpaca
from tests.sources import modules, roots, tree

pytest_plugins = ("tests.alpaca_fixtures",)

ALL = Reach("SPY", DAY, TOMORROW, 1.0, 1_000.0)


@pytest.fixture
def asking(fake: Alpaca) -> Asking:
    return Asking(Access(ANY, address=fake.urls["TradingClient"]))


def listed(asking: Asking) -> Listing:
    return listing("SPY", asking.contracts(ALL), DAY, ny("09:30"))


def chain(asking: Asking) -> Chain:
    made, _ = listed(asking).chain(asking.chain(ALL), {}, {}, ny("09:30"))
    assert made is not None
    return made


def test_bars_of_the_days_before_are_a_history(asking: Asking) -> None:
    told = asking.bars(["SPY", "TQQQ"], ny("09:30", FRIDAY), ny("16:00", FRIDAY))
    found = [bar("SPY", one, Refused(), history=True) for one in told["SPY"]]
    assert [(one.event_ns, one.close) for one in found if one is not None] == [
        (ny("15:57", FRIDAY), 678.57),
        (ny("15:58", FRIDAY), 678.58),
        (ny("15:59", FRIDAY), 678.59),
    ]


class TestContracts:
    def test_all_pages_make_one_table(self, asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("flows.feeds.alpaca.asking.CONTRACTS_A_PAGE", 25)
        found = listed(asking)
        assert (len(found.table.symbols), found.left_out, found.stale_interests) == (60, {}, 0)
        assert found.interests[found.table.symbols.index(CALL)].day == FRIDAY

    def test_expiries_and_strikes_are_within_reach(self, asking: Asking) -> None:
        rows = asking.contracts(Reach("SPY", TOMORROW, TOMORROW, 688.0, 700.0))
        assert [row["symbol"] for row in rows] == ["SPY260303C00688000", "SPY260303C00689000"]

    @pytest.mark.parametrize(("kind", "said"), [("page_loops", "a page names one"), ("page_fails", "HTTP 500")])
    def test_a_part_of_the_pages_is_no_table(
        self, asking: Asking, fake: Alpaca, monkeypatch: pytest.MonkeyPatch, kind: str, said: str
    ) -> None:
        monkeypatch.setattr("flows.feeds.alpaca.asking.CONTRACTS_A_PAGE", 25)
        fake.faults({"kind": kind, "count": 0})
        with pytest.raises(Unanswered, match=f"contracts of SPY: {said}"):
            asking.contracts(ALL)

    @pytest.mark.parametrize(
        ("kind", "stale", "day"), [("no_open_interest", 0, None), ("stale_open_interest", 60, dt.date(2026, 2, 23))]
    )
    def test_open_interest_that_is_absent_or_old_is_missing_on_the_chain(
        self, asking: Asking, fake: Alpaca, kind: str, stale: int, day: dt.date | None
    ) -> None:
        fake.faults({"kind": kind})
        found = listed(asking)
        made, _ = found.chain(asking.chain(ALL), {}, {}, ny("09:30"))
        assert made is not None
        assert (found.stale_interests, found.interests[0].day) == (stale, day)
        assert np.isnan(counts_of(made.open_interest, 60)).all()


class TestChains:
    def test_a_chain_is_what_stands_on_the_tape(self, asking: Asking) -> None:
        made, symbols = chain(asking), listed(asking).table.symbols
        call, put = symbols.index(CALL), symbols.index(PUT)
        bids, asks = prices_of(made.bid, 60), prices_of(made.ask, 60)
        assert (bids[call], asks[call], bids[put], asks[put]) == (1.0, 1.05, 0.4, 0.5)
        assert (made.event_ns, counts_of(made.open_interest, 60)[call]) == (ny("10:00:00"), 510.0)

    def test_a_contract_that_nobody_quotes_is_missing(self, asking: Asking) -> None:
        unquoted = listed(asking).table.symbols.index("SPY260302C00675000")
        assert isnan(prices_of(chain(asking).bid, 60)[unquoted])

    def test_strange_roots_are_counted_and_left_out(self, asking: Asking, fake: Alpaca) -> None:
        found = listed(asking)
        fake.faults({"kind": "strange_roots"})
        assert found.chain(asking.chain(ALL), {}, {}, ny("09:30"))[1] == 3

    def test_noise_is_gone(self, asking: Asking, fake: Alpaca) -> None:
        clean = chain(asking)
        fake.faults({"kind": "float_noise"})
        assert (chain(asking).bid, chain(asking).ask) == (clean.bid, clean.ask)

    def test_nan_is_no_answer(self, asking: Asking, fake: Alpaca) -> None:
        fake.faults({"kind": "nan"})
        with pytest.raises(Unanswered, match="chain of SPY"):
            asking.chain(ALL)

    def test_volumes_of_today_come_from_the_days_bars(self, asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
        # Rows 10, 30 and 5 of the table; nobody quotes the last one, so it has no bar.
        asked = [CALL, PUT, "SPY260302C00675000"]
        monkeypatch.setattr("flows.feeds.alpaca.asking.SYMBOLS_A_QUESTION", 2)
        assert volumes(asked, asking.days(asked, DAY), DAY) == {CALL: 10.0, PUT: 30.0, "SPY260302C00675000": 0.0}


class TestFaults:
    @pytest.mark.parametrize("kind", ["429", "500", "504"])
    def test_an_error_is_asked_once_and_told(self, asking: Asking, fake: Alpaca, kind: str) -> None:
        fake.faults({"kind": kind, "count": 0})
        with pytest.raises(Unanswered, match=f"chain of SPY: HTTP {kind}"):
            asking.chain(ALL)
        assert fake.state()["requests"]["GET /v1beta1/options/snapshots/SPY"] == 1

    def test_alpacas_words_are_passed_on(self, asking: Asking, fake: Alpaca) -> None:
        with pytest.raises(Unanswered, match=r"bars of SPY: HTTP 429 \(too many requests.\)"):
            fake.faults({"kind": "429"})
            asking.bars(["SPY"], ny("09:30"), ny("10:00"))

    def test_a_reset_is_no_answer(self, asking: Asking, fake: Alpaca) -> None:
        fake.faults({"kind": "reset", "count": 0})
        with pytest.raises(Unanswered, match="bars of SPY: ConnectionError"):
            asking.bars(["SPY"], ny("09:30"), ny("10:00"))

    def test_refused_keys_are_no_reason_to_try_again_and_are_not_shown(self, asking: Asking, fake: Alpaca) -> None:
        fake.faults({"kind": "unauthorized"})
        with pytest.raises(WrongKeys, match="refuses the keys") as caught:
            asking.contracts(ALL)
        assert "some-" not in str(caught.value)


def test_the_client_is_loaded_by_alpacas_own_packages_alone() -> None:
    # It takes a second and a hundred megabytes.
    loading = {path.parent.as_posix() for path in modules("flows") if "alpaca" in roots(path)}
    assert loading - {"flows/brokers/alpaca"} == {"flows/feeds/alpaca"}


def test_no_module_loads_a_module_of_alpacas_market_with_itself() -> None:
    light = {f"flows.feeds.alpaca.{name}" for name in ("faults", "plan")}
    others = [path for path in modules("flows") if path.parent.as_posix() != "flows/feeds/alpaca"]
    named = {node.module for path in others for node in tree(path).body if isinstance(node, ast.ImportFrom)}
    assert {name for name in named if name and name.startswith("flows.feeds.alpaca")} <= light
    assert "alpaca" not in {root for name in light for root in roots(Path(f"{name.replace('.', '/')}.py"))}
