"""How a drill tells a stand-in to be ill: by a file that the stand-in reads before each answer."""

from __future__ import annotations

import json
from pathlib import Path

from tasks.model import Json, Refused


def tell(file: Path | None, who: str, what: Json) -> Path:
    """Write down for `who` what it is to do; the file that it was written to.

    Raises:
        Refused: `who` has no file to be told by.
    """
    if file is None:
        raise Refused(
            f"{who} cannot be told to be ill: it has no `drill_file`.",
            remedy='drill_file = "/path/that/your/stand-in/reads.json"  # in lab and staging only',
        )
    # In one step: a half file would be read as none.
    new = file.with_name(f"{file.name}.new")
    new.write_text(json.dumps(what), encoding="utf-8")
    new.replace(file)
    return file
