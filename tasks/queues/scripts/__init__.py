"""Questions to a queue as scripts that may only read, a file each: `.lua` beside this, each bounded by itself."""

from __future__ import annotations

from importlib import resources

_SHARED = resources.files(__package__).joinpath("job.lua").read_text(encoding="utf-8")


def _script(name: str) -> str:
    return _SHARED + resources.files(__package__).joinpath(f"{name}.lua").read_text(encoding="utf-8")


LOOK = _script("look")
FAILED = _script("failed")
ACTIVE = _script("active")
FINISHED = _script("finished")
SCHEDULERS = _script("schedulers")
