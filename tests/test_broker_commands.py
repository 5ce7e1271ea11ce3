"""`scalp broker`: what is at the fake Alpaca, and whether the engine in a folder believes the same."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from flows.brokers.alpaca import keys
from flows.engine.believing import believed
from flows.tape.segments import Segments
from operators.events import Checkpoint, Intent
from tests.alpaca_clients import buy, trading
from tests.commands import complaint, scalp, told
from tests.fakes.alpaca.process import Alpaca
from tests.left_engines import ACCOUNT, Left, at, made

pytest_plugins = ("tests.alpaca_fixtures", "tests.left_fixtures")


class TestOrders:
    def test_those_of_the_engine_come_first_and_others_are_told_apart(self, fake: Alpaca) -> None:
        client = trading(fake)
        buy(client, "SPY", 7, 600.0, "by-hand")
        buy(client, "TQQQ", 50, 49.95, "sc-20260302-1")
        assert scalp("broker", "orders", *at(fake)).out.splitlines() == [
            "engine  sc-20260302-1  buy 50 TQQQ, 0 filled, working",
            "other   by-hand  buy 7 SPY, 0 filled, working",
        ]

    def test_json_is_one_object(self, fake: Alpaca) -> None:
        placed = buy(trading(fake), "TQQQ", 50, 49.95, "sc-20260302-1")
        assert told(scalp("broker", "orders", *at(fake), "--json")) == {
            "orders": [
                {
                    "ours": True,
                    "client_order_id": "sc-20260302-1",
                    "broker_order_id": str(placed.id),
                    "side": "buy",
                    "quantity": 50,
                    "symbol": "TQQQ",
                    "filled": 0,
                    "state": "working",
                }
            ]
        }

    def test_none_is_said_too(self, fake: Alpaca) -> None:
        assert scalp("broker", "orders", *at(fake)).out == "no open orders\n"


class TestPositions:
    def test_they_are_told_with_their_average_price(self, fake: Alpaca) -> None:
        buy(trading(fake), "TQQQ", 50, 50.02, "by-hand")
        assert scalp("broker", "positions", *at(fake)).out == "50 TQQQ at 50.020000 USD\n"
        assert told(scalp("broker", "positions", *at(fake), "--json")) == {
            "positions": [{"symbol": "TQQQ", "quantity": 50, "average_usd": "50.020000"}]
        }

    def test_none_is_said_too(self, fake: Alpaca) -> None:
        assert scalp("broker", "positions", *at(fake)).out == "no positions\n"


class TestFaults:
    def test_paper_is_at_no_broker(self) -> None:
        assert complaint(scalp("broker", "orders", "--broker", "paper")) == (
            "--broker paper: that is inside the engine, see `scalp status`; name alpaca"
        )

    def test_real_money_takes_four_things_here_too(self) -> None:
        said = scalp("broker", "orders", "--broker", "alpaca", "--live", "--account", "A1")
        assert complaint(said) == "real money is not traded: live = true in the settings is missing"

    def test_keys_that_are_missing_are_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(keys.KEY, raising=False)
        monkeypatch.delenv(keys.SECRET, raising=False)
        assert complaint(scalp("broker", "positions")).startswith(f"no keys for Alpaca: set {keys.KEY}")

    def test_keys_that_are_refused_end_it(self, fake: Alpaca) -> None:
        fake.faults({"kind": "unauthorized"})
        assert complaint(scalp("broker", "positions", *at(fake))).startswith("Alpaca refuses the keys: check")

    def test_another_account_than_the_one_named_ends_it(self, fake: Alpaca) -> None:
        said = scalp("broker", "positions", *at(fake), "--account", "A1")
        assert complaint(said) == f"alpaca-paper says that this is account {ACCOUNT}, not A1: check the keys"

    def test_a_broker_that_does_not_answer_is_another_exit_code(self, fake: Alpaca) -> None:
        fake.faults({"kind": "503"})
        assert complaint(scalp("broker", "orders", *at(fake)), 3) == (
            "alpaca-paper does not answer: HTTP 503: no reason given"
        )


class TestReconcile:
    def test_an_account_as_the_engine_left_it_agrees(self, left: Left) -> None:
        said = left.reconciled()
        assert (said.code, said.err) == (0, "")
        assert said.out.endswith(f" UTC, account {ACCOUNT}: both sides agree\n")

    def test_it_believes_what_the_engine_believed_and_changes_nothing(self, left: Left) -> None:
        before = {path: path.read_bytes() for path in left.state.rglob("*") if path.is_file()}
        assert believed(left.state) == left.book
        assert {path: path.read_bytes() for path in left.state.rglob("*") if path.is_file()} == before

    def test_an_engine_may_run_there(self, left: Left) -> None:
        left.engine.folder.lock()
        try:
            assert left.reconciled().code == 0
        finally:
            left.engine.folder.release()

    def test_what_came_after_the_newest_checkpoint_counts(self, left: Left, tmp_path: Path) -> None:
        *before, last = Segments(left.state / "tape").events()
        assert isinstance(last, Checkpoint)
        assert believed(made(tmp_path, before)) == left.book

    def test_another_number_is_told_with_both_sides(self, left: Left) -> None:
        here, there = str(left.quantity), str(left.quantity + 1)
        with left.bought_by_hand():
            said = left.reconciled()
            row = json.loads(left.reconciled("--json").out)
        assert (said.code, said.err) == (3, "")
        assert said.out.splitlines()[1:] == [f"{left.symbol}: {here} here, {there} at the broker"]
        assert (row["agree"], row["account_id"], row["book_id"]) == (False, ACCOUNT, f"live:{ACCOUNT}")
        assert row["differences"] == [{"what": left.symbol, "here": here, "there": there}]

    def test_an_order_in_our_name_that_no_tape_knows_differs(self, left: Left) -> None:
        with left.ordered("sc-20260302-1"):
            said = left.reconciled()
        assert (said.code, said.out.splitlines()[1:]) == (
            3,
            [f"order sc-20260302-1 to buy 1 {left.symbol}: unknown here, working with 0 filled at the broker"],
        )

    def test_what_others_have_is_told_and_is_no_difference(self, left: Left) -> None:
        with left.ordered("by-hand"):
            said = left.reconciled()
        assert (said.code, said.out.splitlines()[1:]) == (0, [f"not the engine's: buy 1 {left.symbol}"])

    def test_an_order_that_filled_after_the_tapes_end_is_told_with_what_the_broker_says(
        self, left: Left, tmp_path: Path
    ) -> None:
        events = list(Segments(left.state / "tape").events())
        intent = next(event for event in events if isinstance(event, Intent))
        state, filled = made(tmp_path, events[: intent.seq]), f"{left.quantity} filled at the broker"
        said = scalp("broker", "reconcile", *at(left.fake), "--state", state)
        order = f"order {intent.client_order_id} to buy {left.quantity} {left.symbol}"
        assert (said.code, said.out.splitlines()[1:]) == (
            3,
            [
                f"{left.symbol}: 0 here, {left.quantity} at the broker",
                f"{order}: sending with 0 filled here, working with {filled}",
            ],
        )

    def test_the_account_of_another_engine_differs(self, left: Left, tmp_path: Path) -> None:
        first = next(Segments(left.state / "tape").events())
        state = made(tmp_path, [replace(first, book_id="live:A1")])
        said = scalp("broker", "reconcile", *at(left.fake), "--state", state)
        assert (said.code, said.out.splitlines()[1:]) == (3, [f"account: A1 here, {ACCOUNT} at the broker"])

    def test_a_book_on_paper_is_compared_with_no_broker(self, left: Left, tmp_path: Path) -> None:
        state = made(tmp_path, [replace(next(Segments(left.state / "tape").events()), book_id="paper:a", loop="paper")])
        said = scalp("broker", "reconcile", *at(left.fake), "--state", state)
        assert complaint(said) == f"{state} is that of paper:a, whose orders go to no broker: see `scalp status`"

    def test_a_folder_without_an_engine_is_named(self, left: Left, tmp_path: Path) -> None:
        said = scalp("broker", "reconcile", *at(left.fake), "--state", tmp_path / "none")
        assert complaint(said) == f"{tmp_path}/none does not exist: name the --state of an engine"
        assert not (tmp_path / "none").exists()

    def test_a_tape_that_goes_on_by_other_rules_is_not_guessed_at(self, left: Left, tmp_path: Path) -> None:
        first, *rest = list(Segments(left.state / "tape").events())[:9]
        state = made(tmp_path, [replace(first, rules_version=-1), *rest])
        said = scalp("broker", "reconcile", *at(left.fake), "--state", state)
        assert "was decided by another version of the program" in complaint(said)
