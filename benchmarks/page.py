"""What the page costs on a long history: first view, page turns, filters, a commit on its way to a cell, memory.

Run as `python -m benchmarks.page [--rows 1000000] [--database URL]`; prints one JSON object. Needs chromium. Without a
database a SQLite file with so many ended scalps is made and removed (1,000,000 take some two minutes). Times are those
that a person sees, measured in the browser; each has the yardstick of the same run beside it: how long the same browser
takes for an empty page of the same server, for a change made by the page itself, for a commit of one row.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page
from sqlalchemy import Engine

from benchmarks.million import fill
from flows.records.database import open_database, writing
from flows.records.ledger import notify
from flows.records.tables import heartbeat, marks_now
from tests.ui import running
from tests.ui.running import PageServer

DESK = {"width": 1440, "height": 900}
VIEWS, TURNS, COMMITS, CYCLES, WARM_CYCLES = 5, 20, 100, 200, 20
BETWEEN_COMMITS = 0.25
FILTERS = (
    ("Kind", "Options"),
    ("Kind", "Leveraged ETFs"),
    ("Ticker", "TSLA"),
    ("Exit reason", "stop"),
    ("Result", "Lost"),
)
# Clicks, then looks at each frame of the screen until the text of a place is another one; milliseconds.
CLICKED = """(place, [button]) => new Promise(done => { const before = place.textContent, began = performance.now()
  const look = () => place.textContent !== before ? done(performance.now() - began) : requestAnimationFrame(look)
  button.click(); look() })"""
SEEN = """place => { window.seen = []; let last = place.textContent
  const look = () => {
    if (place.textContent !== last) { last = place.textContent; window.seen.push([Date.now(), last]) }
    requestAnimationFrame(look) }
  look() }"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--database")
    given = parser.parse_args()
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        sys.exit("no chromium: apt install chromium")
    with tempfile.TemporaryDirectory() as folder, running.chromium(path) as browser:
        url = given.database or f"sqlite:///{folder}/records.db"
        engine = open_database(url, create=True)
        book_id = fill(engine, given.rows)
        with served(Path(folder), url) as server:
            told = measured(browser, server, engine, book_id)
        engine.dispose()
    print(json.dumps({"rows": given.rows, "database": url.partition(":")[0]} | told))


@contextmanager
def served(folder: Path, url: str) -> Iterator[PageServer]:
    """The page's server, ended at the end."""
    server = PageServer(folder, url).ready()
    try:
        yield server
    finally:
        server.end()


def measured(browser: Browser, server: PageServer, engine: Engine, book_id: str) -> dict[str, Any]:
    """All figures; milliseconds unless the name says otherwise."""
    context = running.visiting(browser, viewport=DESK)
    page = context.new_page()
    told: dict[str, Any] = {"views": views(page, server)}
    told["commit_to_cell"] = commits(page, engine, book_id)
    told["turns"] = turns(page, server)
    context.close()
    return told | {"memory_mb": memory(browser, server)}


def views(page: Page, server: PageServer) -> dict[str, Any]:
    """From the address to the figures of the frame; the first one fills the browser's cache, the others are warm."""
    times = [view(page, server.url) for _ in range(VIEWS + 1)]
    html = [milliseconds(lambda: page.request.get(server.url)) for _ in range(VIEWS)]
    return {"cold": times[0]} | spread(times[1:]) | {"html_alone": statistics.median(html)}


def view(page: Page, url: str) -> float:
    """Milliseconds until the day's P&L is there to be read."""

    def open_it() -> None:
        page.goto(url, wait_until="commit")
        page.locator("#kpi-day").get_by_text("0").first.wait_for(state="visible")

    return milliseconds(open_it)


def milliseconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return round((time.perf_counter() - began) * 1000, 1)


def spread(times: list[float]) -> dict[str, float]:
    """Median, 95th percentile and worst."""
    ordered = sorted(times)
    near = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    return {"median": round(statistics.median(ordered), 1), "p95": round(near, 1), "worst": round(ordered[-1], 1)}


def turns(page: Page, server: PageServer) -> dict[str, Any]:
    """Pages of the history turned back and forth, and a filter each, until the rows are others."""
    page.goto(f"{server.url}?tab=history")
    first = page.get_by_role("table", name="Ended scalps").locator("tbody tr").first
    first.wait_for(state="visible")
    body = page.get_by_role("table", name="Ended scalps").locator("tbody")
    older, newer = (page.get_by_role("button", name=name) for name in ("Older", "Newer"))
    times = [clicked(body, button) for _ in range(TURNS // 2) for button in (older, newer)]
    return {"page": spread(times), "filter": spread([filtered(page, body, *one) for one in FILTERS])}


def clicked(place: Locator, button: Locator) -> float:
    """Milliseconds from a click until the text of a place is another one."""
    found: float = place.evaluate(CLICKED, [button.element_handle()])
    return round(found, 1)


def filtered(page: Page, body: Locator, label: str, option: str) -> float:
    """Milliseconds from the choice of a filter until the rows are others; then all are shown again."""
    page.get_by_role("combobox", name=label).click()
    spent = clicked(body, page.get_by_role("menuitem", name=option, exact=True))
    clicked(body, page.get_by_role("button", name="Reset"))
    return spent


def commits(page: Page, engine: Engine, book_id: str) -> dict[str, Any]:
    """From just before the commit of a new P&L until the frame shows it."""
    page.locator("#kpi-day").evaluate(SEEN)
    written = {f"{place}.25": commit(engine, book_id, Decimal(f"{place}.25")) for place in range(1, COMMITS + 1)}
    page.wait_for_timeout(1_000)
    seen = {text.split("+")[-1].replace(",", ""): at for at, text in page.evaluate("window.seen")}
    times = [seen[text] - began for text, (began, _) in written.items() if text in seen]
    own = [spent for _, spent in written.values()]
    return {"commits": COMMITS, "seen": len(times)} | spread(times) | {"commit_alone": statistics.median(own)}


def commit(engine: Engine, book_id: str, pnl: Decimal) -> tuple[float, float]:
    """When it began, in milliseconds of the clock, and how long it took; waits until the next one is due."""
    began = time.time() * 1000
    change = marks_now.update().where(marks_now.c.book_id == book_id).values(day_pnl=pnl)
    with writing(engine) as connection:
        connection.execute(change)
        connection.execute(heartbeat.update().where(heartbeat.c.book_id == book_id).values(beat_at=datetime.now(UTC)))
        notify(connection)
    spent = time.time() * 1000 - began
    time.sleep(BETWEEN_COMMITS)
    return began, round(spent, 2)


def memory(browser: Browser, server: PageServer) -> dict[str, float]:
    """What the server holds after some sessions were opened and closed, and after many more."""
    for _ in range(WARM_CYCLES):
        visit(browser, server)
    first = held(server)
    for _ in range(CYCLES):
        visit(browser, server)
    return {f"after_{WARM_CYCLES}": first, f"after_{WARM_CYCLES + CYCLES}": held(server)}


def visit(browser: Browser, server: PageServer) -> None:
    """A session that comes, sees the page and goes."""
    context = running.visiting(browser, viewport=DESK)
    view(context.new_page(), server.url)
    context.close()


def held(server: PageServer) -> float:
    """Resident memory in MB."""
    kilobytes = Path(f"/proc/{server.pid}/status").read_text().split("VmRSS:")[1].split()[0]
    return round(int(kilobytes) / 1024, 1)


if __name__ == "__main__":
    main()
