"""Checkpoints: both states of the line as they were after one event, from which a run goes on as if it had not ended.

A barrier travels the line behind everything that the event caused. Each step adds its own state, encoded at that very
place: in a batch a reference would show what came later.
"""

import hashlib
import json

import msgspec

from operators.events import AnyEvent, Checkpoint, Stop, is_history
from operators.market import Market
from operators.moments import Moment, Setup

_encoder = msgspec.msgpack.Encoder(order="deterministic")


class Barrier(msgspec.Struct, frozen=True):
    """Stands behind all that event `at_seq` caused, with the market's state as it was then."""

    at_seq: int
    market: bytes


class States(msgspec.Struct, frozen=True):
    """The encoded states of the market and of each book."""

    market: bytes
    books: dict[str, bytes]


class Barriers:
    """Lets a market take events and sets a barrier before the first one in each new span of time, and after a Stop.

    History tells no time. Without checkpoints in its RunStarted a run has no barrier.
    """

    def __init__(self, market: Market) -> None:
        self.market = market

    def on(self, event: AnyEvent) -> list[AnyEvent | Moment | Setup | Barrier]:
        """What the market makes of the event, with the barrier before or behind it."""
        state = self.market.state
        every_ns = state.checkpoint_ns
        if every_ns == 0:
            return [*self.market.on(event)]
        if type(event) is Stop:
            return [*self.market.on(event), Barrier(event.seq, encode_state(state))]
        if event.at_ns // every_ns == state.cell or is_history(event):
            return [*self.market.on(event)]
        barrier = Barrier(event.seq - 1, encode_state(state))
        state.cell = event.at_ns // every_ns
        return [barrier, *self.market.on(event)]


def encode_state(state: msgspec.Struct) -> bytes:
    """Bytes of a state: equal ones for equal states, whatever the order of a dict."""
    return _encoder.encode(state)


def checkpoint(barrier: Barrier, books: dict[str, bytes], shape: str) -> Checkpoint:
    """The event that holds the states at a barrier; its place and time are given where it is written."""
    state = encode_state(States(barrier.market, books))
    return Checkpoint(0, 0, 0, barrier.at_seq, shape, digest(state), state)


def digest(state: bytes) -> str:
    """First 16 hex digits of the SHA-256 of an encoded state."""
    return hashlib.sha256(state).hexdigest()[:16]


def states(event: Checkpoint) -> States:
    """The states of a checkpoint. Raises ValueError where they are not those that the digest names."""
    if digest(event.state) != event.digest:
        raise ValueError(f"the checkpoint at event {event.at_seq} is {digest(event.state)}, its digest {event.digest}")
    return msgspec.msgpack.decode(event.state, type=States)


def shape(*kinds: type[msgspec.Struct]) -> str:
    """16 hex digits that change whenever a field of these states does, at any depth."""
    text = json.dumps(_bare(msgspec.json.schema_components(kinds)), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _bare(node: object) -> object:
    """A schema without its descriptions, which are docstrings."""
    if isinstance(node, dict):
        said = {key for key in node if key == "description" and isinstance(node[key], str)}
        return {key: _bare(value) for key, value in node.items() if key not in said}
    return [_bare(value) for value in node] if isinstance(node, list | tuple) else node
