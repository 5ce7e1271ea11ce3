"""A made option chain of QQQ and a stage that trades it.

The usual world: Monday 2025-08-18, QQQ at 571.00, calls and puts at every dollar from 556 to 586, expiring that day
(0DTE) and the next (1DTE). Values are Black's at an IV of 0.20 and no rate; quotes lie one cent around the nearest
cent (a wider `spread` in whole cents may be asked), with plenty of contracts on both sides, volume and interest.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from math import nan
from typing import Any

import numpy as np

from operators.config import EngineSettings
from operators.contracts import occ_symbol, packed_counts, packed_prices
from operators.events import SECOND_NS, Chain, Contracts
from operators.intents import ScalpPosition
from operators.moments import ChainView
from operators.pricing import value
from operators.records import CandidateRecord, OptionsScalpRecord, Record, SignalRecord
from operators.sessions import last_trade_ns
from tests.builders import DAY, MILLISECOND_NS, PLENTY, Stage, When

SPOT, IV = 571.0, 0.20
STRIKES = tuple(float(strike) for strike in range(556, 587))
TOMORROW = DAY + timedelta(days=1)
YEAR_NS = 365 * 1440 * 60 * SECOND_NS
FREE = EngineSettings(risk_free_rate=0.0)
"""No rate, so that the forward is the spot."""
PATIENT = FREE.model_copy(update={"stale_exit_after_seconds": 3600.0})
"""An hour of silence is borne, so that a test of another row need not state the chain all the time."""
WIDE = (0.30, 0.40)
"""Mid 0.35 is under the stop of `held`, but a spread of 0.10 / 0.35 = 28.6 % is over 2 x 10 %."""
Changes = Mapping[str, Mapping[str, float]]


def table(
    underlying: str = "QQQ", expiries: Sequence[date] = (DAY, TOMORROW), strikes: Sequence[float] = STRIKES, **more: Any
) -> Contracts:
    """Calls and puts at all strikes and expiries; `more` changes fields of the table."""
    rows = [(expiry, strike, right) for expiry in expiries for strike in strikes for right in (1, -1)]
    root = more.pop("root", underlying)
    symbols = tuple(occ_symbol(root, e, r, k) for e, k, r in rows)
    columns = {"rights": tuple(r for *_, r in rows), "strikes": tuple(k for _, k, _ in rows)}
    columns |= {"expiries": tuple(e for e, *_ in rows), "adjusted": (False,) * len(rows)}
    return Contracts(
        **({"seq": 1, "at_ns": 1, "event_ns": 1, "underlying": underlying, "symbols": symbols} | columns | more)
    )


def quoted_contract(contracts: Contracts, row: int, at_ns: int, spot: float, spread: int = 2) -> dict[str, float]:
    """What is quoted of one contract at an instant: its value to the nearest cent, half the spread on either side."""
    years = max(0.0, (last_trade_ns(contracts.expiries[row]) - at_ns) / YEAR_NS)
    cents = round(100 * value(contracts.rights[row], contracts.strikes[row], spot, years, 1.0, IV))
    bid, ask = (cents - spread / 2) / 100, (cents + spread / 2) / 100
    sides = {"bid": bid if bid > 0 else nan, "ask": ask, "bid_size": PLENTY, "ask_size": PLENTY}
    return sides | {"volume": 6_000.0, "open_interest": 12_000.0}


def snapshot(
    contracts: Contracts, at_ns: int, changes: Changes | None = None, spot: float = SPOT, spread: int = 2, seq: int = 1
) -> Chain:
    """The whole chain at an instant; `changes` gives fields of single contracts by symbol."""
    rows = []
    for row, symbol in enumerate(contracts.symbols):
        rows.append(quoted_contract(contracts, row, at_ns, spot, spread) | dict((changes or {}).get(symbol, {})))
    prices = {name: packed_prices(np.array([row[name] for row in rows])) for name in ("bid", "ask")}
    names = ("bid_size", "ask_size", "volume", "open_interest")
    counts = {name: packed_counts(np.array([row[name] for row in rows])) for name in names}
    return Chain(seq, at_ns, at_ns, contracts.underlying, **prices, **counts)


class OptionStage(Stage):
    """A stage in mode `options` with the usual chain; `chain` states it at a time, `signal` sees the newest one."""

    def __init__(self, *, contracts: Contracts | None = None, spot: float = SPOT, spread: int = 2, **more: Any) -> None:
        super().__init__(**({"mode": "options", "engine": FREE} | more))
        self.contracts = table() if contracts is None else contracts
        self.spot, self.spread = spot, spread
        self.changes: dict[str, dict[str, float]] = {}
        self.newest: Chain | None = None
        self.atm_ivs: tuple[float, ...] = ()
        self.ex_dates: tuple[date, ...] = ()
        self._on(self.contracts)

    def chain(self, when: When, changes: Changes | None = None, **more: Any) -> list[Record]:
        """States the whole chain at a time; changes of single contracts stand until they are changed again."""
        for symbol, fields in (changes or {}).items():
            self.changes[symbol] = {**self.changes.get(symbol, {}), **fields}
        spot, spread = more.pop("spot", self.spot), more.pop("spread", self.spread)
        self.newest = snapshot(self.contracts, self.at(when), self.changes, spot, spread, seq=self.seq)
        return self._on(self.newest)

    def state(self, when: When, bid: float, ask: float, symbol: str | None = None, **more: float) -> list[Record]:
        """States the chain with another quote of the scalp's contract (or of `symbol`)."""
        return self.chain(when, {symbol or self.position.symbol: {"bid": bid, "ask": ask, **more}})

    def view(self, at_ns: int) -> dict[str, ChainView]:
        """The chain as a signal at an instant sees it."""
        if self.newest is None:
            return {}
        age_ns = at_ns - self.newest.event_ns
        return {
            self.contracts.underlying: ChainView(
                self.contracts, self.newest, age_ns, self.spot, self.atm_ivs, self.ex_dates
            )
        }

    def signal(self, when: When, *args: Any, **more: Any) -> SignalRecord:
        """A signal with the newest chain in view."""
        chains = {"chains": self.view(self.at(when)), "chains_max_age_ns": self.book.chain_stream.max_age_ns}
        return super().signal(when, *args, **(more | {"seen": chains | dict(more.pop("seen", None) or {})}))

    def buy(self, when: When = "10:00", **signal: Any) -> OptionsScalpRecord:
        """Buys the first half, whole: the chain, the signal a second later, and the latency. Returns the scalp."""
        at_ns = self.at(when)
        self.chain(at_ns)
        name = self.signal(at_ns + SECOND_NS, **signal).signal_id
        self.reach(at_ns + SECOND_NS + 200 * MILLISECOND_NS)
        return self.options[name]

    @property
    def option(self) -> ScalpPosition:
        """The only scalp that is not over."""
        (found,) = self.book.options()
        return found

    @property
    def options(self) -> dict[str, OptionsScalpRecord]:
        """Each option scalp as it was recorded last, by signal."""
        return {record.signal_id: record for record in self.records if isinstance(record, OptionsScalpRecord)}

    @property
    def option_scalp(self) -> OptionsScalpRecord:
        """The option scalp recorded last."""
        return list(self.options.values())[-1]

    def candidates(self, signal: SignalRecord, leg: str = "option") -> list[CandidateRecord]:
        """The contracts that a signal's leg looked at, best first."""
        found = (record for record in self.records if isinstance(record, CandidateRecord))
        return [one for one in found if one.signal_id == signal.signal_id and one.leg == leg]


def held(clock: str = "10:00", **changes: Any) -> OptionStage:
    """A call bought 1.2 s after the clock; at ten 25 of strike 572 at 0.77: the stop is 0.385, the target 0.9625."""
    stage = OptionStage(**({"engine": PATIENT} | changes))
    stage.buy(clock)
    return stage


def unsold(settlement: str = "physical", **changes: Any) -> OptionStage:
    """25 contracts at 0.77 (call 572, put 570) for which nobody bids from 10:00:02 on: cash is 98,058.75.

    100,000 - 25 x 77.00 - 25 x 0.65. The stop is due, and its exit rests at one tick until the close.
    """
    signal = {"direction": changes.pop("direction", 1)}
    usual: dict[str, Any] = {"engine": PATIENT, "contracts": table(settlement=settlement)}
    stage = OptionStage(**(usual | changes))
    stage.buy(**signal)
    stage.state("10:00:02", nan, 0.05)
    assert (stage.book.cash_micros, stage.order("exit").limit_price) == (98_058_750_000, Decimal("0.01"))
    return stage


def closes(stage: OptionStage, when: When, at: float, **changes: Any) -> None:
    """A bar of QQQ that closes at a price."""
    stage.bar(when, **({"open": at, "high": at, "low": at, "close": at} | changes))


def reason(stage: Stage) -> str | None:
    """Why the scalp is being left."""
    return stage.order("exit").reason if stage.count("exit") else None
