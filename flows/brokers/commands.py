"""`scalp broker orders|positions|reconcile`: what is at the broker, and whether the engine believes the same.

Nothing is sent, written or locked. Exit codes: 0 done and agreed, 2 bad usage, keys or state, 3 the broker does not
answer, or the two sides differ.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from flows.faults import BAD_INPUT, RUN_FAILED, fail, faults_of_input
from flows.options import AccountOption, LiveOption, RulesOption, SetOption

if TYPE_CHECKING:
    from flows.brokers.port import Broker, Placed

brokers = typer.Typer(no_args_is_help=True, help="Look at an account at a broker; nothing is sent.")
AtOption = Annotated[str, typer.Option("--broker", help="alpaca, or alpaca:URL of `scalp fake-alpaca`")]
StateOption = Annotated[Path, typer.Option(help="the engine's folder")]
JsonOption = Annotated[bool, typer.Option("--json", help="print one JSON object")]


class Where(NamedTuple):
    """Which account at which broker, as the command line has it."""

    broker: str
    live: bool
    account: str
    values: list[str] | None
    rules_file: Path | None


@brokers.command()
def orders(
    broker: AtOption = "alpaca",
    live: LiveOption = False,
    account: AccountOption = "",
    values: SetOption = None,
    rules_file: RulesOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the orders that may still fill, the engine's and others'."""
    from flows.brokers.comparing import ours

    with _reached(Where(broker, live, account, values, rules_file)) as at:
        found = sorted(asyncio.run(at.open_orders()), key=lambda one: (not ours(one), one.answer.client_order_id))
    if as_json:
        print(json.dumps({"orders": [_row(one) for one in found]}))
        return
    for one in found:
        answer, whose = one.answer, "engine" if ours(one) else "other "
        said = f"{one.side} {one.quantity} {one.symbol}, {answer.filled} filled, {answer.state}"
        print(f"{whose}  {answer.client_order_id}  {said}")
    if not found:
        print("no open orders")


@brokers.command()
def positions(
    broker: AtOption = "alpaca",
    live: LiveOption = False,
    account: AccountOption = "",
    values: SetOption = None,
    rules_file: RulesOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what the account holds, the engine's and others'."""
    from operators.prices import decimal

    with _reached(Where(broker, live, account, values, rules_file)) as at:
        found = sorted(asyncio.run(at.positions()))
    rows = [
        {"symbol": one.symbol, "quantity": one.quantity, "average_usd": str(decimal(one.average_micros))}
        for one in found
    ]
    if as_json:
        print(json.dumps({"positions": rows}))
        return
    for row in rows:
        print("{quantity} {symbol} at {average_usd} USD".format(**row))
    if not rows:
        print("no positions")


@brokers.command()
def reconcile(
    state: StateOption = Path("scalp-state"),
    broker: AtOption = "alpaca",
    live: LiveOption = False,
    account: AccountOption = "",
    values: SetOption = None,
    rules_file: RulesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the account with what the engine in a folder believes; exit code 3 if they differ."""
    from flows.brokers.standing import compared

    with _reached(Where(broker, live, account, values, rules_file)) as at:
        found = compared(at, state)
    if as_json:
        print(json.dumps(found.row()))
    else:
        for line in found.lines():
            print(line)
    if found.differences:
        raise typer.Exit(RUN_FAILED)


@contextmanager
def _reached(where: Where) -> "Iterator[Broker]":
    """The broker for as long as a block runs; what it does not answer, or does not allow, ends the command."""
    with faults_of_input():
        from flows.brokers.choosing import NoBroker, chosen
        from flows.brokers.port import NotSent, Unclear, Unusable
        from flows.engine.placing import check_named
        from flows.settings import load

        settings = load(where.rules_file, where.values or [])
        at = chosen(where.broker, where.account, where.live, settings)
        if at is None:
            raise NoBroker(f"--broker {where.broker}: that is inside the engine, see `scalp status`; name alpaca")
        try:
            if where.account:
                check_named(at, asyncio.run(at.account()), where.account)
            yield at
        except Unusable as fault:
            fail(fault, BAD_INPUT)
        except (NotSent, Unclear) as fault:
            fail(f"{at.name} does not answer: {fault}", RUN_FAILED)
        finally:
            asyncio.run(at.close())


def _row(placed: "Placed") -> dict[str, Any]:
    from flows.brokers.comparing import ours

    answer = placed.answer
    return {
        "ours": ours(placed),
        "client_order_id": answer.client_order_id,
        "broker_order_id": answer.broker_order_id,
        "side": placed.side,
        "quantity": placed.quantity,
        "symbol": placed.symbol,
        "filled": answer.filled,
        "state": answer.state,
    }
