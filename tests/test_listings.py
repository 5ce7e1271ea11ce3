"""What is remembered of option chains: tables and snapshots, those that fit and those that cannot be."""

from datetime import date
from math import inf, nan
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from operators.events import MINUTE_NS, Dividend
from operators.listings import Listing, Listings, sound
from tests.builders import DAY, ny
from tests.listing_builders import USUAL, iv_of, listed, seen, told
from tests.option_builders import SPOT, TOMORROW, snapshot, table


class TestTables:
    def test_a_listing_without_a_snapshot_has_no_chain(self) -> None:
        assert listed().of("QQQ").view(ny("10:00"), SPOT) is None
        assert Listing().view(ny("10:00"), SPOT) is None

    def test_the_newest_snapshot_is_what_a_signal_sees(self) -> None:
        made = listed()
        told(made, "10:00")
        newest = told(made, "10:01")
        view = seen(made, "10:01:03")
        assert (view.table, view.chain, view.age_ns, view.spot) == (USUAL, newest, 3_000_000_000, SPOT)

    def test_a_late_snapshot_is_as_old_as_what_it_tells(self) -> None:
        made = listed()
        late = replace(snapshot(USUAL, ny("10:00")), at_ns=ny("10:00:04"))
        assert made.snapshot(late, SPOT, 0.0)
        assert seen(made, "10:00:05").age_ns == 5_000_000_000

    def test_a_snapshot_from_the_future_is_not_younger_than_its_arrival(self) -> None:
        made = listed()
        early = replace(snapshot(USUAL, ny("10:00:04")), at_ns=ny("10:00"))
        assert made.snapshot(early, SPOT, 0.0)
        assert seen(made, "10:00:05").age_ns == 5_000_000_000

    def test_a_new_table_waits_for_its_own_snapshot(self) -> None:
        made = listed()
        told(made, "10:00")
        other = table(expiries=(DAY, TOMORROW), strikes=(570.0, 571.0, 572.0))
        assert made.table(other)
        assert made.of("QQQ").view(ny("10:01"), SPOT) is None
        told(made, "10:01")
        assert seen(made, "10:01").table == other

    def test_a_new_table_keeps_history(self) -> None:
        made = listed()
        made.history(iv_of(date(2025, 8, 15), 0.2))
        made.history(Dividend(1, ny("09:00"), ny("09:00"), "QQQ", TOMORROW, 0.6))
        assert made.table(USUAL)
        told(made, "10:00")
        assert (seen(made, "10:00").atm_ivs, seen(made, "10:00").ex_dates) == ((0.2,), (TOMORROW,))

    def test_underlyings_are_apart(self) -> None:
        made = listed()
        told(made, "10:00")
        assert made.table(table("SPY"))
        assert made.of("SPY").view(ny("10:00"), SPOT) is None
        assert seen(made, "10:00").table == USUAL

    @pytest.mark.parametrize(
        "changes",
        [
            {"symbols": (), "rights": (), "strikes": (), "expiries": (), "adjusted": ()},
            {"symbols": USUAL.symbols[:-1]},
            {"rights": USUAL.rights[:-1]},
            {"strikes": (*USUAL.strikes, 570.0)},
            {"expiries": USUAL.expiries[:-1]},
            {"adjusted": ()},
            {"symbols": (USUAL.symbols[1], *USUAL.symbols[1:])},
            {"rights": (0, *USUAL.rights[1:])},
            {"rights": (2, *USUAL.rights[1:])},
            {"strikes": (0.0, *USUAL.strikes[1:])},
            {"strikes": (-1.0, *USUAL.strikes[1:])},
            {"strikes": (nan, *USUAL.strikes[1:])},
            {"strikes": (inf, *USUAL.strikes[1:])},
            {"multiplier": 0},
            {"multiplier": -100},
        ],
        ids=str,
    )
    def test_an_unsound_table_is_no_table_and_ends_the_one_before(self, changes: dict[str, Any]) -> None:
        made = listed()
        told(made, "10:00")
        bad = replace(USUAL, **changes)
        assert not sound(bad)
        assert not made.table(bad)
        assert made.of("QQQ").view(ny("10:01"), SPOT) is None
        assert not made.snapshot(snapshot(USUAL, ny("10:01")), SPOT, 0.0)

    def test_a_sound_table_after_an_unsound_one_is_used(self) -> None:
        made = listed()
        assert not made.table(replace(USUAL, multiplier=0))
        assert made.table(USUAL)
        told(made, "10:00")
        assert seen(made, "10:00").table == USUAL


class TestSnapshots:
    def test_a_snapshot_without_a_table_is_refused(self) -> None:
        assert not Listings({}).snapshot(snapshot(USUAL, ny("10:00")), SPOT, 0.0)

    @pytest.mark.parametrize("name", ["bid", "ask", "bid_size", "ask_size", "volume", "open_interest"])
    def test_a_snapshot_of_another_length_is_refused_and_the_one_before_stands_and_ages(self, name: str) -> None:
        made = listed()
        before = told(made, "10:00")
        chain = snapshot(USUAL, ny("10:01"))
        assert not made.snapshot(replace(chain, **{name: getattr(chain, name)[:-1]}), SPOT, 0.0)
        view = seen(made, "10:01")
        assert (view.chain, view.age_ns) == (before, MINUTE_NS)

    def test_a_snapshot_without_some_columns_fits(self) -> None:
        chain = replace(snapshot(USUAL, ny("10:00")), bid_size=b"", ask_size=b"", volume=b"", open_interest=b"")
        assert listed().snapshot(chain, SPOT, 0.0)


def test_the_listings_encode_and_restore_equal() -> None:
    made = listed()
    made.history(iv_of(date(2025, 8, 15), 0.2))
    made.history(Dividend(1, ny("09:00"), ny("09:00"), "QQQ", TOMORROW, 0.6))
    told(made, "15:45")
    told(made, "15:46")
    again = msgspec.msgpack.decode(msgspec.msgpack.encode(made), type=Listings)
    assert again == made
    assert again.of("QQQ").view(ny("15:46:01"), SPOT) == made.of("QQQ").view(ny("15:46:01"), SPOT)


def test_two_listings_share_nothing() -> None:
    first, second = Listings(), Listings()
    first.of("QQQ").remember_iv("2025-08-18", 0.2)
    first.history(Dividend(1, ny("09:00"), ny("09:00"), "QQQ", TOMORROW, 0.1))
    assert (second.known, Listing().atm_ivs, Listing().ex_dates) == ({}, {}, [])
