"""The schema of the tape: what each event holds, under which tag, and a digest of it all."""

import hashlib

import msgspec
from msgspec.structs import fields

from operators.answers import Answer, Execution, Power, Withdrawal
from operators.event import Event
from operators.events import (
    AtmIv,
    Bar,
    Chain,
    Checkpoint,
    Clock,
    Command,
    Contracts,
    Dividend,
    Intent,
    OutsideSignal,
    Quote,
    RunStarted,
    Stop,
)

type_of_tag: dict[int, type[Event]] = {
    1: RunStarted,
    2: Bar,
    3: Quote,
    4: OutsideSignal,
    5: Command,
    6: Contracts,
    7: Chain,
    8: AtmIv,
    9: Dividend,
    10: Clock,
    11: Stop,
    12: Intent,
    13: Checkpoint,
    14: Answer,
    15: Execution,
    16: Power,
    17: Withdrawal,
}


def schema() -> dict[str, list[str]]:
    """Tag and class to field names with types, in order: what the golden test and the tape's header hold."""
    return {
        f"{tag} {kind.__name__}": [f"{field.name}: {_type_name(field.type)}" for field in fields(kind)]
        for tag, kind in sorted(type_of_tag.items())
    }


def _type_name(kind: object) -> str:
    return kind.__name__ if type(kind) is type else str(kind).removeprefix("typing.")


def schema_hash() -> str:
    """First 16 hex digits of the SHA-256 of the schema; stands in the header of every tape."""
    return hashlib.sha256(msgspec.json.encode(schema())).hexdigest()[:16]
