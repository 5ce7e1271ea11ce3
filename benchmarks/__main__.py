"""Runs every benchmark and writes docs/benchmarks.md: `python -m benchmarks`, or `make bench`."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from textwrap import fill
from typing import Any

OUT = Path(__file__).parents[1] / "docs" / "benchmarks.md"
WIDTH = 120


def main() -> None:
    told = {name: run(name) for name in ("greeks", "replay", "chains", "growth", "latency", "safety", "restart")}
    live = latency(told["latency"]), safety(told["safety"]), restart(told["restart"])
    sections = replay(told["replay"]), chains(told["chains"]), greeks(told["greeks"]), growth(told["growth"]), *live
    OUT.write_text("\n\n".join([*opening(), *chain.from_iterable(sections)]) + "\n")


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


def growth(told: dict[str, Any]) -> Iterator[str]:
    yield "## Growth"
    yield said(
        f"""Whole processes `scalp replay` of one simulated session, median of {told["runs"]}; CPU time is user and
        system. `net` is without a replay of one bar ({two(told["start"]["cpu_seconds"])} s), `marginal` without
        one of what the tapes have in common, size 0. Slope: least squares of log CPU time over log size; 1 is linear,
        less is better. Step: the slope of `marginal` from the size before."""
    )
    yield said(
        """Contracts: one underlying, its chain every 15 s, and every two minutes a signal for which the whole chain is
        priced (IV and Greeks), ranked and recorded."""
    )
    yield from grown("contracts", told["contracts"])
    yield said(
        """Tickers: shares with a quote a second, 1-minute bars and a chain of 100 contracts every 15 s each, and two
        leveraged funds."""
    )
    yield from grown("tickers", told["tickers"])
    one, four, wide = (told["once"][name] for name in ("days_1", "days_4", "expiries_5000"))
    yield said(
        f"""Four sessions of five tickers take {four["peak_mb"]:.0f} MB at most, one takes {one["peak_mb"]:.0f}. 5,000
        contracts in five times as many expiries take {two(wide["cpu_seconds"])} s of CPU time and
        {wide["peak_mb"]:.0f} MB."""
    )


def grown(name: str, told: dict[str, Any]) -> Iterator[str]:
    """The figures of a kind of tapes, and how they grow."""
    whole, without = ("seconds", "cpu_seconds"), ("net_cpu_seconds", "marginal_cpu_seconds")
    common, slopes, line = told["common"], told["slope_cpu_seconds"], told["line"]
    times = zip(*(told[kind] for kind in (*whole, *without)), strict=True)
    rows = [(0, *(two(common[kind]) for kind in whole), "", "", "", f"{common['peak_mb']:.0f}")]
    steps = [None, *told["local_slopes"]["marginal"]]
    for size, each, step, peak in zip(told["sizes"], times, steps, told["peak_mb"], strict=True):
        rows.append((f"{size:,}", *map(two, each), two(step), f"{peak:.0f}"))
    yield table((name, "seconds", "CPU seconds", "net", "marginal", "step", "peak MB"), rows)
    yield said(
        f"""Slope {two(slopes["raw"])} raw, {two(slopes["net"])} net, {two(slopes["marginal"])} marginal. The straight
        line {two(line["fixed_seconds"])} s + {two(line["milliseconds_each"])} ms x {name} is at most
        {100 * line["largest_deviation"]:.0f} % off. The largest takes {two(told["ratio_to_loop"])} times the CPU time
        of the plain loop, which records nothing."""
    )


def latency(told: dict[str, Any]) -> Iterator[str]:
    yield "## From a tick to its order"
    yield said(
        """Ticks at jittered times on the feed's queue of a running engine; the time until an order that follows at once
        leaves the desk, through tape file and whole line, in milliseconds, without the first tenth of the ticks. A
        thread that hands the same ticks at the same times to another through a queue is the yardstick."""
    )
    names = ("p50", "p99", "longest", "count")
    rows = []
    for rate in told["rates"]:
        parts = {
            "thread and queue": f"yardstick_{rate}",
            "engine": f"{rate}",
            "with ten heavy chains": f"{rate}_chains",
        }
        rows += [(rate, name, *(told[part][key] for key in names)) for name, part in parts.items()]
    yield table(("ticks a second", "", *names), rows)
    waiting = max(told[f"{rate}"]["waiting"] for rate in told["rates"])
    yield said(
        f"""The chains: ten underlyings, 400 contracts each, one snapshot a second. Waiting for ticks takes
        {100 * waiting:.0f} % of a core at most."""
    )


def safety(told: dict[str, Any]) -> Iterator[str]:
    yield "## From the tape to the disk"
    yield said(
        f"""How long an order to a broker waits, once its intent is written, until that survives a power cut, in
        milliseconds; {told["orders"]} orders. All other events wait in turn, for the sync of every 50 ms. The yardstick
        is a bare file that is written and synced; the order takes {told["ratio"]} times as long."""
    )
    names, ways = ("p50", "p99", "longest"), {"at_once": "order", "in_turn": "in turn", "yardstick": "bare file"}
    yield table(("", *names), [(name, *(told[way][key] for key in names)) for way, name in ways.items()])


def restart(told: dict[str, Any]) -> Iterator[str]:
    yield "## From SIGKILL to running again"
    yield said(
        f"""From the start of the process until the line has come to the head of the tape, median and longest of
        {told["runs"]}; `caught up` are the events since the checkpoint that the database had. The day was played at
        4,000 times its own speed: between two checkpoints lies the same time of the tape. Chains: ten underlyings with
        400 contracts a second, for two and for ten minutes; a longer tape takes no longer. The yardstick is a process
        that imports bytewax, sqlalchemy and numpy and nothing else."""
    )
    names = {"day": "a day", "chains_2_minutes": "chains, 2 minutes", "chains_10_minutes": "chains, 10 minutes"}
    keys = ("tape_mb", "events", "caught_up", "seconds", "longest", "yardstick", "ratio")
    rows = [(name, *(told[part][key] for key in keys)) for part, name in names.items()]
    yield table(("tape", "MB", "events", "caught up", "seconds", "longest", "yardstick", "ratio"), rows)


def two(value: float | None) -> str:
    """Two digits after the point, nothing for nothing."""
    return "" if value is None else f"{value:.2f}"


if __name__ == "__main__":
    main()
