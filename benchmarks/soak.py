"""Whether an engine stays as small as it began: memory, descriptors and CPU of `scalp run` at its own speed.

Run as `python -m benchmarks.soak [--minutes 30] [--warm 5] [--speed 1]`; prints one JSON object. The engine trades its
simulated market into a folder and a SQLite file of its own. Its resident memory is read once a second. `growth_mb` is
the difference of the medians of the last and the first minute after `warm` minutes, `per_30_minutes_mb` the slope of a
straight line through all of them; the limit is 2 MB in 30 minutes at 1x. The yardstick is the same process after the
warm-up: `ratio` is the memory of the last minute over that.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

SCALP: Final = Path(sys.executable).with_name("scalp")
EVERY_SECONDS: Final = 1.0
A_MINUTE: Final = 60
TICKS: Final = os.sysconf("SC_CLK_TCK")


class Sample(NamedTuple):
    """A process at an instant (monotonic seconds): memory in MB, seconds of CPU so far, threads, open files."""

    at: float
    mb: float
    cpu: float
    threads: int
    files: int


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--warm", type=float, default=5.0)
    parser.add_argument("--speed", type=float, default=1.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = ["--state", str(folder / "state"), "--database", f"sqlite:///{folder}/records.db"]
        with (folder / "log").open("w+") as log:
            command = [SCALP, "run", "--speed", str(given.speed), *words]
            engine = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
            try:
                samples = watched(engine, (given.warm + given.minutes) * 60.0)
            finally:
                engine.send_signal(signal.SIGTERM)
                engine.wait(30.0)
            log.seek(0)
            said = [json.loads(line) for line in log]
    told = {"minutes": given.minutes, "speed": given.speed, **judged(samples, given.warm * 60.0)}
    events = next(line["events"] for line in said if line["code"] == "I002")
    print(json.dumps(told | {"events": events, "warnings": [line["code"] for line in said if line["code"] > "J"]}))


def watched(engine: subprocess.Popen[bytes], seconds: float) -> list[Sample]:
    """The process once a second. Raises RuntimeError if it ends."""
    until, samples = time.monotonic() + seconds, list[Sample]()
    while time.monotonic() < until:
        time.sleep(EVERY_SECONDS)
        if engine.poll() is not None:
            raise RuntimeError(f"the engine ended with {engine.returncode}")
        samples.append(sample(engine.pid))
    return samples


def sample(pid: int) -> Sample:
    """What the kernel says of a process."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    times = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    cpu = (int(times[11]) + int(times[12])) / TICKS
    files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Sample(time.monotonic(), int(status["VmRSS"].split()[0]) / 1024.0, cpu, int(status["Threads"]), files)


def judged(samples: list[Sample], warm_seconds: float) -> dict[str, Any]:
    """The process after its warm-up."""
    warm = [one for one in samples if one.at - samples[0].at >= warm_seconds]
    first, last = (statistics.median(one.mb for one in part) for part in (warm[:A_MINUTE], warm[-A_MINUTE:]))
    slope = statistics.linear_regression([one.at for one in warm], [one.mb for one in warm]).slope
    return {
        "growth_mb": round(last - first, 2),
        "per_30_minutes_mb": round(slope * 1800.0, 2),
        "yardstick_mb": round(first, 1),
        "ratio": round(last / first, 4),
        "cpu_of_a_core": round((warm[-1].cpu - warm[0].cpu) / (warm[-1].at - warm[0].at), 3),
        "threads": [warm[0].threads, warm[-1].threads],
        "open_files": [warm[0].files, warm[-1].files],
    }


if __name__ == "__main__":
    main()
