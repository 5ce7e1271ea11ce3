"""The schema of the tape: what each event holds, under which tag, and a digest of it all."""

import hashlib
from typing import get_args

import msgspec
from msgspec.structs import fields

from operators.event import Event
from operators.events import AnyEvent

type_of_tag: dict[int, type[Event]] = {kind.__struct_config__.tag: kind for kind in get_args(AnyEvent)}


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
