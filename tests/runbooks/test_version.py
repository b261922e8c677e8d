"""Does a runbook's version change with everything it does its work through, and with nothing else?"""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest

from runbooks.catalog import Catalog
from runbooks.version import Versions
from tasks.registry import OURS
from tests.runbooks.team import Folder

# One package as a team may write it. Each runbook imports one of its modules, in another way.
PACKAGE = {
    "door/__init__.py": "",
    "door/system.py": "class Door: ...",
    "door/open.py": "from .system import Door\nfrom door.queries import LOCKED  # and no other",
    "door/shut.py": "def late():\n    from door import system\n",
    "door/paint.py": '"""Paint it.\n\nfrom nowhere import nothing.\n"""\nCOLOUR = "red"',
    "door/oil.py": "from door.queries import (\n    HINGES,  # each\n    LOCKED,\n)\n",
    "door/lost.py": "from door import \\\n    queries",
    "door/queries/__init__.py": "LOCKED = 1",
    "door/queries/locked.sql": "SELECT 1",
    "door/queries/hinges.sql": "SELECT 2",
}
RUNBOOKS = {
    "open": "from door.open import x",
    "shut": "import door.shut",
    "paint": "import os, door.paint as colours",
    "oil": "from door import oil",
    "lost": "from door.lost import x",
}


def written(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def versions(root: Path) -> dict[str, str]:
    found = Versions({"door": root / "door"})
    return {name: found.of(root / f"{name}.py") for name in RUNBOOKS}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    written(tmp_path, {**PACKAGE, **{f"{name}.py": text for name, text in RUNBOOKS.items()}})
    return tmp_path


@pytest.mark.parametrize(
    ("file", "changed"),
    [
        ("paint.py", {"paint"}),
        ("door/open.py", {"open"}),
        ("door/paint.py", {"paint"}),
        # Through another module, relatively, and within a function.
        ("door/system.py", {"open", "shut"}),
        ("door/queries/locked.sql", {"open", "oil", "lost"}),
        ("door/queries/hinges.sql", {"oil", "lost"}),
        ("door/queries/__init__.py", {"lost"}),
        ("door/nobodys.py", set()),
        ("elsewhere.py", set()),
    ],
)
def test_it_changes_with_what_the_runbook_uses_and_with_nothing_else(root: Path, file: str, changed: set[str]) -> None:
    before = versions(root)
    with (root / file).open("a") as text:
        text.write("\n# changed\n")
    assert {name for name, version in versions(root).items() if version != before[name]} == changed


def test_it_is_the_same_wherever_the_files_lie(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "another" / "machine")
    assert versions(tmp_path / "another" / "machine") == versions(root)
    assert len(set(versions(root).values())) == len(RUNBOOKS)


def test_it_ends_where_modules_import_each_other(root: Path) -> None:
    written(root, {"door/system.py": "from door.open import x"})
    assert versions(root)["open"]


def test_it_sees_an_action_of_ours_that_was_changed(tmp_path: Path) -> None:
    """Drawn from the source by Python's own parser: which of our runbooks name the mirror's actions at all?"""
    shutil.copytree(OURS, tmp_path / "tasks", ignore=shutil.ignore_patterns("__pycache__"))
    ours = {entry.slug: entry.source for entry in Catalog.load()}

    def found() -> dict[str, str]:
        read = Versions({"tasks": tmp_path / "tasks"})
        return {slug: read.of(source) for slug, source in ours.items()}

    before = found()
    with (tmp_path / "tasks/mirror/actions.py").open("a") as text:
        text.write("\n# changed\n")
    changed = {slug for slug, version in found().items() if version != before[slug]}
    assert changed == {slug for slug, source in ours.items() if names(source, "tasks.mirror.actions")} != set()


def names(source: Path, module: str) -> bool:
    tree = ast.parse(source.read_text())
    return any(isinstance(node, ast.ImportFrom) and node.module == module for node in ast.walk(tree))


def test_it_sees_a_teams_check_that_was_changed(folder: Folder) -> None:
    folder.runbook("shop/door-shut")
    before = {entry.slug: entry.version for entry in Catalog.load(folder.team)}
    with (folder.root / f"systems/{folder.module}/checks.py").open("a") as text:
        text.write("\n# changed\n")
    after = {entry.slug: entry.version for entry in Catalog.load(folder.team)}
    assert {slug for slug in after if after[slug] != before[slug]} == {"shop/door-shut"}


# Where a team may put what its actions and its runbooks share, and how they import it.
BESIDE = [
    ("systems/wording_of_{}.py", "from wording_of_{} import LIMIT", "checks"),
    ("systems/{}/wording.py", "from .wording import LIMIT", "checks"),
    ("systems/{}/__init__.py", "from {} import LIMIT", "checks"),
    ("runbooks/wording.py", "from ..wording import LIMIT", "runbook"),
]


@pytest.mark.parametrize(("place", "imports", "importer"), BESIDE)
def test_it_sees_a_plain_module_beside_a_teams_code(folder: Folder, place: str, imports: str, importer: str) -> None:
    plain = folder.write(place.format(folder.module), "LIMIT = 5\n")
    runbook = folder.runbook("shop/door-shut")
    user = folder.root / f"systems/{folder.module}/checks.py" if importer == "checks" else runbook
    user.write_text(f"{imports.format(folder.module)}\n{user.read_text()}")
    before = Catalog.load(folder.team).get("shop/door-shut").version

    plain.write_text("LIMIT = 500\n")

    assert Catalog.load(folder.team).get("shop/door-shut").version != before


def test_it_takes_ours_for_ours_whatever_a_team_calls_its_own(folder: Folder) -> None:
    ours = {entry.slug: entry.version for entry in Catalog.load()}
    folder.write("systems/tasks/mirror/actions.py", "")
    theirs = Catalog.load(folder.team)
    assert {entry.slug: entry.version for entry in theirs} == ours
