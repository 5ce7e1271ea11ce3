"""Runs every benchmark and writes docs/benchmarks.md: `python -m benchmarks`, or `make bench`."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from textwrap import fill
from typing import Any

OUT = Path(__file__).parents[1] / "docs" / "benchmarks.md"
WIDTH = 120


def main() -> None:
    told = {name: run(name) for name in ("greeks", "replay", "chains")}
    OUT.write_text(
        "\n\n".join([*opening(), *replay(told["replay"]), *chains(told["chains"]), *greeks(told["greeks"])]) + "\n"
    )


def run(name: str) -> dict[str, Any]:
    """What a benchmark printed."""
    done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True, capture_output=True, text=True)
    print(f"{name}: {done.stdout.strip()}", flush=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def said(text: str) -> str:
    """A paragraph."""
    return fill(" ".join(text.split()), WIDTH, break_on_hyphens=False)


def table(names: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A table of Markdown."""
    heading = list(names)
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def opening() -> Iterator[str]:
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    yield "# Benchmarks"
    yield said(
        f"""Written by `make bench` on {machine}. Every figure has a yardstick of the same run beside it: compare
        ratios, not seconds."""
    )


def replay(told: dict[str, Any]) -> Iterator[str]:
    yield "## A replay"
    yield said(
        f"""{told["events"]:,} events of one simulated session: 8 tickers and their leveraged funds, one quote a second
        each, 1-minute bars, one chain of 100 contracts a minute a ticker. Whole processes, median of {told["runs"]}.
        The plain loop decodes the tape and runs the same operators in a `for`; nothing is recorded there."""
    )
    parts = {"loop": "plain loop", "line": "through Bytewax, no records", "recorded": "with records in SQLite"}
    ratios = {"loop": 1.0, "line": told["ratio_without_records"], "recorded": told["ratio_with_records"]}
    kinds = ("seconds", "microseconds_an_event", "peak_mb")
    rows = [(name, *(told[kind][part] for kind in kinds), ratios[part]) for part, name in parts.items()]
    yield table(("", "seconds", "microseconds an event", "peak MB", "of the plain loop"), rows)


def chains(told: dict[str, Any]) -> Iterator[str]:
    yield "## Option chains"
    yield said(
        f"""A session of ten underlyings with 400 contracts each, every second: {told["tape_gb"]} GB of tape in
        {told["seconds"]["recorded"]} s, {told["contracts_a_second"]:,} contracts a second,
        {told["peak_mb"]["recorded"]} MB at most, {told["ratio"]} times the plain loop."""
    )


def greeks(told: dict[str, Any]) -> Iterator[str]:
    yield "## Greeks"
    yield said(
        f"""2,000 contracts: {told["implied_us"]["median"]} microseconds, {told["ratio_median"]} times numpy's own cost
        of as many array operations; with a call and a put of one strike sharing their IV
        {told["chain_greeks_us"]["median"]} microseconds."""
    )


if __name__ == "__main__":
    main()
