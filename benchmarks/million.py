"""Makes a database with a long history, SIMULATED, and measures how fast the page's tab turns it over.

Run as `python -m benchmarks.million --database URL [--rows 1000000] [--seed 7] [--measure]`; the database must be there
(a SQLite file is made) and gets one book more, or keeps it if it has this very book. With `--measure` it prints what
`turning` measured as one JSON object.
"""

import argparse
import hashlib
import json
from datetime import UTC, datetime
from decimal import Decimal
from itertools import repeat

from sqlalchemy import Connection, Engine, Table

from benchmarks.scalps import Columns, drawn, last_close
from benchmarks.turning import measured
from flows.records.database import ensure, open_database, writing
from flows.records.ledger import Attempt
from flows.records.queries import has_book
from flows.records.tables import etf_scalps, heartbeat, marks_now, options_scalps, runs, signals

ROWS, SEED, CHUNK = 1_000_000, 7, 50_000
EQUITY = Decimal(100_000)
CACHE_KB = 250_000  # signal ids are random: an index that does not fit is read and written again and again


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", required=True)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--measure", action="store_true")
    given = parser.parse_args()
    engine = open_database(given.database, create=True)
    book_id = fill(engine, given.rows, given.seed)
    told = {"book_id": book_id, "rows": given.rows, "database": engine.dialect.name}
    print(json.dumps(told | measured(engine, book_id) if given.measure else told))
    engine.dispose()


def fill(engine: Engine, rows: int = ROWS, seed: int = SEED) -> str:
    """The book with that many ended scalps, made unless it is there: its run is written last.

    Brings an empty database to this program's tables. One that broke off cannot be taken up again: drop its database.
    """
    ensure(engine)
    book_id = "replay:" + hashlib.sha256(f"million|{rows}|{seed}".encode()).hexdigest()[:20]
    if has_book(engine, book_id):
        return book_id
    attempt = Attempt(engine)
    number = attempt.begin(book_id, CHUNK, "benchmarks.million")
    for first in range(0, rows, CHUNK):
        tables = drawn(seed, range(first, min(first + CHUNK, rows)), rows)
        with writing(engine) as connection:
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql(f"PRAGMA cache_size = -{CACHE_KB}")
            for table, columns in tables:
                _load(connection, table, {"book_id": repeat(book_id)} | columns)
    with writing(engine) as connection:
        _around(connection, book_id, rows)
    attempt.finish(number, "done", None, rows, 0.0)
    _settle(engine)
    return book_id


def _load(connection: Connection, table: Table, columns: Columns) -> None:
    names, rows = ", ".join(columns), zip(*columns.values(), strict=False)  # some columns repeat for ever
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        connection.exec_driver_sql(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", list(rows))
        return
    driver = connection.connection.driver_connection
    assert driver is not None
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write("\t".join("\\N" if value is None else str(value) for value in row) + "\n")


def _around(connection: Connection, book_id: str, rows: int) -> None:
    """What the page asks of a run beside its scalps: it has ended, flat."""
    end = last_close()
    money = dict.fromkeys(("equity", "day_pnl", "open_pnl", "realised_pnl"), Decimal(0)) | {"equity": EQUITY}
    slots = {"option_slots": 0, "option_slots_limit": 3, "fund_slots": 0, "fund_slots_limit": 5}
    risk = {"net_delta_usd": 0.0, "theta_per_hour_usd": 0.0, "unknown_greeks": 0}
    now = {"tape_at": end, "tape_seq": rows, "mode": "both", "trading": "ACTIVE"}
    beat = {"beat_at": datetime.now(UTC), "tape_at": end, "state": "ended", "events": rows}
    run = {"loop": "paper", "mode": "both", "start_equity": EQUITY, "settings": "{}", "tapes": "[]", "tables": "{}"}
    run |= {"marks": json.dumps(["SIMULATED"]), "rules_version": 1}
    for table, row in ((heartbeat, beat), (marks_now, now | money | slots | risk), (runs, run)):
        connection.execute(table.insert().values(book_id=book_id, **row))


def _settle(engine: Engine) -> None:
    """Leaves the database as one is that grew slowly: PostgreSQL looks at its tables by itself, but a minute later."""
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for table in (signals, options_scalps, etf_scalps):
                connection.exec_driver_sql(f"VACUUM ANALYZE {table.name}")
    engine.dispose()  # with its connections goes their cache


if __name__ == "__main__":
    main()
