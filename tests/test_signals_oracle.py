"""Own signals on recorded bars equal those of the batch oracle, in number, time, direction, bias and every part."""

from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

from operators import signals
from operators.config import EngineSettings, ScalpConfig
from operators.intents import Ticket
from operators.market import Market
from operators.moments import Setup
from tests.oracle import signals as oracle
from tests.play import MINUTE_DATA, started
from tests.real_bars import bars, frame

FILES = {
    "SPY 2024": "bars_1m_spy_2024/SPY_1m.csv.gz",
    "SPY ext": "bars_1m_ext/SPY_2024-02-20_2024-03-28.csv.gz",
    "QQQ": "bars_1m_2025/QQQ.csv.gz",
    "TQQQ": "bars_1m_2025/TQQQ.csv.gz",
    "FAS": "bars_1m_2025/FAS.csv.gz",
    "UVXY": "bars_1m_2025/UVXY.csv.gz",
    "SPY windows": "bars_1m_windows/SPY_1min.csv.gz",
    "QQQ windows": "bars_1m_windows/QQQ_1min.csv.gz",
    "NVDA windows": "bars_1m_windows/NVDA_1min.csv.gz",
    "TSLA windows": "bars_1m_windows/TSLA_1min.csv.gz",
}
TOLERANCE = 1e-9
BIASES = {"bullish": 1, "bearish": -1, "neutral": 0, None: 0}
# exchange_calendars 4.13.2 uses what pandas 3 deprecates, while it builds a calendar.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Series.values returning:DeprecationWarning"),
]


class Case(NamedTuple):
    """A file and the settings that both sides get; `warmup` is cloud_warmup_multiple."""

    file: str
    timeframe: int = 1
    macro: bool = True
    source: str = "hl2"
    ratio: float = 1.5
    warmup: int = 3
    history: int = 0


ALL_SETTINGS = [
    (timeframe, macro, source) for timeframe in (1, 5) for macro in (True, False) for source in ("hl2", "close")
]
CASES = [
    *(Case(file, *chosen) for file in ("QQQ", "SPY ext") for chosen in ALL_SETTINGS),
    *(
        Case(file, *chosen)
        for file in ("TQQQ", "FAS", "UVXY", "SPY 2024")
        for chosen in ((1, True), (5, False, "close"))
    ),
    *(Case(f"{ticker} windows", *chosen) for ticker in ("SPY", "NVDA") for chosen in ((1, True, "close"), (5, True))),
    *(Case(f"{ticker} windows", *chosen) for ticker in ("QQQ", "TSLA") for chosen in ((1, False), (5, False))),
    Case("QQQ", ratio=1.1),
    Case("QQQ", macro=False, ratio=3.0),
    Case("QQQ", warmup=1),
    Case("QQQ", macro=False, warmup=7),
    Case("QQQ", history=4),
    Case("QQQ", timeframe=5, macro=False, history=4),
]


def ours(rows: pd.DataFrame, case: Case) -> list[Ticket]:
    """The tickets that the engine makes of a frame."""
    config = ScalpConfig(
        entry_timeframe_minutes=case.timeframe,
        require_macro_alignment=case.macro,
        cloud_source=case.source,
        volume_ratio_min=case.ratio,
        cloud_warmup_multiple=case.warmup,
    )
    market = Market(config, EngineSettings())
    events = list(bars(rows, "QQQ", case.history))
    market.on(started(events[0].at_ns, cadences=MINUTE_DATA))
    found = [item for event in events for item in market.on(event)]
    return [signals.ticket(item) for item in found if isinstance(item, Setup)]


def theirs(rows: pd.DataFrame, case: Case) -> pd.DataFrame:
    """The signals that the oracle finds in it."""
    return oracle.signals(
        rows,
        entry_timeframe=case.timeframe,
        require_macro=case.macro,
        source=case.source,  # type: ignore[arg-type]  # a Literal in the oracle
        volume_ratio_min=case.ratio,
        warmup_multiple=case.warmup,
        history_sessions=case.history,
    )


def identity(made: Ticket) -> tuple[Any, ...]:
    """What must be equal: bar, direction, bias and colour."""
    view = made.setup.view
    return made.setup.bar_close_ns, made.direction, view.bias, view.macro_colour


def numbers(made: Ticket) -> tuple[float | None, ...]:
    """What must be close: ratio, total and the six parts."""
    parts = made.conviction
    ratio = made.setup.volume_ratio
    return ratio, parts.total, parts.macro, parts.agreement, parts.volume, parts.distance, parts.slope, parts.body


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case)))
def test_signals_and_conviction_equal_the_oracles(shared_data: Path, case: Case) -> None:
    rows = frame(shared_data / FILES[case.file])
    found, expected = ours(rows, case), theirs(rows, case)
    assert [identity(made) for made in found] == [
        (
            int(pd.Timestamp(row.bar_close).as_unit("ns").value),
            row.direction,
            BIASES[row.macro],
            BIASES[row.macro_colour],
        )
        for row in expected.itertuples()
    ]
    columns = ["volume_ratio", "conviction", *oracle.PARTS]
    for made, row in zip(found, expected[columns].itertuples(index=False), strict=True):
        assert numbers(made) == pytest.approx(tuple(row), abs=TOLERANCE)
    assert found, "a case without signals compares nothing"


def test_bars_outside_regular_hours_change_no_signal(shared_data: Path) -> None:
    rows, case = frame(shared_data / FILES["SPY ext"]), Case("SPY ext")
    regular = oracle.regular_bars(rows)[rows.columns]
    assert len(regular) < len(rows)
    assert [identity(made) for made in ours(rows, case)] == [identity(made) for made in ours(regular, case)]


def test_a_year_of_spy_gives_about_one_and_a_half_confirmed_signals_a_session(shared_data: Path) -> None:
    # Product rule "Clouds and signals": about 1.5 a day, conviction 37 to 90.
    rows = frame(shared_data / FILES["SPY 2024"])
    found = [made for made in ours(rows, Case("SPY 2024")) if made.setup.view.bias == made.setup.direction]
    totals = [made.conviction.total for made in found]
    assert 1.0 <= len(found) / oracle.regular_bars(rows)["session"].nunique() <= 2.0
    assert 35.0 <= min(totals) < max(totals) <= 92.0
