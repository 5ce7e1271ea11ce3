"""`scalp run`. Exit codes: 0 ended in order, 2 bad usage or input, 3 another engine runs here, or the run failed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flows.faults import RUN_FAILED, fail, faults_of_input, progress, warn
from flows.options import AccountOption, BrokerOption, DatabaseOption, LiveOption, ModeName, RulesOption, SetOption

if TYPE_CHECKING:
    from collections.abc import Callable

    from flows.engine.metrics import Port
    from flows.engine.process import Engine, Plan
    from flows.feeds.feed import Feed

FEEDS = "simulated, simulated:SEED, replay:TAPE (a tape as if it were live), alpaca, or alpaca:URL of a fake"


def run(
    state: Annotated[Path, typer.Option(help="the engine's folder: lock, tape, checkpoints")] = Path("scalp-state"),
    feed: Annotated[str, typer.Option(help=f"{FEEDS}; by itself the broker's own, on paper a simulated one")] = "",
    speed: Annotated[float, typer.Option(help="times the feed's own time")] = 1.0,
    faults: Annotated[str, typer.Option(help="a bad line: all, or drops,silence,duplicates,reordering")] = "",
    broker: BrokerOption = "paper",
    live: LiveOption = False,
    account: AccountOption = "",
    mode: Annotated[ModeName, typer.Option(help="instruments")] = ModeName.BOTH,
    metrics_port: Annotated[int, typer.Option(min=0, max=65535, help="for Prometheus on 127.0.0.1; 0 for none")] = 0,
    values: SetOption = None,
    rules_file: RulesOption = None,
    database: DatabaseOption = None,
) -> None:
    """Run the engine: trade what the feed brings, on paper or at a broker, until SIGTERM, SIGINT or the feed's end."""
    from flows.engine.pauses import while_starting

    with while_starting(), faults_of_input(), _kept(metrics_port) as port:
        from flows.brokers import choosing as brokers
        from flows.engine.process import Plan
        from flows.feeds import choosing as feeds
        from flows.settings import load

        settings = load(rules_file, values or [])
        at = brokers.chosen(broker, account, live, settings)
        plan = Plan(state, database, account, mode.value, settings, speed, broker=at)
        asked = feeds.Asked(feed, speed, faults, broker, live)
        engine = _made(plan, feeds.chosen(asked, settings, mode.value))
    _run(engine, port)


@contextmanager
def _kept(metrics_port: int) -> Iterator["Port"]:
    """The port, had before anything else is; a start that fails gives it back."""
    from flows.engine.metrics import Port

    port = Port(metrics_port)
    try:
        yield port
    except BaseException:
        port.close()
        raise


def _made(plan: "Plan", feed: "Callable[[Path], Feed]") -> "Engine":
    """An engine on its folder, which no other may have."""
    from flows.engine.process import Engine
    from flows.engine.state import Locked
    from flows.engine.telling import libraries_tell

    libraries_tell()
    try:
        return Engine(plan, feed)
    except Locked as fault:
        fail(fault, RUN_FAILED)


def _run(engine: "Engine", port: "Port") -> None:
    """Runs an engine, and says how it began and ended."""
    from flows.engine.stopping import told_by_signals
    from flows.engine.telling import tell

    book_id, state = engine.started.book_id, str(engine.plan.state)
    port.show(engine.metrics.registry)
    try:
        with told_by_signals(engine.stopping.set):  # who reads that it runs may stop it at once
            tell("I001", book_id=book_id, state=state, from_event=engine.from_seq, head_event=engine.head_seq)
            engine.run()
    except Exception as fault:
        tell("E201", book_id=book_id, detail=str(fault))
        fail(fault, RUN_FAILED)
    finally:
        port.close()
    tell("I002", book_id=book_id, events=engine.ends.events)


def record(
    state: Annotated[Path, typer.Option(help="the folder that the tape is made in, or goes on in")] = Path("recording"),
    feed: Annotated[str, typer.Option(help="as of `scalp run`")] = "",
    speed: Annotated[float, typer.Option(help="times the feed's own time")] = 1.0,
    faults: Annotated[str, typer.Option(help="as of `scalp run`")] = "",
    mode: Annotated[ModeName, typer.Option(help="whose market: that of which instruments")] = ModeName.BOTH,
    values: SetOption = None,
    rules_file: RulesOption = None,
) -> None:
    """Record a feed onto a tape until SIGTERM, SIGINT or the feed's end, without trading."""
    from flows.engine.state import Locked
    from flows.engine.taping import Recording
    from flows.feeds.choosing import Asked, chosen
    from flows.settings import load

    with faults_of_input():
        try:
            made_by = chosen(Asked(feed, speed, faults), load(rules_file, values or []), mode.value)
            recording = Recording(state, made_by)
        except Locked as fault:
            fail(fault, RUN_FAILED)
    print(f"recording into {state} behind event {recording.before}; Ctrl-C ends it", flush=True)
    try:
        made = recording.run()
    except Exception as fault:
        fail(fault, RUN_FAILED)
    print(f"{made.tape}: {made.events} events, {made.events - made.before} of them new")


def rebuild(
    state: Annotated[Path, typer.Option(help="the folder of the engine whose tape is read")] = Path("scalp-state"),
    database: DatabaseOption = None,
) -> None:
    """Make the database of an engine anew from its tape, and compare what the engine decided with what it recorded."""
    from flows.engine.rebuild import rebuild
    from flows.engine.state import Locked
    from flows.running import RunFailed

    with faults_of_input():
        try:
            with progress("rebuild") as tell:
                made = rebuild(state, database, tell)
        except (Locked, RunFailed) as fault:
            fail(fault, RUN_FAILED)
    if made.missing:
        warn(f"missing: {made.missing}")
    print(
        f"{made.book_id}: {made.events} events, {made.compared} orders and checkpoints as recorded, "
        f"complete to event {made.mark}; records {made.records_sha256}"
    )
