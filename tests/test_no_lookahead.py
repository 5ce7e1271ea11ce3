"""Nothing that happens after an instant changes what was found, decided or recorded up to it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators import signals
from operators.config import ScalpConfig
from operators.events import MINUTE_NS, AnyEvent, Bar, OutsideSignal, Quote
from operators.intents import Item
from operators.moments import Setup
from operators.records import Record
from operators.sessions import new_york
from tests.real_bars import cut, tape_of
from tests.walks import BUSY, line, trades, walk

pytestmark = pytest.mark.slow

ENCODER = msgspec.msgpack.Encoder(enc_hook=lambda columns: columns.tobytes())
"""A priced chain holds columns of numpy."""
Steps = list[bytes]
"""What each event led to, as bytes: items of the market, tickets, records."""
FIVE_MINUTES = BUSY.model_copy(update={"entry_timeframe_minutes": 5})
NAMES = ("QQQ", "TQQQ", "SQQQ")
FIRST, LAST = "2025-08-11", "2025-08-19"


def in_stages(events: Sequence[AnyEvent], config: ScalpConfig = BUSY) -> tuple[Steps, list[Record]]:
    """A run in one batch: the market has seen the last event before the first rule, and all rules before the desk."""
    made = line(events, config)
    found: list[list[Item]] = [list(made.market.on(event)) for event in events]
    for items in found:
        for place, item in enumerate(items):
            if isinstance(item, Setup):
                ticket = signals.ticket(item)
                for rule in made.rules:
                    ticket = rule(ticket)
                items[place] = ticket
    records = [[record for item in items for record in made.desks.on(item)] for items in found]
    steps = [ENCODER.encode(pair) for pair in zip(found, records, strict=True)]
    return steps, [record for some in records for record in some]


def scaled(events: Sequence[AnyEvent], factor: float) -> list[AnyEvent]:
    """Every price times a factor, volumes too, and every direction of another engine turned round."""
    found: list[AnyEvent] = []
    for event in events:
        if isinstance(event, Bar):
            prices = {name: getattr(event, name) * factor for name in ("open", "high", "low", "close", "volume")}
            found.append(msgspec.structs.replace(event, **prices))
        elif isinstance(event, Quote):
            found.append(msgspec.structs.replace(event, bid=event.bid * factor, ask=event.ask * factor))
        elif isinstance(event, OutsideSignal):
            found.append(msgspec.structs.replace(event, direction="short" if event.direction == "long" else "long"))
        else:
            found.append(event)
    return found


def shuffled(events: Sequence[AnyEvent], seed: int) -> list[AnyEvent]:
    """The same events in another order, each at the place and the time of another."""
    order = list(events)
    Random(seed).shuffle(order)
    places = zip(order, events, strict=True)
    return [msgspec.structs.replace(one, seq=at.seq, at_ns=at.at_ns, event_ns=at.event_ns) for one, at in places]


CHANGES: dict[str, Callable[[Sequence[AnyEvent]], list[AnyEvent]]] = {
    "cut": lambda _: [],
    "higher": lambda events: scaled(events, 1.07),
    "lower": lambda events: scaled(events, 0.5),
    "shuffled": lambda events: shuffled(events, 1),
    "thinned": lambda events: list(events[::3]),
    "silent but for quotes": lambda events: [event for event in events if isinstance(event, Quote)],
}
changes = st.sampled_from(sorted(CHANGES))


class TestMadeSessions:
    @settings(max_examples=20, deadline=None)
    @given(seed=st.integers(0, 1000), share=st.floats(0.0, 1.0), change=changes)
    def test_a_changed_future_changes_nothing_up_to_then(self, seed: int, share: float, change: str) -> None:
        events = walk(seed)
        now = int(share * len(events)) or 1
        other = [*events[:now], *CHANGES[change](events[now:])]
        assert in_stages(other)[0][:now] == in_stages(events)[0][:now]

    @settings(max_examples=10, deadline=None)
    @given(seed=st.integers(0, 1000), share=st.floats(0.0, 1.0), change=changes)
    def test_nor_on_five_minute_entries(self, seed: int, share: float, change: str) -> None:
        events = walk(seed)
        now = int(share * len(events)) or 1
        other = [*events[:now], *CHANGES[change](events[now:])]
        assert in_stages(other, FIVE_MINUTES)[0][:now] == in_stages(events, FIVE_MINUTES)[0][:now]

    @pytest.mark.parametrize("seed", [0, 4, 7])
    def test_a_market_that_saw_the_whole_tape_decides_as_one_that_saw_none_of_the_future(self, seed: int) -> None:
        events = walk(seed)
        records = in_stages(events)[1]
        assert trades(records) >= 10
        assert records == line(events).play(events)

    @pytest.mark.parametrize("change", sorted(set(CHANGES) - {"cut"}))
    def test_a_changed_future_does_change_what_follows(self, change: str) -> None:
        # Else the tests above would compare nothing.
        events = walk(7)
        half = len(events) // 2
        assert in_stages([*events[:half], *CHANGES[change](events[half:])])[1] != in_stages(events)[1]

    def test_the_same_minutes_bar_of_another_ticker_is_not_used_before_it_comes(self) -> None:
        # Within one minute the quotes come first, then the bars by symbol: each is an instant of its own.
        events = walk(4)
        ends = [n for n, event in enumerate(events) if isinstance(event, Bar) and event.ticker == "QQQ"][100:108]
        whole = in_stages(events)[0]
        for now in ends:
            other = [*events[: now + 1], *scaled(events[now + 1 :], 3.0)]
            assert in_stages(other)[0][: now + 1] == whole[: now + 1]


@pytest.fixture(scope="module")
def recorded(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Files of seven recorded sessions of QQQ and its funds."""
    folder = tmp_path_factory.mktemp("recorded")
    source = shared_data / "bars_1m_2025"
    return [cut(source / f"{name}.csv.gz", folder / f"{name}.csv", FIRST, LAST) for name in NAMES]


def rewritten(files: list[Path], folder: Path, since: str, row: Callable[[list[str]], list[str]]) -> list[Path]:
    """The files with every row from a time on rewritten; rows are cells, the first of them the time."""
    found = []
    for file in files:
        heading, *lines = file.read_text().splitlines()
        cells = (line.split(",") for line in lines)
        kept = [one if one[0] < since else row(one) for one in cells]
        found.append(folder / file.name)
        found[-1].write_text("\n".join([heading, *(",".join(one) for one in kept if one)]) + "\n")
    return found


def higher(row: list[str]) -> list[str]:
    """Prices half as high again, volume three times."""
    *head, _, _, _, _, volume = row
    prices = [str(round(float(cell) * 1.5, 4)) for cell in row[-5:-1]]
    return [*head, *prices, str(round(float(volume) * 3))]


def minute_of(event: AnyEvent) -> str:
    """The start of the minute that an event closes, as in the files."""
    return new_york(event.event_ns - MINUTE_NS).isoformat()[:16]


class TestRecordedSessions:
    @pytest.mark.parametrize(
        "since", ["2025-08-15T09:30", "2025-08-15T13:07", "2025-08-18T10:01", "2025-08-18T15:59", "2025-08-19T11:30"]
    )
    @pytest.mark.parametrize("row", [higher, lambda _: []], ids=["higher", "cut"])
    def test_rows_after_an_instant_change_no_event_and_no_record_before_it(
        self, recorded: list[Path], tmp_path: Path, since: str, row: Callable[[list[str]], list[str]]
    ) -> None:
        whole = tape_of(recorded, recorded[0].parent / "whole.tape")
        other = tape_of(rewritten(recorded, tmp_path, since, row), tmp_path / "other.tape")
        now = next((n for n, pair in enumerate(zip(whole, other, strict=False)) if pair[0] != pair[1]), len(other))
        assert minute_of(whole[now]) >= since
        assert in_stages(other)[0][:now] == in_stages(whole)[0][:now]

    def test_the_recorded_sessions_trade(self, recorded: list[Path]) -> None:
        assert trades(in_stages(tape_of(recorded, recorded[0].parent / "whole.tape"))[1]) >= 5
