"""The real n8n, asked by the same door and mended by the same steps as the lab's stand-in; fails loudly.

`python -m tests.nightly.n8n [--folder FOLDER] [--record] [--only WORD]`: outside CI: 2.2 GB, some minutes.
Without FOLDER it is installed in a temporary one, which is removed. `--record` writes what the stand-in is held against
(tests/tasks/n8n/samples); otherwise that is compared with what n8n answers now.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from pydantic import SecretStr

from deployments import accounts
from deployments.cluster import SUPERUSER, Cluster, binaries, running
from deployments.ports import free_port
from tasks.n8n.system import N8n
from tasks.service.system import N8nService
from tests.nightly import real_n8n
from tests.nightly.stories import STORIES
from tests.nightly.story import Story
from tests.nightly.workshop import Target, Workshop, keys

ROLE = DATABASE = "n8n"


@contextmanager
def stage(folder: Path) -> Iterator[Story]:
    """n8n on a Postgres of its own, with an owner, keys and a service that its workflows call."""
    real_n8n.install(folder)
    password, port = accounts.new_password(), free_port()
    with tempfile.TemporaryDirectory(prefix="nightly-postgres-") as data:
        # The cluster's user may be `nobody`, who must be able to pass through.
        Path(data).chmod(0o755)
        cluster = Cluster(folder=Path(data) / "data", port=free_port(), bin=binaries(), settings={"fsync": "off"})
        with running(cluster, password):
            with psycopg.connect(cluster.url(SUPERUSER, password, SUPERUSER), autocommit=True) as session:
                session.execute(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{password}'")
                session.execute(f"CREATE DATABASE {DATABASE} OWNER {ROLE}")
            settings = {
                "N8N_USER_FOLDER": tempfile.mkdtemp(dir=data),
                "N8N_PORT": str(port),
                "N8N_RUNNERS_BROKER_PORT": str(free_port()),
                "N8N_ENCRYPTION_KEY": accounts.new_password(),
                "DB_POSTGRESDB_PORT": str(cluster.port),
                "DB_POSTGRESDB_USER": ROLE,
                "DB_POSTGRESDB_DATABASE": DATABASE,
                "DB_POSTGRESDB_PASSWORD": password,
            }
            real_n8n.prepare(folder, settings)
            real_n8n.start(folder)
            try:
                yield _story(folder, f"http://127.0.0.1:{port}", cluster.url(SUPERUSER, password, DATABASE), settings)
            finally:
                real_n8n.end(folder)


def _story(folder: Path, url: str, database: str, settings: dict[str, str]) -> Story:
    all_of_it, few = keys(url)
    control = (sys.executable, "-P", "-m", "tests.nightly.real_n8n")
    service = N8nService(
        restart=(*control, "restart", str(folder)),
        status=(*control, "status", str(folder)),
        stop=(*control, "stop", str(folder)),
        environment={"PYTHONPATH": SecretStr(str(Path(__file__).parents[2]))},
        limit_s=300,
    )
    door = N8n(url=url, key=SecretStr(all_of_it), exports=Path(settings["N8N_USER_FOLDER"]) / "exports")
    return Story(
        door=door, few=few, service=service, shop=Workshop(url, all_of_it), target=Target(), folder=folder,
        database=database, settings=settings,
    )  # fmt: skip


def tell(told: Story, stories: tuple[Callable[[Story], object], ...]) -> list[str]:
    """Each in turn, as each goes on from where the one before ended; the names of those that failed."""
    failed = []
    for one in stories:
        begun, said = time.monotonic(), None
        try:
            said = one(told)
        except Exception:  # noqa: BLE001 - each is told, and the others go on
            failed.append(one.__name__)
            traceback.print_exc()
        word = "FAILED" if one.__name__ in failed else "passed"
        print(
            f"{word}  {time.monotonic() - begun:6.1f} s  {one.__name__}"
            + (f": {said}" if word == "passed" and said else "")
        )
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.nightly.n8n", description=__doc__)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--only", default="", help="the stories whose name holds this; most go on from the ones before")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nightly-n8n-") as spare:
        begun = time.monotonic()
        with stage((asked.folder or Path(spare)).resolve()) as told:
            print(f"n8n {real_n8n.VERSION} is up after {time.monotonic() - begun:.0f} s")
            told.record = asked.record
            stories = tuple(one for one in STORIES if asked.only in one.__name__)
            failed = tell(told, stories)
    print(json.dumps({"told": len(stories), "failed": failed}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
