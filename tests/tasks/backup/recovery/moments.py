"""A backup as if it had been made at another moment."""

from __future__ import annotations

import json
from datetime import datetime

from tasks.backup import shelf


def moved(one: shelf.Backup, at: datetime) -> None:
    manifest = json.loads((one.place / shelf.MANIFEST).read_text())
    proof = json.loads((one.place / shelf.PROOF).read_text())
    shelf.write(one.place / shelf.MANIFEST, {**manifest, "at": at.isoformat()})
    shelf.write(one.place / shelf.PROOF, {**proof, "manifest": shelf.hash_of(one.place / shelf.MANIFEST)})
