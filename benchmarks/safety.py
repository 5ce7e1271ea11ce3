"""How long an order to a broker waits for the disk: from the write of its intent until it survives a power cut.

Run as `python -m benchmarks.safety [--orders 300] [--folder DIR]`; prints one JSON object, in milliseconds. `at_once`
is how an order waits, `in_turn` what waits for the sync of every 50 ms, as all other events do. The yardstick is a bare
file: as many bytes, then fdatasync. The three take turns. DIR is on the disk that is measured, not in memory.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks.latency import quantiles
from flows.tape.frames import Header
from flows.tape.journal import Journal
from operators.events import Intent, encode

INTENT: Final = Intent(0, 0, 0, 1, "sc-20260302-14cabbcb3b8552275e93", "QQQ260302C00610000", "buy", 3, 1_230_000)
PATIENCE_SECONDS: Final = 10.0
REST_SECONDS: Final = 0.0137
"""Between two orders: no multiple of the 50 ms between two syncs."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--orders", type=int, default=300)
    parser.add_argument("--folder", type=Path, default=Path())
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        told = measured(Path(name), given.orders)
    yardstick = told["yardstick"]["p50"]
    print(json.dumps({"orders": given.orders, **told, "ratio": round(told["at_once"]["p50"] / yardstick, 2)}))


def measured(folder: Path, orders: int) -> dict[str, Any]:
    """The times of each way."""
    journal = Journal(folder, Header(), time.time_ns)
    journal.start()
    with (folder / "bare").open("wb", buffering=0) as bare:

        def in_turn() -> None:
            journal.wait_synced(journal.written_seq, PATIENCE_SECONDS)

        def at_once() -> None:
            journal.wait_synced(journal.written_seq, PATIENCE_SECONDS, at_once=True)

        def yardstick() -> None:
            bare.write(encode(INTENT))
            os.fdatasync(bare.fileno())

        ways: dict[str, Callable[[], None]] = {"at_once": at_once, "in_turn": in_turn, "yardstick": yardstick}
        times: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(orders):
            for name, wait in ways.items():
                journal.put(INTENT)
                journal.drained(PATIENCE_SECONDS)
                began = time.perf_counter()
                wait()
                times[name].append(1e3 * (time.perf_counter() - began))
                time.sleep(REST_SECONDS)
    journal.close()
    return {name: quantiles(found) for name, found in times.items()}


if __name__ == "__main__":
    main()
