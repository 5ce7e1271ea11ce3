"""How the page looks and how numbers read on it: palette, formats, and the style that its parts share."""

from datetime import datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import Final

from operators.contracts import parse_occ
from operators.sessions import NEW_YORK

MISSING: Final = "\N{EN DASH}"
MINUS: Final = "\N{MINUS SIGN}"
UP, DOWN = "\N{BLACK UP-POINTING TRIANGLE}", "\N{BLACK DOWN-POINTING TRIANGLE}"
TIMES: Final = "\N{MULTIPLICATION SIGN}"

BACK, PANEL, RAISED, EDGE = "#0b0e14", "#11151c", "#171c26", "#232a36"
TEXT, QUIET, FAINT = "#e6e9ef", "#98a2b3", "#5d6675"
OLD: Final = "#717b8a"
"""Numbers that are no longer those of now: still to be read, never to be taken for live."""
GAIN, LOSS, WARN, ALARM, CALM, SPECIAL = "#3fcf8e", "#ff6b6b", "#f5b83d", "#ff4d4f", "#5aa9ff", "#c792ea"

FONT: Final = "Roboto, system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', 'DejaVu Sans', sans-serif"

# Custom properties reach into every shadow root, so the colours of all parts change where `html` gets the class `old`.
PAGE_CSS: Final = f"""
:root {{
  --back: {BACK}; --panel: {PANEL}; --raised: {RAISED}; --edge: {EDGE};
  --text: {TEXT}; --quiet: {QUIET}; --faint: {FAINT};
  --gain: {GAIN}; --loss: {LOSS}; --warn: {WARN}; --alarm: {ALARM}; --calm: {CALM}; --special: {SPECIAL};
  --live: {TEXT}; --dim: {QUIET}; --plot-filter: none; --plot-opacity: 1;
  --font: {FONT};
  color-scheme: dark;
}}
html.old {{
  --gain: {OLD}; --loss: {OLD}; --live: {OLD}; --dim: {OLD}; --plot-filter: grayscale(1); --plot-opacity: .5;
}}
html, html body {{ background: var(--back) !important; color: var(--text); font: 13px/1.35 var(--font); }}
body {{ min-height: 100vh; overflow-x: hidden; }}
@media (max-width: 700px) {{ body {{ padding-bottom: 64px; }} }}
.bk-Tooltip {{ --tooltip-color: var(--raised); --tooltip-text: var(--text); --tooltip-border: var(--edge);
  --tooltip-arrow-color: var(--edge); --tooltip-arrow-inner-color: var(--raised); }}
"""

PART_CSS: Final = """
:host { font: 13px/1.35 var(--font); color: var(--text); }
* { box-sizing: border-box; }
button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer; text-align: inherit; }
:focus-visible { outline: 2px solid var(--calm); outline-offset: -2px; border-radius: 3px; }
.gain { color: var(--gain); } .loss { color: var(--loss); } .warn { color: var(--warn); }
.quiet { color: var(--quiet); } .calm { color: var(--calm); }
.num { font-variant-numeric: tabular-nums; }
"""

NARROW: Final = "@media (max-width: 700px)"
OWN_HEIGHT: Final = "flex: none !important; height: auto !important; overflow: visible !important;"
"""On a phone nothing scrolls but the page."""
TAB_CSS: Final = f"{NARROW} {{ :host {{ {OWN_HEIGHT} }} }}"

Cell = dict[str, object]


def cell(text: str, tone: str = "", **more: object) -> Cell:
    """A value as the page's parts take it: text and the name of its tone."""
    return {"text": text, "tone": tone, **more}


def tone_of(value: Decimal | float | None) -> str:
    """The tone of a gain or loss; none where there is neither."""
    if value is None or value == 0:
        return ""
    return "gain" if value > 0 else "loss"


def signed(value: Decimal | float | None, places: int = 2, unit: str = "") -> str:
    """A gain or loss with arrow and sign; what rounds to nothing has neither."""
    if value is None or not isfinite(value):
        return MISSING
    size = f"{abs(value):,.{places}f}"
    if not size.strip("0.,"):
        return f"{size}{unit}"
    return f"{UP} +{size}{unit}" if value > 0 else f"{DOWN} {MINUS}{size}{unit}"


def gain(value: Decimal | float | None, places: int = 2, unit: str = "") -> Cell:
    """A gain or loss with its colour, arrow and sign."""
    text = signed(value, places, unit)
    return cell(text, tone_of(value) if text[0] in (UP, DOWN) else "")


def number(value: Decimal | float | None, places: int = 2, unit: str = "") -> str:
    """A number with so many places and a true minus."""
    if value is None or not isfinite(value):
        return MISSING
    text = f"{value:,.{places}f}{unit}"
    return text.replace("-", MINUS)


def percent(fraction: Decimal | float | None, places: int = 1) -> str:
    """A fraction in percent."""
    return MISSING if fraction is None else number(fraction * 100, places, " %")


def clock(moment: datetime | None) -> str:
    """New York time of day with seconds."""
    return MISSING if moment is None else f"{moment.astimezone(NEW_YORK):%H:%M:%S}"


def minute(moment: datetime | None) -> str:
    """New York time of day to the minute."""
    return MISSING if moment is None else f"{moment.astimezone(NEW_YORK):%H:%M}"


def day(moment: datetime | None) -> str:
    """The New York day of a moment in words."""
    return MISSING if moment is None else f"{moment.astimezone(NEW_YORK):%a %-d %b %Y}"


def moment_text(moment: datetime | None) -> str:
    """New York day and time with seconds."""
    return MISSING if moment is None else f"{day(moment)} {clock(moment)}"


def span(length: timedelta | None) -> str:
    """A length of time as h:mm:ss; a negative one counts as nothing."""
    if length is None:
        return MISSING
    seconds = max(int(length.total_seconds()), 0)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def age(seconds: float | None) -> str:
    """How old something is, in seconds, minutes or hours."""
    if seconds is None:
        return MISSING
    seconds = max(seconds, 0.0)
    if seconds < 100:  # noqa: PLR2004 - two digits of seconds read faster than minutes
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.0f} h"  # noqa: PLR2004 - likewise


def contract(symbol: str, today: datetime | None = None) -> str:
    """A contract's OCC name in a trader's words, with the year where it is not this one; any other symbol as it is."""
    named = parse_occ(symbol.replace(" ", ""))
    if named is None:
        return symbol
    year = "" if today is not None and today.astimezone(NEW_YORK).year == named.expiry.year else f" {named.expiry:%Y}"
    return f"{named.root} {named.expiry:%-d %b}{year} {named.strike:g} {'C' if named.right > 0 else 'P'}"
