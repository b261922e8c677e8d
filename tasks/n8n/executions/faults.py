"""Ways to have runs fail, of an n8n that lets itself be told to be ill (`drill_file`), as the lab's does."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

from tasks.fault import Fault
from tasks.model import Refused
from tasks.n8n.system import N8n


class FailOneOfEach(Fault):
    """Fail one run of each class: Unipile, Claude, webhook, database."""

    def cause(self, n8n: N8n) -> Path:
        if n8n.drill_file is None:
            raise Refused(
                "This n8n cannot be told to be ill: it has no `drill_file`.",
                remedy='drill_file = "/path/that/your/stand-in/reads.json"  # in lab and staging only',
            )
        # In one step: a half file would be read as none.
        new = n8n.drill_file.with_name(f"{n8n.drill_file.name}.new")
        new.write_text(json.dumps({"failed": uuid.uuid4().hex}), encoding="utf-8")
        new.rename(n8n.drill_file)
        return n8n.drill_file

    def cure(self, trouble: Path) -> None:
        trouble.unlink(missing_ok=True)
