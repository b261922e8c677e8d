"""The plan of the house, kept true: read from the source, so that nothing has to be imported for it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# From the ground up: a room may import itself and what lies below it.
STAIRCASE = ("tasks", "runbooks", "flows", "deployments")
FILES = sorted(file for room in STAIRCASE for file in (ROOT / room).rglob("*.py"))

# What speaks to a vendor or a server. In tasks/ only a `system.py` may; runbooks/ has no reason to.
DOORS = {"psycopg", "httpx", "dns", "redis", "smtplib", "imaplib", "sqlalchemy", "alembic", "requests", "boto3"}
# The journal keeps its own table; deployments/ starts and migrates the servers themselves; what Prefect's client raises
# while a run is triggered or cancelled, or its schedules are looked at, is an error of httpx; a URL is read by the
# library that will use it.
MAY_OPEN_DOORS = ("flows/journal/", "flows/trigger.py", "flows/clock.py", "deployments/", "tasks/postgres/url.py")

# Names that say nothing, and therefore collect everything.
EMPTY_NAMES = {"util", "utils", "helper", "helpers", "common", "misc", "stuff", "shared", "lib"}

LONGEST_FILE = 400
LONGEST_FUNCTION = 60


def place(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def imported(tree: ast.AST, package: str) -> Iterator[str]:
    """Every module that is imported anywhere in the file, within functions and for types only, too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            yield ".".join([*above, *([node.module] if node.module else [])])


def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file))


def roots(file: Path) -> set[str]:
    package = ".".join(file.parent.relative_to(ROOT).parts)
    return {name.partition(".")[0] for name in imported(parsed(file), package)}


def points_up(room: str, imports: set[str]) -> set[str]:
    return imports & {*STAIRCASE[STAIRCASE.index(room) + 1 :], "tests"}


def may_open_doors(file: str) -> bool:
    return file.startswith(MAY_OPEN_DOORS) or (file.startswith("tasks/") and file.endswith("/system.py"))


def long_functions(tree: ast.AST, longest: int) -> list[str]:
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [f.name for f in functions if (f.end_lineno or 0) - f.lineno + 1 > longest]


def undocumented(tree: ast.Module) -> list[str]:
    """The module and its public classes; a small function may speak by its name."""
    classes = [n for n in tree.body if isinstance(n, ast.ClassDef) and not n.name.startswith("_")]
    nodes: list[ast.Module | ast.ClassDef] = [tree, *classes] if tree.body else []
    return [getattr(node, "name", "the module") for node in nodes if not ast.get_docstring(node)]


def test_it_has_its_four_rooms() -> None:
    """Guards the tests below: over no file at all, each of them would pass."""
    assert {place(file).partition("/")[0] for file in FILES} == set(STAIRCASE)


@pytest.mark.parametrize("file", FILES, ids=place)
def test_it_imports_only_down_the_stairs(file: Path) -> None:
    room = place(file).partition("/")[0]
    above = points_up(room, roots(file))
    assert not above, f"{place(file)} imports {above}: imports only go down, {' → '.join(reversed(STAIRCASE))}."


@pytest.mark.parametrize("file", FILES, ids=place)
def test_it_opens_doors_only_where_doors_are(file: Path) -> None:
    opened = roots(file) & DOORS
    assert not opened or may_open_doors(place(file)), (
        f"{place(file)} imports {opened}: only a system.py knows a vendor. Ask through its System."
    )


@pytest.mark.parametrize("file", [*FILES, *sorted((ROOT / "tests").rglob("*.py"))], ids=place)
def test_it_has_no_name_that_says_nothing(file: Path) -> None:
    words = {*file.with_suffix("").relative_to(ROOT).parts, *file.stem.split("_")}
    assert not words & EMPTY_NAMES, f"{place(file)}: name the file after what it is about."


@pytest.mark.parametrize("file", FILES, ids=place)
def test_it_is_small(file: Path) -> None:
    lines = len(file.read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST_FILE, f"{place(file)} has {lines} lines: it is about more than one thing. Part it."
    assert long_functions(parsed(file), LONGEST_FUNCTION) == [], f"in {place(file)}: longer than {LONGEST_FUNCTION}"


@pytest.mark.parametrize("file", FILES, ids=place)
def test_it_says_what_it_is(file: Path) -> None:
    assert undocumented(parsed(file)) == [], f"in {place(file)}: say in a docstring what it is."


@pytest.mark.parametrize(
    "source",
    [
        "import flows",
        "import flows.gate as g",
        "from flows.gate import settle",
        "from ..flows import gate",
        "def f():\n    from flows import gate",
        "if TYPE_CHECKING:\n    from flows.gate import Asker",
        "import tests.flows",
    ],
)
def test_it_sees_every_way_up(source: str) -> None:
    found = {name.partition(".")[0] for name in imported(ast.parse(source), "runbooks")}
    # A relative import above the package cannot leave the rooms; it is seen as the module it names.
    assert points_up("runbooks", found)


@pytest.mark.parametrize(("room", "below"), [("runbooks", "tasks"), ("flows", "runbooks"), ("deployments", "flows")])
def test_it_lets_a_room_use_what_lies_below(room: str, below: str) -> None:
    assert points_up(room, {below, room, "json"}) == set()


def test_it_sees_a_relative_import_within_the_room() -> None:
    assert list(imported(ast.parse("from .gate import settle\nfrom . import case"), "flows.journal")) == [
        "flows.journal.gate",
        "flows.journal",
    ]


@pytest.mark.parametrize(
    ("file", "may"),
    [
        ("tasks/postgres/system.py", True),
        ("tasks/postgres/checks.py", False),
        ("tasks/system.py", True),
        ("runbooks/database/system.py", False),
        ("flows/journal/log.py", True),
        ("flows/gate.py", False),
        ("deployments/accounts.py", True),
    ],
)
def test_it_knows_where_the_doors_are(file: str, may: bool) -> None:
    assert may_open_doors(file) is may


def test_it_measures_functions_and_docstrings() -> None:
    tree = ast.parse('"""M."""\nclass A:\n    def long(self):\n        1\n        2\nclass _B: ...\n')
    assert long_functions(tree, 2) == ["long"]
    assert long_functions(tree, 3) == []
    assert undocumented(tree) == ["A"]
    assert undocumented(ast.parse("x = 1")) == ["the module"]
    assert undocumented(ast.parse("")) == []
