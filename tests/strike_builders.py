"""Priced chains of few contracts whose deltas are given and not computed, so that each lies exactly where a test says.

The usual contract: a call on QQQ of Monday 2025-08-18 at 572, 0.99 to 1.01, delta 0.40, gamma 0.05, IV 0.20, 6,000
traded today and 12,000 open, seen at 10:00 with the forward at 571.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np
from msgspec.structs import replace

from operators import sessions
from operators.chains import PricedChain, price
from operators.codes import Refusal
from operators.config import ScalpConfig
from operators.contracts import occ_symbol, packed_counts, packed_prices
from operators.events import Chain, Contracts
from operators.greeks import Greeks
from operators.intents import Verdict
from operators.moments import ChainView
from operators.selection import StrikeSelection, selection
from operators.strikes import Selection, StrikeSelector
from tests.builders import DAY, PLENTY, When, ny
from tests.option_builders import SPOT, STRIKES, TOMORROW, Changes, OptionStage, snapshot, table

FORWARD = 571.0
TEN = ny("10:00")


class Offer(NamedTuple):
    """One contract as it is offered; dollars a share, contracts."""

    strike: float = 572.0
    delta: float = 0.40
    bid: float = 0.99
    ask: float = 1.01
    volume: float = 6_000.0
    interest: float = 12_000.0
    expiry: date = DAY
    right: int = 1
    gamma: float = 0.05
    iv: float = 0.20
    theta: float = -0.5
    adjusted: bool = False

    @property
    def symbol(self) -> str:
        """The OCC name; that of an adjusted contract has a digit."""
        return occ_symbol("QQQ1" if self.adjusted else "QQQ", self.expiry, self.right, self.strike)


def offered(
    offers: Sequence[Offer], at_ns: int = TEN, underlying: str = "QQQ", forward: float = FORWARD, **seen: Any
) -> PricedChain:
    """The chain of these contracts; `seen` are past IVs and dividends, `rate` the yearly one (0 unless told)."""
    rate = seen.pop("rate", 0.0)
    table = Contracts(
        1,
        1,
        1,
        underlying,
        tuple(one.symbol for one in offers),
        tuple(one.right for one in offers),
        tuple(one.strike for one in offers),
        tuple(one.expiry for one in offers),
        tuple(one.adjusted for one in offers),
    )
    bid, ask = (packed_prices(np.array(column)) for column in ([o.bid for o in offers], [o.ask for o in offers]))
    size = packed_counts(np.full(len(offers), PLENTY))
    volume, interest = (packed_counts(np.array(c)) for c in ([o.volume for o in offers], [o.interest for o in offers]))
    view = ChainView(table, Chain(1, at_ns, at_ns, underlying, bid, ask, size, size, volume, interest), 0, None, **seen)
    priced = price(view, at_ns, rate)
    rows = [offers[row] for row in priced.row]
    columns = ([o.iv for o in rows], [o.delta for o in rows], [o.gamma for o in rows], [o.theta for o in rows])
    given = Greeks(*(np.array(column) for column in columns), np.full(len(rows), 0.1))
    return replace(priced, greeks=given, forward=np.full(len(rows), forward))


def found(*offers: Offer, right: int = 1, at_ns: int = TEN, underlying: str = "QQQ", **rules: Any) -> Selection:
    """What is chosen of these contracts at an instant with these settings."""
    session = sessions.session_of(at_ns)
    assert session is not None
    return StrikeSelector(ScalpConfig(**rules)).select(offered(offers, at_ns, underlying), right, at_ns, session)


def chosen(*offers: Offer, **more: Any) -> str | None:
    """The name of the contract that is chosen, None if there is none."""
    best = found(*offers, **more).chosen
    return None if best is None else best.symbol


def contract(offer: Offer | None = None, **seen: Any) -> tuple[StrikeSelection, PricedChain]:
    """One contract as the gate gets it, and its chain."""
    chain = offered([Offer() if offer is None else offer], **seen)
    return selection(chain, 0), chain


def verdict(verdicts: Sequence[Verdict], code: Refusal) -> Verdict:
    """The only verdict of a code."""
    (only,) = (one for one in verdicts if one.code is code)
    return only


def failed(verdicts: Sequence[Verdict]) -> list[str]:
    """The codes that failed, in their order."""
    return [one.code.value for one in verdicts if not one.passed]


def single(
    bid: float,
    ask: float,
    ticker: str = "QQQ",
    strike: float = 572.0,
    right: int = 1,
    expiry: date = TOMORROW,
    **more: Any,
) -> OptionStage:
    """A stage with the usual chain at 10:00 in which one contract, quoted so, is the only one that is traded.

    Its calls from 572 to 574 and puts from 570 to 568 lie in the band of delta at any quote of 0.60 to 3.20.
    """
    contracts = table(ticker, expiries=(expiry,))
    stage = OptionStage(**({"contracts": contracts, "scalp_tickers": (ticker,)} | more))
    name = occ_symbol(ticker, expiry, right, strike)
    idle = {symbol: {"volume": 0.0} for symbol in stage.contracts.symbols if symbol != name}
    stage.chain("10:00", idle | {name: {"bid": bid, "ask": ask}})
    return stage


class Chains(OptionStage):
    """A stage on which further underlyings have chains too, as they were listed last."""

    def __init__(self, **more: Any) -> None:
        self.others: dict[str, ChainView] = {}
        super().__init__(**more)

    def list(
        self,
        when: When,
        underlying: str,
        root: str | None = None,
        expiries: Sequence[date] = (DAY,),
        changes: Changes | None = None,
    ) -> None:
        """Lists and states the usual chain of another underlying."""
        named = root or underlying
        names = [occ_symbol(named, day, right, strike) for day in expiries for strike in STRIKES for right in (1, -1)]
        contracts = table(underlying, expiries, symbols=tuple(names))
        chain = snapshot(contracts, self.at(when), changes, seq=self.seq)
        self._on(contracts)
        self._on(chain)
        self.others[underlying] = ChainView(contracts, chain, 0, SPOT)

    def view(self, at_ns: int) -> dict[str, ChainView]:
        """All chains as a signal at an instant sees them."""
        others = {name: replace(one, age_ns=at_ns - one.chain.event_ns) for name, one in self.others.items()}
        return super().view(at_ns) | others
