"""How orders, executions, scalps and decisions of a book are told to the records."""

import json
from decimal import Decimal
from math import isfinite
from typing import Any, Final

from operators import prices, sessions
from operators.book import BookState
from operators.intents import AnyScalp, ETFScalpPosition, Leg, ScalpPosition, Ticket
from operators.orders import Fill, Order
from operators.records import (
    CandidateRecord,
    EtfScalpRecord,
    FillRecord,
    OptionsScalpRecord,
    OrderRecord,
    SignalRecord,
    VerdictRecord,
)
from operators.selection import StrikeSelection

BIAS: Final = {1: "bullish", -1: "bearish", 0: "neutral"}


def order_record(book: BookState, order: Order) -> OrderRecord:
    """An order as it is now."""
    limit = None if order.limit_micros is None else prices.decimal(order.limit_micros)
    return OrderRecord(
        book_id=book.book_id,
        client_order_id=order.order_id,
        signal_id=order.signal_id,
        action=order.action,
        attempt=order.attempt,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        limit_price=limit,
        state=order.state,
        filled_quantity=order.filled,
        reason=order.reason,
        sent_at=sessions.utc(order.sent_ns),
        ended_at=None if order.ended_ns is None else sessions.utc(order.ended_ns),
        tape_seq=book.seq,
    )


def fill_record(book: BookState, order: Order, fill: Fill) -> FillRecord:
    """One execution."""
    return FillRecord(
        book_id=book.book_id,
        execution_id=fill.execution_id,
        client_order_id=order.order_id,
        signal_id=order.signal_id,
        symbol=order.symbol,
        side=order.side,
        quantity=fill.quantity,
        price=prices.decimal(fill.price_micros),
        fee=prices.decimal(fill.fee_micros),
        filled_at=sessions.utc(fill.at_ns),
        tape_seq=book.seq,
    )


def scalp_record(book: BookState, scalp: AnyScalp, status: str) -> EtfScalpRecord | OptionsScalpRecord:
    """A scalp as it is now; `status` is open, closed or expired."""
    return _fund(book, scalp, status) if isinstance(scalp, ETFScalpPosition) else _option(book, scalp, status)


def _exit_price(scalp: AnyScalp) -> Decimal | None:
    sold = scalp.sold * scalp.multiplier
    return prices.decimal(round(scalp.proceeds_micros / sold)) if sold else None


def _shared(book: BookState, scalp: AnyScalp, status: str) -> dict[str, Any]:
    """The columns that both kinds of scalp have; P&L only once it is over."""
    over, gross = status != "open", scalp.proceeds_micros - scalp.cost_micros
    net = gross - scalp.fees_micros
    return {
        "book_id": book.book_id,
        "signal_id": scalp.signal_id,
        "status": status,
        "exit_reason": scalp.exit_due if over else None,
        "gross_pnl": prices.decimal(gross) if over else None,
        "fees": prices.decimal(scalp.fees_micros),
        "pnl": prices.decimal(net) if over else None,
        "pnl_pct": net / scalp.cost_micros if over else None,
        "second_half": scalp.second_half,
        "broker": book.loop,
        "order_id": scalp.order_id,
        "entry_time": sessions.utc(scalp.entry_ns),
        "exit_time": sessions.utc(scalp.exit_ns) if over else None,
        "tape_seq": book.seq,
    }


def _fund(book: BookState, scalp: ETFScalpPosition, status: str) -> EtfScalpRecord:
    return EtfScalpRecord(
        ticker=scalp.symbol,
        original_ticker=scalp.ticker,
        leverage=scalp.leverage,
        direction="long" if scalp.direction > 0 else "short",
        shares=scalp.bought,
        entry_price=prices.decimal(round(scalp.average_micros)),
        exit_price=_exit_price(scalp),
        stop_loss=prices.decimal(scalp.stop_micros),
        target_price=prices.decimal(scalp.target_micros),
        metadata_json=json.dumps({"exposure_group": scalp.group}),
        **_shared(book, scalp, status),
    )


def _option(book: BookState, scalp: ScalpPosition, status: str) -> OptionsScalpRecord:
    levels = {"stop": scalp.stop_micros, "target": scalp.target_micros}
    told = {name: str(prices.decimal(level)) for name, level in levels.items()}
    told |= {"exposure_group": scalp.group, "underlying": scalp.underlying}
    if scalp.alarm:
        told["alarm"] = scalp.alarm
    return OptionsScalpRecord(
        ticker=scalp.ticker,
        option_symbol=scalp.symbol,
        option_type="call" if scalp.right > 0 else "put",
        strike=prices.decimal(prices.micros(scalp.strike)),
        expiry=scalp.expiry,
        dte=scalp.dte,
        direction="long_call" if scalp.right > 0 else "long_put",
        contracts=scalp.bought,
        entry_premium=prices.decimal(round(scalp.average_micros)),
        exit_premium=_exit_price(scalp),
        entry_delta=scalp.delta,
        entry_theta=scalp.theta_per_day,
        entry_iv=scalp.iv,
        metadata_json=json.dumps(told),
        **_shared(book, scalp, status),
    )


def signal_record(book: BookState, ticket: Ticket, entered: Leg | None, code: str | None) -> SignalRecord:
    """A signal and what became of it; `code` is the refusal, None for one that entered."""
    setup, conviction = ticket.setup, ticket.conviction
    ratio = setup.volume_ratio
    return SignalRecord(
        book_id=book.book_id,
        signal_id=ticket.signal_id,
        ticker=setup.ticker,
        bar_close=sessions.utc(setup.bar_close_ns),
        direction=ticket.direction,
        timeframe_minutes=setup.timeframe_minutes,
        source=setup.source,
        conviction=conviction.total,
        part_macro=conviction.macro,
        part_agreement=conviction.agreement,
        part_volume=conviction.volume,
        part_distance=conviction.distance,
        part_slope=conviction.slope,
        part_body=conviction.body,
        volume_ratio=ratio if ratio is not None and isfinite(ratio) else None,
        macro=BIAS[setup.view.bias],
        decided_at=sessions.utc(setup.at_ns),
        decision="refused" if entered is None else "entered",
        leg=None if entered is None else entered.name,
        code=code,
        tape_seq=setup.seq,
    )


def verdict_records(book_id: str, signal_id: str, leg: Leg) -> list[VerdictRecord]:
    """The verdicts of a leg, in their order."""
    symbol = None if leg.chosen is None else leg.chosen.symbol
    return [
        VerdictRecord(
            book_id=book_id,
            signal_id=signal_id,
            leg=leg.name,
            ordinal=place,
            symbol=symbol,
            code=verdict.code,
            passed=verdict.passed,
            evaluated=verdict.evaluated,
            measured=verdict.measured,
            limit_value=verdict.limit,
            unit=verdict.unit,
            reason=verdict.reason,
        )
        for place, verdict in enumerate(leg.verdicts, start=1)
    ]


def candidate_records(book_id: str, signal_id: str, leg: Leg) -> list[CandidateRecord]:
    """The contracts or funds that a leg looked at, best first."""
    records = []
    for place, candidate in enumerate(leg.candidates, start=1):
        lost = next((verdict for verdict in candidate.verdicts if not verdict.passed), None)
        records.append(
            CandidateRecord(
                book_id=book_id,
                signal_id=signal_id,
                leg=leg.name,
                position=place,
                symbol=candidate.symbol,
                chosen=candidate == leg.chosen,
                lost_by=None if lost is None else lost.code,
                measured=None if lost is None else lost.measured,
                limit_value=None if lost is None else lost.limit,
                **(_quoted(candidate) if isinstance(candidate, StrikeSelection) else {}),
            )
        )
    return records


def _quoted(contract: StrikeSelection) -> dict[str, float | None]:
    """What a contract's row says besides; unknown is None."""
    values = {"score": contract.score, "delta": contract.delta, "iv": contract.iv}
    values |= {"bid": contract.quote.bid, "ask": contract.quote.ask}
    values |= {"volume": contract.volume, "open_interest": contract.open_interest}
    return {name: value if isfinite(value) else None for name, value in values.items()}
