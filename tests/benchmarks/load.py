"""Visitors of the lab's application, by pgbench: pages that read, and mails that are recorded as opened."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deployments.cluster import binaries
from tasks.postgres.system import PostgresServer

CLIENTS = 4
SCRIPT = """
\\set lead random(1, 40000)
\\set send random(1, 200000)
SELECT l.id, l.name, (SELECT count(*) FROM email_sends s WHERE s.lead_id = l.id) FROM leads l WHERE l.id = :lead;
SELECT id, subject, opened_at FROM email_sends WHERE lead_id = :lead ORDER BY created_at DESC LIMIT 10;
UPDATE email_sends SET opened_at = now() WHERE id = :send;
"""


@contextmanager
def visitors(postgres: PostgresServer, seconds: int) -> Iterator[subprocess.Popen[str]]:
    """pgbench for so many seconds, beside the block."""
    with tempfile.TemporaryDirectory(prefix="incident-load-") as folder:
        script = Path(folder) / "visitors.sql"
        script.write_text(SCRIPT)
        command: list[str | Path] = [
            binaries() / "pgbench",
            "--no-vacuum",
            f"--client={CLIENTS}",
            "--jobs=1",
            f"--time={seconds}",
        ]
        with subprocess.Popen(
            [*command, f"--file={script}"],
            env={**os.environ, **postgres.drill_environment(), "PGAPPNAME": "visitors"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as child:
            try:
                yield child
            finally:
                if child.poll() is None:
                    child.terminate()


def per_second(child: subprocess.Popen[str]) -> float:
    """Transactions a second, when they have left."""
    out, error = child.communicate()
    found = re.search(r"tps = ([\d.]+) \(without", out)
    if child.returncode != 0 or found is None:
        raise RuntimeError(f"pgbench failed: {error}")
    return float(found[1])
