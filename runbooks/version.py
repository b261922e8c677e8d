"""The version of a runbook: it changes with its own file, and with every file of ours through which it does its work.

An approval is bound to it. What counts is what the file imports, directly or through others, out of `tasks/` and the
team's systems: checks, actions, faults, the doors behind them, and of SQL exactly the questions that are named.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

# Read by pattern: Python's own parser takes half a second for all files, and a person at 2 am waits for it.
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<module>\.*[\w.]*)[ \t]+import[ \t]+(?P<names>\([^)]*\)|[^\n]*)"
    r"|import[ \t]+(?P<plain>[^\n]*))",
    re.MULTILINE,
)
# A comment, or a line that goes on in the next.
_NOT_CODE = re.compile(r"#[^\n]*|\\\n")


class Versions:
    """The versions of runbooks that do their work through `packages`: folders by the name they are imported under.

    Without a name it is a folder on the import path, whose modules and packages are imported by their own.

    Each file is read once, so all versions are of one moment.
    """

    def __init__(self, packages: Mapping[str, Path]) -> None:
        # By dotted name: the modules, and the questions in each package.
        self._modules: dict[str, Path] = {}
        self._questions: dict[str, dict[str, Path]] = defaultdict(dict)
        for name, folder in packages.items():
            under = [name] if name else []
            for file in sorted(folder.rglob("*.py")):
                parts = [*under, *file.relative_to(folder).with_suffix("").parts]
                self._modules[".".join(parts).removesuffix(".__init__")] = file
            for file in sorted(folder.rglob("*.sql")):
                self._questions[".".join([*under, *file.parent.relative_to(folder).parts])][file.stem] = file
        self._names = {file: name for name, file in self._modules.items()}
        self._read: dict[Path, tuple[str, tuple[Path, ...]]] = {}

    def of(self, source: Path) -> str:
        """Twelve hexadecimal digits over `source` and all it reaches.

        The same on every machine: places do not count, contents do.
        """
        reached: dict[Path, str] = {}
        waiting = [source]
        while waiting:
            file = waiting.pop()
            if file not in reached:
                reached[file], imports = self._look(file)
                waiting.extend(imports)
        return hashlib.sha256("".join(sorted(reached.values())).encode()).hexdigest()[:12]

    def _look(self, file: Path) -> tuple[str, tuple[Path, ...]]:
        """The file's hash, and the files it imports."""
        if file not in self._read:
            content = file.read_bytes()
            code = _NOT_CODE.sub("", content.decode("utf-8", "replace")) if file.suffix == ".py" else ""
            imports = dict.fromkeys(
                found for module, name in _imports(code) for found in self._files(self._absolute(file, module), name)
            )
            self._read[file] = hashlib.sha256(content).hexdigest(), tuple(imports)
        return self._read[file]

    def _absolute(self, importer: Path, module: str) -> str:
        """`.system` as it is meant in that file."""
        named = module.lstrip(".")
        if not (dots := len(module) - len(named)):
            return module
        above = [*self._names.get(importer, "").split("."), *(["__init__"] if importer.stem == "__init__" else [])]
        return ".".join([*above[:-dots], *([named] if named else [])])

    def _files(self, module: str, name: str) -> Iterator[Path]:
        """What an import brings in, as far as it is ours."""
        if question := self._questions.get(module, {}).get(name.lower()):
            yield question
            return
        # The module, or the package and a module within it; all of its questions, for it is not said which are asked.
        for found in [module, f"{module}.{name}"] if name else [module]:
            if found in self._modules:
                yield self._modules[found]
            yield from self._questions.get(found, {}).values()


def _imports(code: str) -> Iterator[tuple[str, str]]:
    """Every import as module and name, within functions too; the name is empty where the module itself is imported.

    A sentence that begins like one names no file, and does no harm.
    """
    for found in _IMPORT.finditer(code):
        if found["plain"] is not None:
            yield from ((module, "") for module in re.findall(r"[\w.]+", found["plain"]))
        else:
            yield from ((found["module"], name) for name in re.findall(r"\w+", found["names"]))
