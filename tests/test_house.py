"""The plan of the house, kept true: read from the source, so that nothing has to be imported for it."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# From the ground up: a room may import itself and what lies below it.
STAIRCASE = ("tasks", "runbooks", "flows", "deployments")
# Within flows/ the same. Rooms on one floor do not know each other; on the roof stands what Prefect executes, alone.
FLOORS_OF_FLOWS = (
    {"journal"},
    {"run"},
    {"case"},
    {"told", "people"},
    {"gate", "keepers"},
    {"life", "opening"},
    {"step"},
)
EXECUTED_FLOWS = {"drill", "health", "incident", "maintenance", "playbook", "watch"}
FILES = sorted(file for room in STAIRCASE for file in (ROOT / room).rglob("*.py"))
FILES_OF_FLOWS = [file for file in FILES if file.is_relative_to(ROOT / "flows")]

# What speaks to a vendor or a server. In tasks/ only a `system.py` may; runbooks/ has no reason to.
DOORS = {"psycopg", "httpx", "dns", "redis", "smtplib", "imaplib", "sqlalchemy", "alembic", "requests", "boto3"}
POSTGRES = tuple(f"tasks/postgres/{name}.py" for name in ("session", "url", "loaders", "codes"))
# The journal keeps its own table; deployments/ starts and migrates the servers themselves; what Prefect's client raises
# while a run is triggered or cancelled, or its schedules are looked at, is an error of httpx; a session on Postgres and
# its URL are parts of that door; all name servers are asked through one door, and so are all hosted APIs, but for
# Amazon's, which wants its requests signed: of a mail provider's vendors each has a file of its own.
RUNS = ("flows/run/trigger.py", "flows/keepers/clock.py")
SES = "tasks/mail_provider/ses.py"
# Docker's client lets through what its own, requests, raises.
DOCKER = "tasks/docker/engine.py"
MAY_OPEN_DOORS = ("flows/journal/", *RUNS, "deployments/", *POSTGRES, SES, "tasks/web/", "tasks/dns/", DOCKER)

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


def reached(tree: ast.AST, package: str) -> Iterator[str]:
    """The same to the name: `from flows.run import settings` reaches flows.run.settings, a module or what is in one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from imported(node, package)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{name}.{alias.name}" for name in imported(node, package) for alias in node.names)


def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), filename=str(file))


def package_of(file: Path) -> str:
    return ".".join(file.parent.relative_to(ROOT).parts)


def roots(file: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported(parsed(file), package_of(file))}


def points_up(room: str, imports: set[str]) -> set[str]:
    return imports & {*STAIRCASE[STAIRCASE.index(room) + 1 :], "tests"}


def module(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def flows_reached(file: Path) -> set[str]:
    package = ".".join(file.parent.relative_to(ROOT).parts)
    return {name for name in reached(parsed(file), package) if name.partition(".")[0] == "flows"}


def room_of(file: Path) -> str:
    return place(file).partition("/")[0]


def room_of_flows(name: str) -> str:
    """The room a module, or a name in it, belongs to; the roof is `flows` itself."""
    room = name.split(".")[1] if "." in name else ""
    return room if any(room in floor for floor in FLOORS_OF_FLOWS) else "flows"


def floor_of_flows(room: str) -> int:
    return next((n for n, floor in enumerate(FLOORS_OF_FLOWS) if room in floor), len(FLOORS_OF_FLOWS))


def points_up_in_flows(room: str, names: set[str]) -> set[str]:
    rooms = {room_of_flows(name) for name in names} - {room}
    return {other for other in rooms if floor_of_flows(other) >= floor_of_flows(room)}


def neighbours(tree: ast.AST, package: str, modules: Collection[str]) -> set[str]:
    """Which of `modules` are imported anywhere in the file; a package only where it is itself asked for something."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            source = next(imported(node, package))
            within = [f"{source}.{alias.name}" for alias in node.names]
            found |= {module if module in modules else source for module in within}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & set(modules)


def circle(imports: Mapping[str, Collection[str]]) -> list[str]:
    """Modules that import each other in a ring, the first of them again at the end; none: an empty list."""
    without: set[str] = set()

    def walk(path: list[str]) -> list[str]:
        for module in sorted(imports[path[-1]]):
            if module in path:
                return [*path[path.index(module) :], module]
            if module not in without and (found := walk([*path, module])):
                return found
        without.add(path[-1])
        return []

    return next((found for module in sorted(imports) if (found := walk([module]))), [])


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
    assert {room_of(file) for file in FILES} == set(STAIRCASE)


@pytest.mark.parametrize("file", FILES, ids=place)
def test_it_imports_only_down_the_stairs(file: Path) -> None:
    room = room_of(file)
    above = points_up(room, roots(file))
    assert not above, f"{place(file)} imports {above}: imports only go down, {' → '.join(reversed(STAIRCASE))}."


@pytest.mark.parametrize("file", FILES_OF_FLOWS, ids=place)
def test_it_imports_only_down_within_flows(file: Path) -> None:
    room = room_of_flows(module(file))
    above = points_up_in_flows(room, flows_reached(file))
    assert not above, f"{place(file)} imports {above}, which do not lie below {room}: see FLOORS_OF_FLOWS."


@pytest.mark.parametrize("room", STAIRCASE)
def test_it_has_no_modules_that_import_each_other(room: str) -> None:
    modules = {module(file): file for file in FILES if room_of(file) == room}
    found = circle({name: neighbours(parsed(file), package_of(file), modules) for name, file in modules.items()})
    assert not found, f"{' → '.join(found)}: cut it where one of them needs only a part of the other."


def test_it_has_only_what_prefect_executes_at_the_top_of_flows() -> None:
    """And guards the two above: a room that is on no floor would be taken for the roof."""
    inside = [file.relative_to(ROOT / "flows").parts for file in FILES_OF_FLOWS]
    assert {parts[0] for parts in inside if len(parts) > 1} == set().union(*FLOORS_OF_FLOWS)
    assert {parts[0] for parts in inside if len(parts) == 1} == {f"{name}.py" for name in [*EXECUTED_FLOWS, "__init__"]}


@pytest.mark.parametrize("room", STAIRCASE)
def test_it_tells_type_checkers_that_it_is_typed(room: str) -> None:
    """A team's own checks and actions are checked against ours only where this file lies (PEP 561)."""
    assert (ROOT / room / "py.typed").is_file()


@pytest.mark.parametrize("file", FILES, ids=place)
def test_it_opens_doors_only_where_doors_are(file: Path) -> None:
    opened = roots(file) & DOORS
    assert not opened or may_open_doors(place(file)), (
        f"{place(file)} imports {opened}: only a system.py knows a vendor. Ask through its System."
    )


@pytest.mark.parametrize("file", FILES, ids=place)
def test_it_asks_hosted_apis_through_one_door(file: Path) -> None:
    where = place(file)
    if where.startswith("tasks/") and not where.startswith("tasks/web/"):
        assert "httpx" not in roots(file), (
            f"{where} imports httpx: limits and retries are in tasks/web. Ask through it."
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
        "import flows.gate.settle as g",
        "from flows.gate.settle import settle",
        "from ..flows import gate",
        "def f():\n    from flows import gate",
        "if TYPE_CHECKING:\n    from flows.case.question import Asker",
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


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("from tasks.sql import reader", {"tasks.sql"}),
        ("import tasks.sql as questions", {"tasks.sql"}),
        ("from tasks.mirror import shape, system", {"tasks.mirror.shape", "tasks.mirror.system"}),
        ("from tasks.mirror import shape, MOST", {"tasks.mirror", "tasks.mirror.shape"}),
        ("from . import shape", {"tasks.mirror.shape"}),
        ("from .shape import Pair", {"tasks.mirror.shape"}),
        ("def late():\n    from tasks.mirror.shape import Pair", {"tasks.mirror.shape"}),
        ("if TYPE_CHECKING:\n    from tasks.mirror.shape import Pair", {"tasks.mirror.shape"}),
        ("import json\nfrom tasks.tenant.system import Tenant", set()),
    ],
)
def test_it_sees_every_neighbour(source: str, seen: set[str]) -> None:
    modules = {"tasks.sql", "tasks.mirror", "tasks.mirror.shape", "tasks.mirror.system"}
    assert neighbours(ast.parse(source), "tasks.mirror", modules) == seen


@pytest.mark.parametrize(
    ("imports", "found"),
    [
        ({"a": "bc", "b": "d", "c": "d", "d": ""}, []),
        ({"a": "b", "b": "a"}, ["a", "b", "a"]),
        ({"a": "b", "b": "c", "c": "d", "d": "b"}, ["b", "c", "d", "b"]),
        ({"a": "", "b": "c", "c": "ab"}, ["b", "c", "b"]),
    ],
)
def test_it_finds_a_circle(imports: dict[str, str], found: list[str]) -> None:
    assert circle(imports) == found


def test_it_sees_a_relative_import_within_the_room() -> None:
    assert list(imported(ast.parse("from .gate import settle\nfrom . import case"), "flows.journal")) == [
        "flows.journal.gate",
        "flows.journal",
    ]


@pytest.mark.parametrize(
    "source",
    [
        "import flows",
        "from flows import drill",
        "import flows.incident",
        "from flows.step.act import act",
        "from flows.people import tell",
        "from .. import watch",
        "from ..life.verify import verify",
        "def f():\n    from flows.gate.settle import settle",
        "if TYPE_CHECKING:\n    from flows.gate.settle import Settled",
    ],
)
def test_it_sees_every_way_up_within_flows(source: str) -> None:
    assert points_up_in_flows("told", set(reached(ast.parse(source), "flows.told")))


@pytest.mark.parametrize("name", ["flows.journal", "flows.case.case.Case", "flows.run.settings", "flows.told.show"])
def test_it_lets_a_room_of_flows_use_what_lies_below(name: str) -> None:
    assert points_up_in_flows("told", {name}) == set()


@pytest.mark.parametrize(
    ("file", "may"),
    [
        ("tasks/postgres/system.py", True),
        ("tasks/postgres/session.py", True),
        ("tasks/postgres/signals.py", False),
        ("tasks/system.py", True),
        ("runbooks/database/system.py", False),
        ("flows/journal/log.py", True),
        ("flows/gate/settle.py", False),
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
