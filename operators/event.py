"""What every event of the tape starts with."""

import msgspec


class Event(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The three numbers that every event starts with."""

    seq: int
    at_ns: int
    event_ns: int
