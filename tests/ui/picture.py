"""Takes the README's picture of the page in a simulated session: `python -m tests.ui.picture docs/page.png`.

The moment is the first after noon of the session with two scalps open, or with one if two never are until 13:30.
"""

import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Engine

from flows.records.database import ensure, open_database, reading
from flows.records.tables import marks_now
from operators.sessions import NEW_YORK
from tests.ui import running

SPEED, SEED = 120, "4"
DESK = {"width": 1440, "height": 900}
NOON, LATE = (12, 0), (13, 30)


def worth_a_picture(engine: Engine) -> bool:
    """Whether enough is to be seen now."""
    with reading(engine) as connection:
        row = connection.execute(sa.select(marks_now)).mappings().first()
    if row is None:
        return False
    at: datetime = row["tape_at"].astimezone(UTC).astimezone(NEW_YORK)
    held, clock = row["option_slots"] + row["fund_slots"], (at.hour, at.minute)
    return (clock >= NOON and held > 1) or (clock >= LATE and held > 0)


def main() -> None:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        sys.exit("no chromium: apt install chromium")
    with tempfile.TemporaryDirectory() as name, running.chromium(path) as browser:
        folder = Path(name)
        url = f"sqlite:///{folder / 'records.db'}"
        database = open_database(url, create=True)
        ensure(database)
        engine = running.run(folder, running.generate(folder / "market.tape", "--seed", SEED), url, SPEED)
        server = running.PageServer(folder, url).ready()
        page = running.visiting(browser, viewport=DESK).new_page()
        page.goto(server.url)
        running.until(lambda: worth_a_picture(database), 600, "a moment that is worth a picture")
        page.wait_for_timeout(1_000)
        page.screenshot(path=sys.argv[1])
        for process in (engine, server):
            process.end()
        database.dispose()


if __name__ == "__main__":
    main()
