"""From a tick on the feed's queue to the order out of the desk: through tape file and whole line of a running engine.

Run as `python -m benchmarks.latency [--ticks 10000]`; prints one JSON object. Ticks come 20 and 500 a second, jittered;
ten funds take turns: a quote, an outside signal, a quote that fills its entry, a quote at its target. Latency is taken
where an order follows from the tick at once (signals and targets, every second tick), on the same clock, without the
first tenth of the ticks. `yardstick` is a thread that hands the same ticks at the same times to another by a queue.
With `chains` ten underlyings have 400 contracts a second besides. `waiting` is the engine's share of a core meanwhile
when there are no ticks.
"""

import argparse
import json
import queue
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np

from flows.engine.process import Engine, Plan
from flows.feeds.feed import Feed, Put
from flows.settings import load
from operators import sessions
from operators.contracts import occ_symbol, packed_counts, packed_prices
from operators.events import (
    MINUTE_NS,
    SECOND_NS,
    AnyEvent,
    Bar,
    Chain,
    Contracts,
    OutsideSignal,
    Quote,
)
from operators.records import OrderRecord

FUNDS: Final = {
    **{"SPY": "SPXL", "QQQ": "TQQQ", "IWM": "TNA", "NVDA": "SOXL", "AAPL": "TECL"},
    **{"META": "FNGU", "XLF": "FAS", "XBI": "LABU", "GDX": "NUGT", "USO": "UCO"},
}
RULES: Final = (
    f"scalp_tickers={json.dumps(list(FUNDS))}",
    *("require_macro_alignment=false", "etf_max_concurrent_scalps=100", "max_scalps_per_day=100000"),
    *("etf_min_daily_volume=0", "max_gross_leverage=100", "daily_loss_limit=1", "start_equity_usd=100000"),
    *("max_order_shares=1000000000", "scalp_start_time=09:31"),
)
RATES: Final = (20, 500)
PACE: Final = 3.0
"""Seconds of tape time from one tick to the next. Looks and checkpoints come as often on the wall as at 1x."""
SIZE: Final = 1e12
"""Shares shown: each trade gains, and what is bought grows with the money."""
MILLISECOND_NS: Final = 1_000_000
CONTRACTS, CHAINS = 400, tuple(FUNDS)
WAITING_SECONDS: Final = 5.0
DAYS: Final = ("2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05", "2026-03-06", "2026-03-09")


def history() -> Iterator[AnyEvent]:
    """Three sessions of one bar each: the funds' daily dollars are known then."""
    for day in ("2026-02-25", "2026-02-26", "2026-02-27"):
        session = sessions.session(sessions.date.fromisoformat(day))
        assert session is not None
        for number, fund in enumerate(FUNDS.values()):
            at_ns = session.open_ns + MINUTE_NS
            yield Bar(0, at_ns + number, at_ns, fund, 50.0, 50.0, 50.0, 50.0, 1e6, history=True)


def ticks() -> Iterator[tuple[AnyEvent, bool]]:
    """Signals and quotes in tape time, and whether an order follows at once. Rounds are two minutes apart."""
    for day in DAYS:
        session = sessions.session(sessions.date.fromisoformat(day))
        assert session is not None
        for start_ns in range(session.open_ns + 3 * MINUTE_NS, session.close_ns - 10 * MINUTE_NS, 2 * MINUTE_NS):
            for number, (ticker, fund) in enumerate(FUNDS.items()):
                at_ns = start_ns + number * 3 * SECOND_NS
                yield Quote(0, at_ns, at_ns, fund, 50.0, 50.01, SIZE, SIZE), False
                signal_ns = at_ns + MILLISECOND_NS
                yield OutsideSignal(0, signal_ns, start_ns, ticker, "long", 80.0), True
                fill_ns = signal_ns + 300 * MILLISECOND_NS
                yield Quote(0, fill_ns, fill_ns, fund, 50.0, 50.01, SIZE, SIZE), False
                target_ns = fill_ns + 300 * MILLISECOND_NS
                yield Quote(0, target_ns, target_ns, fund, 51.05, 51.06, SIZE, SIZE), True


class Ticks(Feed):
    """Puts ticks at jittered times and notes when."""

    cadences: ClassVar[dict[str, float]] = {"bar": 60.0, "quote": 0.0, "chain": 1.0}
    marks = ("SIMULATED",)

    def __init__(self, count: int, rate: int, chains: bool) -> None:
        self.count, self.rate, self.chains = count, rate, chains
        self.put_at: dict[int, int] = {}
        self.waiting: float = 0.0
        self._last_ns = next(history()).at_ns - 1

    def now_ns(self) -> int:
        return self._last_ns

    def run(self, put: Put, stopping: threading.Event, passed: int) -> None:
        assert passed == 0
        for event in history():
            put(event)
        time.sleep(1.0)
        before = time.process_time()
        stopping.wait(WAITING_SECONDS)
        self.waiting = (time.process_time() - before) / WAITING_SECONDS
        rng = random.Random(self.rate)
        load_ = threading.Thread(target=self._chains, args=(put, stopping), daemon=True)
        if self.chains:
            load_.start()
        due, number = time.perf_counter(), 0
        for event, ordered in ticks():
            if number == self.count or stopping.is_set():
                break
            due += rng.expovariate(self.rate)
            time.sleep(max(due - time.perf_counter(), 0.0))
            self._last_ns, number = event.at_ns, number + 1
            if ordered and number > self.count // 10:
                self.put_at[event.at_ns // 1000] = time.perf_counter_ns()
            put(event)
        time.sleep(0.5)

    def _chains(self, put: Put, stopping: threading.Event) -> None:
        tables = [table(name) for name in CHAINS]
        for one in tables:
            put(one)
        rng = np.random.default_rng(1)
        while not stopping.wait(1.0 / len(CHAINS)):
            name = CHAINS[int(rng.integers(len(CHAINS)))]
            bid = np.maximum(rng.normal(2.0, 0.5, CONTRACTS), 0.01)
            counts = packed_counts(np.full(CONTRACTS, 5_000.0))
            put(Chain(0, 0, self._last_ns, name, packed_prices(bid), packed_prices(bid + 0.05), *[counts] * 4))


def table(name: str) -> Contracts:
    """400 contracts of one expiry."""
    expiry = sessions.date.fromisoformat(DAYS[0])
    strikes = tuple(100.0 + place for place in range(CONTRACTS // 2) for _ in (1, -1))
    rights = (1, -1) * (CONTRACTS // 2)
    names = tuple(occ_symbol(name, expiry, right, strike) for right, strike in zip(rights, strikes, strict=True))
    return Contracts(0, 0, 0, name, names, rights, strikes, (expiry,) * CONTRACTS, (False,) * CONTRACTS)


def engine(count: int, rate: int, chains: bool) -> dict[str, Any]:
    """Runs an engine over the ticks; latencies from put to the order's intent, in milliseconds."""
    feed, took = Ticks(count, rate, chains), list[float]()
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan(
            Path(folder) / "state",
            f"sqlite:///{folder}/records.db",
            "latency",
            "leveraged_etf",
            load(None, RULES),
            rate * PACE,
            checkpoint_seconds=round(60 * rate * PACE),
        )
        one = Engine(plan, lambda _: feed)
        taken = one.echoes.take

        def take(outcome: object) -> None:
            if isinstance(outcome, OrderRecord) and outcome.state == "sending":
                put_at = feed.put_at.pop(sessions.ns(outcome.sent_at) // 1000, None)
                if put_at is not None:
                    took.append((time.perf_counter_ns() - put_at) / 1e6)
            taken(outcome)  # type: ignore[arg-type]  # whatever the desk made

        one.echoes.take = take  # type: ignore[method-assign]
        one.run()
    return {**quantiles(took), "unanswered": len(feed.put_at), "waiting": round(feed.waiting, 3)}


def yardstick(count: int, rate: int) -> dict[str, Any]:
    """The same times from one thread to another."""
    handed: queue.SimpleQueue[int] = queue.SimpleQueue()
    took: list[float] = []

    def hand() -> None:
        rng, due = random.Random(rate), time.perf_counter()
        for _ in range(count):
            due += rng.expovariate(rate)
            time.sleep(max(due - time.perf_counter(), 0.0))
            handed.put(time.perf_counter_ns())

    thread = threading.Thread(target=hand)
    thread.start()
    for _ in range(count):
        put_at = handed.get()
        took.append((time.perf_counter_ns() - put_at) / 1e6)
    thread.join()
    return quantiles(took[count // 10 :])


def quantiles(took: list[float]) -> dict[str, Any]:
    """Median, 99 % and the longest in milliseconds, of how many."""
    cuts = statistics.quantiles(took, n=1000)
    return {"p50": round(cuts[499], 3), "p99": round(cuts[989], 3), "longest": round(max(took), 3), "count": len(took)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--ticks", type=int, default=10_000)
    parser.add_argument("--part")
    given = parser.parse_args()
    if given.part:
        rate, _, chains = given.part.partition(" ")
        print(json.dumps(engine(given.ticks, int(rate), bool(chains))))
        return
    told: dict[str, Any] = {"ticks": given.ticks}
    for rate in RATES:
        told[f"yardstick_{rate}"] = yardstick(given.ticks, rate)
        for part in (f"{rate}", f"{rate} chains"):
            words = [sys.executable, "-m", "benchmarks.latency", "--ticks", str(given.ticks), "--part", part]
            told[part.replace(" ", "_")] = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
    for rate in RATES:
        told[f"ratio_p50_{rate}"] = round(told[f"{rate}"]["p50"] / told[f"yardstick_{rate}"]["p50"], 1)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
