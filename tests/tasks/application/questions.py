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
# Asked about the one inbox that whoever begins the playbook names.
OF_A_PLAYBOOK = {"check_inbox_known", "check_inbox_warmup"}
_INSIDE = pkgutil.walk_packages(application.__path__, f"{application.__name__}.")
_MODULES = [importlib.import_module(one.name) for one in _INSIDE]
FOUND = {one.name: one for module in _MODULES for one in vars(module).values() if isinstance(one, Check)}
QUESTIONS: tuple[Check[...], ...] = tuple(FOUND[name] for name in sorted(FOUND.keys() - OF_A_PLAYBOOK))
