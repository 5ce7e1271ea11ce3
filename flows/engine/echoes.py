"""Compares what the line writes with what the tape holds of it: intents and checkpoints, each once and the same.

While a run catches up nothing goes to the tape: what the line computes is struck out against what is recorded. At the
head of the tape the rest of the intents are late ones of a run that was killed, and are written now.
"""

from collections.abc import Callable
from typing import Final

from msgspec.structs import astuple, replace

from flows.engine.telling import tell
from flows.points import point
from operators import prices
from operators.answers import Withdrawal
from operators.events import Checkpoint, Echo, Intent
from operators.orders import Cancel
from operators.records import OrderRecord
from operators.steps import SHAPE, Outcome

Key = tuple[str, str | int]
CAUSES: Final = "the program, its settings or the tape are not those of the recording"


class Divergence(Exception):
    """A replay decided otherwise than the recording; the message says where and what."""


class Echoes:
    """The echoes of one run, which began behind event `from_seq`; `put` appends to the tape.

    `fault` is the first difference. `newest` is the event of the newest checkpoint made or begun from.
    Checkpoints of another shape are not compared.
    """

    def __init__(self, put: Callable[[Echo], None], from_seq: int) -> None:
        self.live = False
        self.fault: Divergence | None = None
        self.compared, self.newest = 0, from_seq
        self._put, self._from_seq = put, from_seq
        self._recorded: dict[Key, Echo] = {}
        self._computed: dict[Key, Echo] = {}

    def recorded(self, echo: Echo) -> None:
        """Takes an echo that was read from the tape; what lies before the start of this run is not computed again."""
        foreign = isinstance(echo, Checkpoint) and echo.shape != SHAPE
        if not self.live and _cause(echo) > self._from_seq and not foreign:
            self._match(echo, self._computed, self._recorded)

    def take(self, outcome: Outcome) -> None:
        """Takes what the line made; its checkpoints and the orders that are sent go onto the tape or are compared."""
        if isinstance(outcome, Checkpoint):
            self.newest = outcome.at_seq
            self._take(outcome)
        elif type(outcome) is OrderRecord and outcome.state == "sending":
            self._take(intent(outcome))
        elif type(outcome) is Cancel:
            self._take(Withdrawal(0, 0, 0, outcome.tape_seq, outcome.client_order_id))

    def _take(self, echo: Echo) -> None:
        if self.live:
            if isinstance(echo, Intent):
                point("before an intent")
            self._put(echo)
        elif not isinstance(echo, Checkpoint) or echo.at_seq > self._from_seq:
            self._match(echo, self._recorded, self._computed)

    def head(self) -> None:
        """The line has caught up: what was recorded was computed, what was not recorded is written now."""
        self.live = True
        self.finished()
        late = [echo for echo in self._computed.values() if not isinstance(echo, Checkpoint)]
        self._recorded, self._computed = {}, {}
        if late:
            tell("W105", orders=[echo.client_order_id for echo in late])
        for echo in late:
            self._put(replace(echo, late=True) if isinstance(echo, Intent) else echo)

    def finished(self) -> None:
        """A replay has ended: what is recorded was computed. What was not recorded is normal after a crash."""
        for key, echo in self._recorded.items():
            self._differ(f"{_named(key)} is recorded at event {echo.seq} and was not decided again")

    @property
    def missing(self) -> list[str]:
        """The orders that were decided and are not recorded (yet)."""
        return [echo.client_order_id for echo in self._computed.values() if isinstance(echo, Intent)]

    def _match(self, echo: Echo, others: dict[Key, Echo], own: dict[Key, Echo]) -> None:
        key = _key(echo)
        other = others.pop(key, None)
        if other is None:
            own[key] = echo
            return
        self.compared += 1
        if _content(echo) != _content(other):
            recorded, computed = (echo, other) if echo.seq else (other, echo)
            self._differ(f"{_named(key)} was recorded as {_shown(recorded)} and is now {_shown(computed)}")

    def _differ(self, what: str) -> None:
        if self.fault is None:
            self.fault = Divergence(f"{what}: {CAUSES}")


def intent(order: OrderRecord) -> Intent:
    """The echo of an order that is sent; its place and time are given where it is written."""
    limit = None if order.limit_price is None else prices.micros_of(order.limit_price)
    return Intent(0, 0, 0, order.tape_seq, order.client_order_id, order.symbol, order.side, order.quantity, limit)


def _cause(echo: Echo) -> int:
    """The event that the echo follows from."""
    return echo.at_seq if isinstance(echo, Checkpoint) else echo.cause_seq


def _key(echo: Echo) -> Key:
    if isinstance(echo, Checkpoint):
        return ("checkpoint", echo.at_seq)
    return ("order" if isinstance(echo, Intent) else "cancel", echo.client_order_id)


def _named(key: Key) -> str:
    if key[0] == "checkpoint":
        return f"the checkpoint at event {key[1]}"
    return f"order {key[1]}" if key[0] == "order" else f"the cancel of order {key[1]}"


def _content(echo: Echo) -> object:
    """What has to be the same: all but place, time and lateness."""
    match echo:
        case Checkpoint():
            return echo.digest
        case Intent():
            return astuple(replace(echo, seq=0, at_ns=0, event_ns=0, late=False))
        case Withdrawal():
            return echo.cause_seq


def _shown(echo: Echo) -> str:
    if isinstance(echo, Checkpoint):
        return f"state {echo.digest}"
    if isinstance(echo, Withdrawal):
        return f"asked for at event {echo.cause_seq}"
    limit = "the market" if echo.limit_micros is None else f"{echo.limit_micros / 1e6:.6g}"
    return f"{echo.side} {echo.quantity} {echo.symbol} at {limit} (event {echo.cause_seq})"
