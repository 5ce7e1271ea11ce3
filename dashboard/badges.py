"""What the head of the page says: whether the run lives, what kind of run it is, and its key figures."""

from datetime import datetime
from typing import Final

from dashboard.look import MISSING, TIMES, Cell, age, cell, gain, moment_text, number, span
from dashboard.store import Moment
from flows.records.heartbeat import STALE_SECONDS
from flows.records.now_parts import Beat, Money, Snapshot, Trouble

TROUBLES: Final = {
    "unreachable": ("DATABASE UNREACHABLE", "alarm"),
    "upgrade": ("DATABASE NEEDS UPGRADE", "alarm"),
    "newer": ("DATABASE IS NEWER", "alarm"),
    "no_run": ("NO RUN YET", "quiet"),
    "broken": ("READER FAILED", "alarm"),
}
STATES: Final = {"ended": "calm", "stopped": "warn", "failed": "alarm", "done": "calm"}
KINDS: Final = {"SIMULATED": "simulated", "MODELLED": "modelled"}
MODES: Final = {"options": "Options", "leveraged_etf": "Leveraged ETF", "both": "Both"}
TRADING: Final = {"ACTIVE": "gain", "REDUCING": "warn", "HALTED": "alarm"}


def head(moment: Moment) -> dict[str, object]:
    """All that the frame shows, as plain values."""
    badge, snapshot = state(moment), moment.snapshot
    shown: dict[str, object] = {"badge": badge, "old": badge["old"], "note": "", "title": f"{badge['text']} - Scalp"}
    if snapshot is None:
        return shown | {"kinds": [], "facts": [], "tiles": tiles(None, None), "note": badge["detail"]}
    money = snapshot.money
    if money is not None:
        shown["title"] = f"{gain(money.day_pnl)['text']} {badge['text']} - Scalp"
    return shown | {
        "kinds": kinds(snapshot),
        "facts": facts(moment, snapshot),
        "tiles": tiles(money, snapshot.tape_at),
        "note": note(moment, snapshot, badge),
    }


def state(moment: Moment) -> Cell:
    """The state badge; `old` says that the numbers beside it are no longer those of now."""
    trouble, snapshot = moment.trouble, moment.snapshot
    if trouble is not None:
        return _trouble(trouble, old=snapshot is not None)
    if snapshot is None:
        return cell("CONNECTING", "quiet", detail="waiting for the database", old=False)
    if snapshot.beat is not None:
        return _alive(snapshot.beat, moment.at)
    attempt = snapshot.attempt
    if attempt is None or attempt.status == "running":
        return cell("NO HEARTBEAT", "warn", detail="The run does not say that it is alive", old=True)
    shown = "ended" if attempt.status == "done" else attempt.status
    return cell(shown.upper(), STATES.get(shown, "alarm"), detail=attempt.message or "", old=False)


def _trouble(trouble: Trouble, *, old: bool) -> Cell:
    text, tone = TROUBLES[trouble.kind]
    return cell(text, tone, detail=trouble.sentence[:1].upper() + trouble.sentence[1:], old=old)


def _alive(beat: Beat, at: datetime) -> Cell:
    """Running, silent for so long, or how it ended."""
    if beat.state != "running":
        return cell(beat.state.upper(), STATES.get(beat.state, "alarm"), detail=beat.message or "", old=False)
    silent = (at - beat.beat_at).total_seconds()
    if silent > STALE_SECONDS:
        return cell(f"STALE {age(silent)}", "warn", detail="The engine no longer says that it is alive", old=True)
    return cell("RUNNING", "gain", detail="", old=False)


def kinds(snapshot: Snapshot) -> list[Cell]:
    """What a hurried reader must not take for real: each kind has a tone of its own."""
    run, beat = snapshot.run, snapshot.beat
    found = [cell(kind, KINDS.get(kind, "")) for kind in run.kinds]
    if run.book_id.startswith("replay:"):
        speed = None if beat is None else beat.speed
        found.append(cell("REPLAY full speed" if speed is None else f"REPLAY {TIMES}{speed:g}", "replay"))
    name = run.loop.upper().replace("-", " ")
    found.append(cell(name, "paper") if run.loop.endswith("paper") else cell(f"{name}: REAL MONEY", "money"))
    return found


def facts(moment: Moment, snapshot: Snapshot) -> list[Cell]:
    """Mode, trading state with its reason, the run's own time and how long ago it was heard of."""
    money, beat = snapshot.money, snapshot.beat
    mode = snapshot.run.mode if money is None else money.mode
    found = [cell(MODES.get(mode, mode), key="Mode")]
    if money is not None:
        warned = money.trading == "ACTIVE" and money.trading_reason is not None
        tone = "warn" if warned else TRADING.get(money.trading, "alarm")
        found.append(cell(money.trading, tone, key="Trading", detail=money.trading_reason))
    found.append(cell(f"{moment_text(snapshot.tape_at)} New York", key="Time"))
    if beat is not None:
        found.append(cell(f"{age((moment.at - beat.beat_at).total_seconds())} ago", key="Heard"))
    return found


def note(moment: Moment, snapshot: Snapshot, badge: Cell) -> str:
    """Why the numbers are old and when they were true, or what the badge cannot say in its few words."""
    detail = str(badge["detail"] or "")
    if not badge["old"]:
        return detail
    since = moment.read_at or moment.at
    seconds = (moment.at - since).total_seconds()
    read = f", read {age(seconds)} ago" if seconds > STALE_SECONDS else ""
    return f"{detail}. Shown are the numbers of {moment_text(snapshot.tape_at)} New York{read}."


def tiles(money: Money | None, tape_at: datetime | None) -> list[Cell]:
    """The key figures; what is not known is a dash."""
    if money is None:
        return [cell(MISSING, key=key, label=label) for key, label in LABELS.items()]
    unknown = f"{money.unknown_greeks} without Greeks" if money.unknown_greeks else ""
    values: dict[str, Cell] = {
        "day": gain(money.day_pnl),
        "open": gain(money.open_pnl),
        "realised": gain(money.realised_pnl),
        "options": cell(f"{money.option_slots}/{money.option_slots_limit}"),
        "funds": cell(f"{money.fund_slots}/{money.fund_slots_limit}"),
        "delta": cell(number(money.net_delta_usd, 0), sub=unknown),
        "theta": cell(number(money.theta_per_hour_usd), sub=unknown),
        "cutoff": _cutoff(money, tape_at),
        "equity": cell(number(money.equity)),
    }
    return [value | {"key": key, "label": LABELS[key]} for key, value in values.items()]


LABELS: Final = {
    "day": "Day P&L net",
    "open": "Open P&L",
    "realised": "Realised",
    "options": "Option slots",
    "funds": "ETF slots",
    "delta": "Net delta USD",
    "theta": "Theta / hour USD",
    "cutoff": "To 0DTE cut-off",
    "equity": "Equity USD",
}


def _cutoff(money: Money, tape_at: datetime | None) -> Cell:
    """Time that is left to 0DTE options; none once it has come."""
    if money.cutoff_at is None or tape_at is None:
        return cell(MISSING)
    return cell("passed", "quiet") if tape_at >= money.cutoff_at else cell(span(money.cutoff_at - tape_at))
