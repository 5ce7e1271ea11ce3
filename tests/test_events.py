"""The schema of the tape's events is frozen: fields are only appended, tags are never used again."""

from flows.tape.frames import KNOWN_SCHEMAS
from operators.schema import schema, schema_hash, type_of_tag

EVENT = ["seq: int", "at_ns: int", "event_ns: int"]
GOLDEN = {
    "1 RunStarted": [
        *EVENT,
        "book_id: str",
        "loop: str",
        "mode: Literal['options', 'leveraged_etf', 'both']",
        "equity_micros: int",
        "settings: str",
        "tapes: tuple[str, ...]",
        "tables: dict[str, str]",
        "rules_version: int",
        "marks: tuple[str, ...]",
        "cadences: dict[str, float]",
        "checkpoint_seconds: int",
    ],
    "2 Bar": [
        *EVENT,
        "ticker: str",
        "open: float",
        "high: float",
        "low: float",
        "close: float",
        "volume: float",
        "history: bool",
    ],
    "3 Quote": [
        *EVENT,
        "symbol: str",
        "bid: float",
        "ask: float",
        "bid_size: float",
        "ask_size: float",
    ],
    "4 OutsideSignal": [
        *EVENT,
        "ticker: str",
        "direction: Literal['long', 'short']",
        "conviction: float",
    ],
    "5 Command": [
        *EVENT,
        "action: Literal['flatten', 'kill', 'pause', 'resume', 'rearm', 'mode', 'ticker', 'reduce', 'restore']",
        "actor: str",
        "argument: str",
        "command_id: str",
    ],
    "6 Contracts": [
        *EVENT,
        "underlying: str",
        "symbols: tuple[str, ...]",
        "rights: tuple[int, ...]",
        "strikes: tuple[float, ...]",
        "expiries: tuple[datetime.date, ...]",
        "adjusted: tuple[bool, ...]",
        "multiplier: int",
        "settlement: Literal['physical', 'cash']",
    ],
    "7 Chain": [
        *EVENT,
        "underlying: str",
        "bid: bytes",
        "ask: bytes",
        "bid_size: bytes",
        "ask_size: bytes",
        "volume: bytes",
        "open_interest: bytes",
    ],
    "8 AtmIv": [*EVENT, "ticker: str", "iv: float"],
    "9 Dividend": [*EVENT, "ticker: str", "ex_date: date", "amount: float"],
    "10 Clock": EVENT,
    "11 Stop": EVENT,
    "12 Intent": [
        *EVENT,
        "cause_seq: int",
        "client_order_id: str",
        "symbol: str",
        "side: Literal['buy', 'sell']",
        "quantity: int",
        "limit_micros: int | None",
        "late: bool",
    ],
    "13 Checkpoint": [*EVENT, "at_seq: int", "shape: str", "digest: str", "state: bytes"],
    "14 Answer": [
        *EVENT,
        "client_order_id: str",
        "state: Literal['working', 'cancelled', 'rejected', 'expired', 'unknown']",
        "filled: int",
        "reason: str",
        "broker_order_id: str",
    ],
    "15 Execution": [
        *EVENT,
        "execution_id: str",
        "client_order_id: str",
        "symbol: str",
        "side: Literal['buy', 'sell']",
        "quantity: int",
        "price_micros: int",
        "fee_micros: int",
    ],
    "16 Power": [*EVENT, "power_micros: int"],
    "17 Withdrawal": [*EVENT, "cause_seq: int", "client_order_id: str"],
    "18 Split": [*EVENT, "ticker: str", "ex_date: date", "old_shares: float", "new_shares: float"],
}


def test_schema_is_the_golden_one() -> None:
    assert schema() == GOLDEN


def test_schema_hash_is_the_golden_one() -> None:
    assert schema_hash() == "fb7c6f1553bf1485"


def test_this_programs_own_schema_is_known_to_the_reader() -> None:
    assert schema_hash() in KNOWN_SCHEMAS


def test_schemas_of_tapes_that_exist_stay_known_for_ever() -> None:
    known = {"d7bf52a031344ff2", "ffc6ae039d8031bb", "d89a31d0b8cd4ad1", "37276987c8d58f3e", "fb7c6f1553bf1485"}
    assert set(KNOWN_SCHEMAS) >= known


def test_each_tag_stands_for_the_class_that_carries_it() -> None:
    assert {tag: kind.__struct_config__.tag for tag, kind in type_of_tag.items()} == {tag: tag for tag in type_of_tag}
