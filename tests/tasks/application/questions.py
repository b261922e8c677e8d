"""Every question about an application, for tests that ask them all."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from tasks import application
from tasks.check import Check

FOLDER = Path(application.__file__).parent
# For whoever wants mail stopped: that it goes out is BAD.
IN_NEED = {"check_sending_stopped"}
_MODULES = [
    importlib.import_module(one.name) for one in pkgutil.walk_packages(application.__path__, "tasks.application.")
]
_FOUND = {one.name: one for module in _MODULES for one in vars(module).values() if isinstance(one, Check)}
QUESTIONS: tuple[Check[...], ...] = tuple(_FOUND[name] for name in sorted(_FOUND))
