"""What happened: the items of the tape.

Every event has `seq` (its place on the tape, from 1), `at_ns` (UTC nanoseconds: when we knew it, strictly
increasing along the tape) and `event_ns` (UTC nanoseconds: when it happened at its source). Rules read `at_ns`;
`event_ns` is the identity of a bar and the age of a quote, nothing else.

Events are encoded as MessagePack arrays that begin with the tag. A tag is never used again for something else and
fields are only appended (with a default), so that an old tape can be read for ever; a golden test holds both.
"""

from datetime import date
from math import nan
from typing import Literal

import msgspec

from operators.answers import Answer, Execution, Power, Withdrawal
from operators.event import Event

Direction = Literal["long", "short"]
Mode = Literal["options", "leveraged_etf", "both"]
Action = Literal["flatten", "kill", "pause", "resume", "rearm", "mode", "ticker", "reduce", "restore"]
SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS


class RunStarted(Event, frozen=True, tag=1, gc=True):
    """First event of every run: all that its decisions depend on besides the tape itself.

    `loop` says where the loop is closed: "paper" has the exchange inside the desk. `settings` holds the effective
    ScalpConfig and EngineSettings as JSON, `tapes` the digests of the tapes' bytes, `tables` the version of each
    packaged table, `marks` those of the tapes (MODELLED, SIMULATED), `cadences` the seconds between two items of a
    stream (0: event driven). `checkpoint_seconds` is the time between two checkpoints, 0 for none.
    """

    book_id: str
    loop: str
    mode: Mode
    equity_micros: int
    settings: str
    tapes: tuple[str, ...]
    tables: dict[str, str]
    rules_version: int
    marks: tuple[str, ...] = ()
    cadences: dict[str, float] = msgspec.field(default_factory=dict)
    checkpoint_seconds: int = 0

    def age_limit_ns(self, stream: str, seconds: float) -> int:
        """How old a stream may be: the setting in seconds, or 1.5 times the stream's cadence if that is more."""
        return round(max(seconds, 1.5 * self.cadences.get(stream, 0.0)) * SECOND_NS)


class Bar(Event, frozen=True, tag=2):
    """A closed one-minute bar of an underlying or fund; `event_ns` is its close, prices in dollars, volume in shares.

    `history` bars warm state and can cause no signal, order or record.
    """

    ticker: str
    open: float
    high: float
    low: float
    close: float
    volume: float
    history: bool = False


class Quote(Event, frozen=True, tag=3):
    """Best bid and ask of one symbol in dollars, sizes in shares or contracts; an absent side is NaN, never 0."""

    symbol: str
    bid: float
    ask: float
    bid_size: float = nan
    ask_size: float = nan


class OutsideSignal(Event, frozen=True, tag=4):
    """A signal of another engine; `event_ns` is the close of the bar that it speaks of, conviction is 0 to 100."""

    ticker: str
    direction: Direction
    conviction: float


class Command(Event, frozen=True, tag=5):
    """What a person or the engine asked for, who it was, and what goes with it: a reason, a mode, a ticker's rule.

    `command_id` names the row that asked, empty where none did.
    """

    action: Action
    actor: str
    argument: str = ""
    command_id: str = ""


class Contracts(Event, frozen=True, tag=6, gc=True):
    """The option contracts of one underlying, before its first Chain of a segment; a later table replaces it.

    One element a contract in each column, in the order of the Chain's columns: `symbols` are compact OCC names,
    `rights` +1 for calls and -1 for puts, `strikes` dollars, `adjusted` whether a corporate action changed what is
    delivered. `multiplier` is shares a contract.
    """

    underlying: str
    symbols: tuple[str, ...]
    rights: tuple[int, ...]
    strikes: tuple[float, ...]
    expiries: tuple[date, ...]
    adjusted: tuple[bool, ...]
    multiplier: int = 100
    settlement: Literal["physical", "cash"] = "physical"


class Chain(Event, frozen=True, tag=7):
    """What is quoted and was traded of all contracts of the underlying's newest Contracts, at one moment.

    Columns are little-endian numbers in the table's order: `bid` and `ask` float64 dollars, the others float32 (exact
    up to 16,777,216): sizes and open interest in contracts, `volume` contracts traded today. What is missing is NaN,
    never 0; an empty column is missing altogether.
    """

    underlying: str
    bid: bytes
    ask: bytes
    bid_size: bytes = b""
    ask_size: bytes = b""
    volume: bytes = b""
    open_interest: bytes = b""


class AtmIv(Event, frozen=True, tag=8):
    """At-the-money IV of one past session, per year of 365 days, of the nearest expiry with 1 to 5 DTE.

    Measured 15 minutes before the close, which is its `event_ns`. History: it can cause no signal, order or record.
    """

    ticker: str
    iv: float


class Dividend(Event, frozen=True, tag=9):
    """A dividend in dollars a share that was declared, and the day from which the share trades without it. History."""

    ticker: str
    ex_date: date
    amount: float


class Clock(Event, frozen=True, tag=10):
    """The engine's clock, once a second: it carries no rule, timers run before it as before every event."""


class Stop(Event, frozen=True, tag=11):
    """The run ends in order after this event: a checkpoint follows, and no other event but echoes."""


class Intent(Event, frozen=True, tag=12):
    """Echo of an order that the desk decided on at event `cause_seq`; a limit in micro-dollars, None at the market.

    `late` says that a run before this one decided it and ended before it was written.
    """

    cause_seq: int
    client_order_id: str
    symbol: str
    side: Literal["buy", "sell"]
    quantity: int
    limit_micros: int | None
    late: bool = False


class Checkpoint(Event, frozen=True, tag=13):
    """Echo of both states of the line after event `at_seq`: their encoding, its digest, the shape of the states."""

    at_seq: int
    shape: str
    digest: str
    state: bytes


class Split(Event, frozen=True, tag=18):
    """A split: `old_shares` of a share or fund are `new_shares` from `ex_date` on, the first day of the new price.

    It is told on that day or later, before the bars of prices as of after it.
    """

    ticker: str
    ex_date: date
    old_shares: float
    new_shares: float


Echo = Intent | Checkpoint | Withdrawal
"""What the line wrote itself: it takes a place on the tape, moves no clock and never enters the line."""
Input = (
    RunStarted
    | Bar
    | Quote
    | OutsideSignal
    | Command
    | Contracts
    | Chain
    | AtmIv
    | Dividend
    | Clock
    | Stop
    | Answer
    | Execution
    | Power
    | Split
)
AnyEvent = Input | Echo
AFTER_STOP = Echo | Answer | Execution
"""What a stopped engine still writes: the rest of what its line says, and what a broker said, which is never lost."""
OF_AN_ENGINE = (RunStarted, Command, Clock, Stop, Intent, Checkpoint, Answer, Execution, Power, Withdrawal)
"""What an engine wrote is its own: who plays its market anew decides anew."""


def is_history(event: Event) -> bool:
    """Whether the event belongs to a history block: it warms state and can cause no signal, order or record."""
    return event.history if type(event) is Bar else type(event) in (AtmIv, Dividend)


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[AnyEvent] = msgspec.msgpack.Decoder(AnyEvent)


def encode(event: Event) -> bytes:
    """MessagePack array of tag and fields, in their order."""
    return _encoder.encode(event)


def decode(payload: bytes | memoryview) -> AnyEvent:
    """The event of one frame; raises msgspec.DecodeError (or its ValidationError) on anything else."""
    return _decoder.decode(payload)
