"""What goes wrong in a simulated market when that is asked for, and that all else stays as it was."""

from math import isnan
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from flows.market.perturb import HALT_MINUTES, KINDS, Kind, trouble
from flows.market.world import TICKERS
from operators import sessions
from operators.contracts import prices_of
from operators.events import MINUTE_NS, AnyEvent, Bar, Chain, Event, Quote, encode
from tests.commands import replayed, scalp
from tests.simulated import HALF_DAY, MINUTES, SMALL_WORDS, SYMBOLS, events, of

Folders = pytest.TempPathFactory
OPEN_NS = 1_795_789_800_000_000_000
"""2026-11-27 14:30 UTC, 9:30 in New York."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: Folders) -> list[AnyEvent]:
    return unplaced(tmp_path_factory.mktemp("sound"))


def unplaced(folder: Path, *kinds: Kind) -> list[AnyEvent]:
    """The events of a troubled market without their places, which move with every event that is missing."""
    return [replace(event, seq=0, at_ns=0) for event in events(folder, perturb=frozenset(kinds))]


def lost(sound: list[AnyEvent], troubled: list[AnyEvent]) -> list[AnyEvent]:
    """What the troubled market lacks; it must have nothing that the sound one has not."""
    left = {encode(event) for event in troubled}
    assert left <= {encode(event) for event in sound}
    return [event for event in sound if encode(event) not in left]


def minute(event: Event) -> int:
    """The minute of the session in which something happened; a bar's or chain's end belongs to it."""
    end = 1 if isinstance(event, Bar | Chain) else 0
    return (event.event_ns - OPEN_NS - end) // MINUTE_NS


def test_the_open_is_that_of_the_half_day() -> None:
    session = sessions.session(HALF_DAY)
    assert session is not None
    assert session.open_ns == OPEN_NS


def test_gaps_take_the_bars_and_quotes_of_a_symbol_for_some_minutes(sound: list[AnyEvent], tmp_path: Path) -> None:
    missing = lost(sound, unplaced(tmp_path, "gaps"))
    assert {type(event) for event in missing} == {Bar, Quote}
    gaps = {(bar.ticker, minute(bar)) for bar in of(Bar, missing)}
    # Three gaps of 2 to 5 minutes each, which may overlap.
    assert 2 <= len(gaps) <= 15
    assert {(quote.symbol, minute(quote)) for quote in of(Quote, missing)} == gaps


def test_stale_minutes_have_no_quote_and_no_chain_but_bars(sound: list[AnyEvent], tmp_path: Path) -> None:
    missing = lost(sound, unplaced(tmp_path, "stale"))
    assert {type(event) for event in missing} == {Chain, Quote}
    silent = {minute(event) for event in missing}
    assert len(silent) == 2
    # Six quotes a minute of six symbols, one chain of both underlyings.
    assert len(missing) == 2 * (6 * len(SYMBOLS) + 2)


def test_crossed_spoils_some_quotes_and_nothing_else(sound: list[AnyEvent], tmp_path: Path) -> None:
    troubled = unplaced(tmp_path, "crossed")
    assert [type(event) for event in troubled] == [type(event) for event in sound]
    pairs = [(a, b) for a, b in zip(sound, troubled, strict=True) if encode(a) != encode(b)]
    assert {type(event) for event, _ in pairs} == {Chain, Quote}
    quotes = [b for _, b in pairs if isinstance(b, Quote)]
    assert any(quote.bid > quote.ask for quote in quotes)
    assert any(quote.bid == quote.ask for quote in quotes)
    assert all(quote.bid >= quote.ask for quote in quotes)
    # One in a hundred of 7,560: 76 expected, a deviation of 9.
    assert 40 < len(quotes) < 112


def test_crossed_contracts_are_the_same_prices_exchanged_or_made_equal(sound: list[AnyEvent], tmp_path: Path) -> None:
    spoiled = 0
    for before, after in zip(of(Chain, sound), of(Chain, unplaced(tmp_path, "crossed")), strict=True):
        (bid, ask), (new_bid, new_ask) = ([prices_of(c, 60) for c in (e.bid, e.ask)] for e in (before, after))
        changed = new_ask != ask
        spoiled += int(changed.sum())
        assert (new_ask[changed] == bid[changed]).all()
        assert np.array_equal(np.isnan(bid), np.isnan(new_bid))
    # One in a hundred of 2 x 209 x 60 = 25,080 contracts, those without a bid excepted.
    assert 100 < spoiled < 320


def test_a_halted_symbol_is_silent_for_five_minutes_and_reopens_elsewhere(
    sound: list[AnyEvent], tmp_path: Path
) -> None:
    troubled = unplaced(tmp_path, "halt")
    # The small market's only share.
    before = {minute(bar): bar for bar in of(Bar, sound) if bar.ticker == "NVDA" and not bar.history}
    after = {minute(bar): bar for bar in of(Bar, troubled) if bar.ticker == "NVDA" and not bar.history}
    halted = sorted(set(before) - set(after))
    assert halted == list(range(halted[0], halted[0] + HALT_MINUTES))
    assert {minute(chain) for chain in of(Chain, troubled) if chain.underlying == "NVDA"} == set(range(209)) - set(
        halted
    )
    assert not {minute(quote) for quote in of(Quote, troubled) if quote.symbol == "NVDA"} & set(halted)
    first = halted[-1] + 1
    moved = abs(np.log(after[first].open / before[first].open))
    # Half a usual day's move to one and a half; prices are in cents.
    assert 0.49 * TICKERS["NVDA"].daily < moved < 1.51 * TICKERS["NVDA"].daily
    assert all(before[number] == after[number] for number in range(halted[0]))


def test_a_halt_leaves_all_other_symbols_as_they_were(sound: list[AnyEvent], tmp_path: Path) -> None:
    def others(found: list[AnyEvent]) -> list[AnyEvent]:
        kinds = [bar for bar in of(Bar, found) if bar.ticker != "NVDA"], of(Quote, found), of(Chain, found)
        quotes = [quote for quote in kinds[1] if quote.symbol != "NVDA"]
        return [*kinds[0], *quotes, *(chain for chain in kinds[2] if chain.underlying != "NVDA")]

    sound_ones, troubled = others(sound), others(unplaced(tmp_path, "halt"))
    assert list(map(encode, sound_ones)) == list(map(encode, troubled))


def test_troubles_come_back_the_same(tmp_path: Path) -> None:
    once, again = (unplaced(tmp_path, *KINDS) for _ in range(2))
    assert list(map(encode, once)) == list(map(encode, again))


def test_trouble_keeps_away_from_open_and_close_and_from_history(sound: list[AnyEvent], tmp_path: Path) -> None:
    troubled = unplaced(tmp_path, "gaps", "stale", "halt")
    for kind, name in ((Bar, "ticker"), (Quote, "symbol")):
        edges = [
            [encode(event) for event in of(kind, found) if minute(event) < 10 and getattr(event, name) == "SPY"]
            for found in (sound, troubled)
        ]
        assert edges[0] == edges[1]
    assert minute(troubled[-1]) == MINUTES - 1


def test_where_no_share_is_simulated_an_index_fund_is_halted() -> None:
    session = sessions.session(HALF_DAY)
    assert session is not None
    found = trouble(7, session, frozenset({"halt"}), ["SPY"], ["SPY"])
    assert [gap.symbol for gap in found.missing] == ["SPY"]
    assert found.jump is not None
    assert found.jump[0] == "SPY"


def test_nothing_goes_wrong_unless_asked_for(sound: list[AnyEvent]) -> None:
    assert all(quote.bid < quote.ask for quote in of(Quote, sound))
    assert not any(isnan(quote.bid) for quote in of(Quote, sound))
    assert len([bar for bar in of(Bar, sound) if not bar.history]) == MINUTES * len(SYMBOLS)


def test_a_market_with_every_trouble_is_replayed_to_its_end(tmp_path: Path) -> None:
    out = tmp_path / "one.tape"
    said = scalp("generate", *SMALL_WORDS, "--perturb", "gaps,stale,crossed,halt", "--out", out)
    assert said.code == 0
    told = replayed(out, mode="both", database=f"sqlite:///{tmp_path / 'one.db'}")
    assert told["open_positions"] == []
