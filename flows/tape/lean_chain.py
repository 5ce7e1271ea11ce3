"""The option chain of one recorded session: its contracts, and what is quoted and was traded at each minute's end."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from math import nan
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from flows.tape.faults import Refused
from flows.tape.lean_files import TEN_THOUSANDTHS, BadLean, DayFiles, Layout, midnight_ns
from flows.tape.lean_rows import MILLISECOND_NS, MOST_CONTRACTS, interests, quotes, trades
from flows.tape.lean_zips import contracts_in, option_entries
from operators.contracts import packed_counts, packed_prices
from operators.events import MINUTE_NS, Chain, Contracts
from operators.sessions import NEW_YORK

KNOWN: Final = [("known_ns", "<i8"), ("row", "<i4")]
QUOTE: Final = np.dtype([*KNOWN, ("bid", "<f8"), ("ask", "<f8"), ("bid_size", "<f4"), ("ask_size", "<f4")])
COUNT: Final = np.dtype([*KNOWN, ("count", "<f4")])
UNPLACED: Final = 0
"""The seq and `at_ns` of an event that has no place on the tape yet."""
Numbers = tuple[float, ...]
Rows = Callable[[Path], Iterator[Numbers]]


class Standing:
    """Of each contract the last of its rows, as time goes on; what no row said yet is `missing`."""

    def __init__(self, contracts: int, kind: "np.dtype[Any]", rows: Iterable[Numbers], missing: float) -> None:
        found = np.fromiter(rows, kind)
        self._rows = found[np.argsort(found["known_ns"], kind="stable")]
        self.known_ns: NDArray[np.int64] = np.ascontiguousarray(self._rows["known_ns"])
        self._stands = np.zeros(contracts, kind)
        for name in [name for name, _ in self._stands.dtype.descr[len(KNOWN) :]]:
            self._stands[name] = missing
        self._read = 0

    def at(self, at_ns: int) -> NDArray[Any]:
        """What stands at a moment, one element a contract; asked for moments in their order."""
        end = int(np.searchsorted(self.known_ns, at_ns, side="right"))
        news = self._rows[self._read : end]
        self._stands[news["row"]] = news
        self._read = end
        return self._stands


class OptionDay:
    """The options of one session, as its files have them; rows that are no rows go to `refused`.

    Rows before or after the session that could not be in it go to `outside`. Raises BadLean for a file that cannot be
    read, and if nothing was quoted in the session.
    """

    def __init__(self, files: DayFiles, layout: Layout, refused: Refused, outside: Counter[str]) -> None:
        self._files, self._layout, self._refused, self._outside = files, layout, refused, outside
        self._midnight_ns = midnight_ns(files.session.day, NEW_YORK)
        self.contracts = sorted({found for path in files.options for found in contracts_in(path, layout.root)})
        self._row = {contract: row for row, contract in enumerate(self.contracts)}

    def table(self) -> Contracts:
        """The contracts, known at the session's open."""
        return Contracts(
            *(UNPLACED, UNPLACED, self._files.session.open_ns, self._layout.ticker),
            symbols=tuple(contract.symbol for contract in self.contracts),
            rights=tuple(-1 if contract.put else 1 for contract in self.contracts),
            strikes=tuple(contract.strike for contract in self.contracts),
            expiries=tuple(contract.expiry for contract in self.contracts),
            adjusted=(False,) * len(self.contracts),
            settlement=self._layout.settlement,
        )

    def chains(self) -> Iterator[Chain]:
        """What stands at the end of each minute of the session, from the first that has a quote."""
        files, session = self._files, self._files.session
        quoted = Standing(len(self.contracts), QUOTE, self._quotes(files.option_quotes), nan)
        traded = self._counts(files.option_trades, self._volumes, 0.0)
        interest = self._counts(files.open_interest, self._interests, nan)
        if not quoted.known_ns.size:
            raise BadLean(f"{files.option_quotes.name} has no quote in the session: nothing could trade on it")
        for at_ns in range(int(quoted.known_ns[0]), session.close_ns + 1, MINUTE_NS):
            quote = quoted.at(at_ns)
            yield Chain(
                *(UNPLACED, UNPLACED, at_ns, self._layout.ticker),
                *(packed_prices(quote[name]) for name in ("bid", "ask")),
                *(packed_counts(quote[name]) for name in ("bid_size", "ask_size")),
                *(b"" if column is None else packed_counts(column.at(at_ns)["count"]) for column in (traded, interest)),
            )

    def _counts(self, path: Path | None, rows: Rows, missing: float) -> Standing | None:
        return None if path is None else Standing(len(self.contracts), COUNT, rows(path), missing)

    def _quotes(self, path: Path) -> Iterator[Numbers]:
        session = self._files.session
        for contract, entry in option_entries(path, self._layout.root):
            row = self._row[contract]
            for at_ms, sides in quotes(entry, TEN_THOUSANDTHS, MOST_CONTRACTS, self._refused):
                start_ns = self._midnight_ns + at_ms * MILLISECOND_NS
                if session.open_ns <= start_ns < session.close_ns:
                    yield start_ns + MINUTE_NS, row, *sides
                else:
                    self._outside["option quotes"] += 1

    def _volumes(self, path: Path) -> Iterator[Numbers]:
        """Contracts traded since midnight, at the end of each minute that had a trade."""
        for contract, entry in option_entries(path, self._layout.root):
            total = 0.0
            for at_ms, (*_, volume) in trades(entry, TEN_THOUSANDTHS, MOST_CONTRACTS, self._refused):
                start_ns, total = self._midnight_ns + at_ms * MILLISECOND_NS, total + volume
                self._outside["option trades"] += start_ns >= self._files.session.close_ns
                yield start_ns + MINUTE_NS, self._row[contract], total

    def _interests(self, path: Path) -> Iterator[Numbers]:
        for contract, entry in option_entries(path, self._layout.root):
            for at_ms, value in interests(entry, self._refused):
                yield self._midnight_ns + at_ms * MILLISECOND_NS, self._row[contract], value
