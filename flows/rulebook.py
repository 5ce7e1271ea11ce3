"""The rules as a document, made from the settings and the codes: `python -m flows.rulebook docs/rules.md` writes it.

No figure of a rule stands in the words here: each comes from the setting or the constant that the engine uses.
"""

import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from flows.rulebook_groups import GROUPS, Group
from flows.settings import Rule, load, rules
from operators import exits
from operators.codes import (
    EXIT_TEXT,
    NO_SUITABLE_CONTRACT,
    REFUSAL_TEXT,
    SECOND_HALF_TEXT,
    ExitReason,
    Refusal,
    SecondHalf,
)
from operators.config import RULES_VERSION
from operators.orders import LegName

WIDTH = 120  # characters a line of prose
KINDS: Final[tuple[LegName, ...]] = ("option", "fund")
REASONS_OF: Final[dict[Callable[..., object], tuple[ExitReason, ...]]] = {
    exits.asked: (ExitReason.OPERATOR, ExitReason.RISK),
    exits.option_stop: (ExitReason.STOP_LOSS,),
}
"""Reasons of the rules that are not called after their one reason."""
OPTIONS_ALONE: Final = frozenset({ExitReason.EXPIRED})
"""Reasons of no row that only an option can have."""


def text() -> str:
    """The whole document, as Markdown."""
    lines = (*_opening(), *_settings(), *_refusals(), *_exits(), *_second_halves())
    return "\n".join(lines)


def _opening() -> Iterator[str]:
    yield from ("# The rules", "")
    yield from _prose(
        f"Made by `make docs` from the engine's settings and codes; version {RULES_VERSION} of the rules."
    )
    yield from _prose(
        "What is normal: about one or two signals a ticker and day. None is normal too, and so is a day without a "
        "trade. `scalp explain SIGNAL_ID` tells why a signal did or did not trade."
    )
    yield from _prose(
        "A setting is changed with `--set name=value` or in a TOML file named with `--rules`; `scalp rules` shows "
        "those in effect. The values here are the defaults, and one outside its range is refused."
    )


def _settings() -> Iterator[str]:
    listed = {rule.name: rule for rule in rules(load())}
    for group in GROUPS:
        yield from _section(group.title, group.words())
        yield from _table(("setting", "value", "unit", "range", "meaning"), map(_row, _rules_of(group, listed)))


def _rules_of(group: Group, listed: dict[str, Rule]) -> list[Rule]:
    return [listed[name] for name in group.names]


def _row(rule: Rule) -> tuple[str, ...]:
    return (f"`{rule.name}`", f"`{rule.value}`", rule.unit, rule.range, rule.meaning)


def _refusals() -> Iterator[str]:
    yield from _section(
        "Refusals",
        "Every check that can be made is made and recorded. Of those that failed the first in this order explains the "
        "refusal. In mode `both` the fund leg is tried only where everything that failed on the option leg is marked "
        "as a want of a suitable contract: neither risk nor time.",
    )
    rows = ((f"`{code}`", REFUSAL_TEXT[code], "yes" if code in NO_SUITABLE_CONTRACT else "") for code in Refusal)
    yield from _table(("code", "meaning", "then a fund is tried"), rows)


def _exits() -> Iterator[str]:
    yield from _section(
        "Exits",
        "Judged on every quote, bar and timer: the first row that holds gives the reason, and a reason of a higher row "
        "takes over an exit that is working. Reasons without a row come from outside the rules.",
    )
    yield from _table(("row", "code", "meaning", *(f"{kind}s" for kind in KINDS)), map(_exit, ExitReason))


def _exit(reason: ExitReason) -> tuple[str, ...]:
    row = str(exits.ROWS[reason]) if reason in exits.ROWS else ""
    return (row, f"`{reason}`", EXIT_TEXT[reason], *("yes" if applies(reason, kind) else "no" for kind in KINDS))


def applies(reason: ExitReason, kind: LegName) -> bool:
    """Whether a scalp of this kind can be left for this reason: one of its rules gives it, or it comes from outside."""
    if reason not in exits.ROWS:
        return kind == "option" or reason not in OPTIONS_ALONE
    return any(reason in reasons(rule) for rule in exits.RULES[kind])


def reasons(rule: exits.Rule) -> tuple[ExitReason, ...]:
    """What an exit rule may answer; raises ValueError for a rule that is named after no reason."""
    return REASONS_OF.get(rule) or (ExitReason(rule.__name__),)


def _second_halves() -> Iterator[str]:
    yield from _section(
        "Second halves",
        "A scalp is entered in halves. The second is sent on the first closed bar that tests the fast cloud and closes "
        "beyond it, or dropped. What became of it is recorded with the scalp.",
    )
    yield from _table(("code", "meaning"), ((f"`{code}`", SECOND_HALF_TEXT[code]) for code in SecondHalf))


def _section(title: str, words: str) -> Iterator[str]:
    yield from (f"## {title}", "", *_prose(words))


def _prose(words: str) -> Iterator[str]:
    """A paragraph and the empty line after it."""
    yield textwrap.fill(words, WIDTH, break_on_hyphens=False, break_long_words=False)
    yield ""


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for cells in (heads, tuple("---" for _ in heads), *rows):
        yield f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"
    yield ""


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(), encoding="utf-8")
