"""A market that the fake plays comes through the live feed as it is: every bar and quote, every cell of a chain."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from flows.tape.reader import Tape
from operators.contracts import FloatArray, counts_of, parse_occ, prices_of
from operators.events import AnyEvent, Bar, Chain, Contracts, Quote, encode
from tests.alpaca_live import Live, live
from tests.fakes.alpaca.process import Alpaca
from tests.order_kills import TICKERS, market_tape

LOOKS = 12
"""Snapshots of a minute each: of so many the market is played."""
COLUMNS = {"bid": prices_of, "ask": prices_of, "bid_size": counts_of, "ask_size": counts_of, "volume": counts_of}


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return market_tape(tmp_path_factory.mktemp("market"))


@pytest.fixture(scope="module")
def market(tape: Path) -> list[AnyEvent]:
    return list(Tape(tape).events())


@pytest.fixture(scope="module")
def looks(market: list[AnyEvent]) -> list[int]:
    """When both chains are there anew."""
    second = [event.at_ns for event in market if isinstance(event, Chain) and event.underlying == TICKERS[1]]
    return second[: LOOKS + 1]


@pytest.fixture
def played(tape: Path, market: list[AnyEvent], looks: list[int], capsys: pytest.CaptureFixture[str]) -> Iterator[Live]:
    """The feed, once it has heard all of the looks but the first."""
    names = {event.ticker for event in market if isinstance(event, Bar)}
    wanted = {"symbols": tuple(sorted(names)), "options_of": TICKERS}
    with Alpaca.on(tape, "--lock-step") as fake:
        fake.until(looks[0])
        with live(fake, capsys, until_ns=looks[0], **wanted) as feed:
            feed.connected("stock")
            for at_ns in looks:
                feed.until(at_ns)
                _wait_chains(feed, max(one.event_ns for one in _between(market, Chain, 0, at_ns)))
            quotes = len(_between(market, Quote, looks[0], looks[-1]))
            feed.wait(lambda: len(_shares(feed)) >= quotes, "quotes")
            yield feed


def _asked(feed: Live) -> list[int]:
    """How often each chain was asked for."""
    requests = feed.fake.state()["requests"]
    return [requests.get(f"GET /v1beta1/options/snapshots/{name}", 0) for name in TICKERS]


def _wait_chains(feed: Live, event_ns: int) -> None:
    """Waits for both chains of a time.

    A snapshot from before may have that time too, by streamed quotes: so those asked for from now on are waited for.
    """
    before = _asked(feed)
    feed.wait(lambda: all(now > one + 1 for now, one in zip(_asked(feed), before, strict=True)), "questions")
    feed.wait(lambda: all(feed.of(Chain, underlying=name, event_ns=event_ns) for name in TICKERS), "chains")


def _shares(feed: Live) -> list[Quote]:
    return [quote for quote in feed.of(Quote) if parse_occ(quote.symbol) is None]


def _between(events: Sequence[AnyEvent], kind: type, from_ns: int, until_ns: int) -> list[AnyEvent]:
    return [event for event in events if isinstance(event, kind) and from_ns < event.at_ns <= until_ns]


def _bare(events: Sequence[AnyEvent]) -> list[bytes]:
    """Without place, time of arrival and what says how they came."""
    kept = [replace(event, seq=0, at_ns=0) for event in events]
    return sorted(encode(replace(one, history=False) if isinstance(one, Bar) else one) for one in kept)


def _cells(chain: Chain, table: Contracts) -> dict[str, FloatArray]:
    """What a chain says of each contract: sides, sizes, volume."""
    columns = [of(getattr(chain, name), len(table.symbols)) for name, of in COLUMNS.items()]
    return dict(zip(table.symbols, np.stack(columns, axis=1), strict=True))


def _chains(events: Sequence[AnyEvent]) -> dict[tuple[str, int], dict[str, FloatArray]]:
    """The newest word on each chain of each time."""
    tables, found = dict[str, Contracts](), {}
    for event in events:
        if isinstance(event, Contracts):
            tables[event.underlying] = event
        elif isinstance(event, Chain):
            found[event.underlying, event.event_ns] = _cells(event, tables[event.underlying])
    return found


def test_all_of_a_market_comes_through(played: Live, market: list[AnyEvent], looks: list[int]) -> None:
    assert _bare(_shares(played)) == _bare(_between(market, Quote, looks[0], looks[-1]))
    assert _bare(played.of(Bar)) == _bare(_between(market, Bar, 0, looks[-1]))
    given, told = _chains(market), _chains(list(played.put))
    assert len(told) == 2 * (LOOKS + 1)
    for name, cells in told.items():
        assert cells.keys() == given[name].keys()
        for symbol, row in cells.items():
            # The fake has a day's bar of what has a price alone.
            known = row if np.isfinite(given[name][symbol]).all() else row[:-1]
            np.testing.assert_array_equal(known, given[name][symbol][: len(known)], f"{symbol} at {name}")
