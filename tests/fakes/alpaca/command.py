"""`python -m tests.fakes.alpaca --tape F`: prints what to set, and serves until it is interrupted."""

import argparse
import asyncio
import json
import sys
from contextlib import closing, suppress
from pathlib import Path

from flows.tape.frames import Corrupt, NotATape, WrongVersion
from flows.tape.pace import BadSpeed, Pace
from tests.fakes.alpaca.faults import KINDS, BadScript, parsed
from tests.fakes.alpaca.server import Fake, Options, TakenPort, urls


def main(words: list[str]) -> int:
    """Exit code 2 for what cannot be played."""
    asked = _parser().parse_args(words)
    if asked.kinds:
        print("\n".join(f"{name:20} {kind.layer:11} {kind.meaning}" for name, kind in KINDS.items()))
        return 0
    if asked.tape is None:
        print("scalp: --tape is missing: name a tape, say one of `scalp generate`", file=sys.stderr)
        return 2
    try:
        fake = _made(asked)
        with suppress(KeyboardInterrupt), closing(_serve(fake, asked.json)) as serving:
            asyncio.run(serving)
    except BadScript as fault:
        print(f"scalp: --faults {asked.faults}: {fault}: see docs/brokers.md", file=sys.stderr)
        return 2
    except (BadSpeed, Corrupt, NotATape, TakenPort, WrongVersion, OSError) as fault:
        print(f"scalp: {' '.join(str(fault).split())}", file=sys.stderr)
        return 2
    return 0


def _made(asked: argparse.Namespace) -> Fake:
    """What was asked for. Raises BadScript for a script of faults, and what a tape and a pace raise."""
    speed = None if asked.lock_step else asked.speed
    if speed is not None:
        Pace(speed)
    faults = () if asked.faults is None else tuple(parsed(_read(asked.faults)))
    return Fake(Options(asked.tape, asked.port, speed, faults, asked.frames, asked.latency_ms, asked.cash))


def _read(script: Path) -> bytes:
    try:
        return script.read_bytes()
    except OSError as fault:
        raise BadScript(f"{fault.strerror}; name a file with a JSON list of faults") from fault


async def _serve(fake: Fake, as_json: bool) -> None:
    begun = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(fake.serve(begun))
    await asyncio.wait({serving, begun}, return_when=asyncio.FIRST_COMPLETED)
    if begun.done():
        _tell(begun.result(), as_json)
    await serving


def _tell(port: int, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"port": port}), flush=True)
        return
    print(f"An Alpaca that is not, at http://127.0.0.1:{port}. Any key and secret pass; no order leaves this machine.")
    for client, url in urls(port).items():
        print(f"  {client}(..., url_override={url!r})")
    print(
        f"  state: http://127.0.0.1:{port}/fake/state; next event (lock step): POST http://127.0.0.1:{port}/fake/next"
    )
    print("Ctrl-C ends it.", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scalp fake-alpaca", description=__doc__)
    parser.add_argument("--tape", type=Path, help="the market to play")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 for any that is free")
    pace = parser.add_mutually_exclusive_group()
    pace.add_argument("--speed", type=float, default=1.0, help="times the tape's own time")
    pace.add_argument("--lock-step", action="store_true", help="the next event comes when POST /fake/next asks for it")
    parser.add_argument("--faults", type=Path, help="JSON list of faults; --kinds lists them")
    parser.add_argument("--kinds", action="store_true", help="list the kinds of faults and end")
    parser.add_argument("--frames", choices=("binary", "text", "both"), default="binary", help="of trade updates")
    parser.add_argument("--latency-ms", type=int, default=0, help="of the tape's time, from request to exchange")
    parser.add_argument("--cash", type=int, default=100_000, help="USD in the account at the start")
    parser.add_argument("--json", action="store_true", help="print the port as a JSON object")
    return parser
