"""Questions to a queue as scripts that may only read, a file each: `.lua` beside this, each bounded by itself. The last
three are changes that BullMQ has no script for."""

from __future__ import annotations

from importlib import resources


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(f"{name}.lua").read_text(encoding="utf-8")


def _script(name: str) -> str:
    return _text("job") + _text(name)


LOOK = _script("look")
FAILED = _script("failed")
ACTIVE = _script("active")
FINISHED = _script("finished")
SCHEDULERS = _script("schedulers")
PAUSE_5 = _text("pause_5")
SET_ASIDE = _text("set_aside")
PUT_BACK = _text("put_back")
