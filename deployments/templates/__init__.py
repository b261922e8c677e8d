"""What `incident new` writes: one worked example of a system that connects somewhere, and a runbook of its own.

`$name` is the module, `$Name` the class, `$NAME` the variable, `$words` as people say it; of a runbook `$slug` as well.
"""

from __future__ import annotations

from importlib import resources
from string import Template


def filled(template: str, **names: str) -> str:
    """The file as it is written."""
    text = resources.files(__package__).joinpath(template).read_text(encoding="utf-8")
    return Template(text).substitute(names)
