import inspect
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from runbooks import catalog
from runbooks.catalog import Catalog, UnknownRunbook
from runbooks.model import InvalidRunbook
from tasks.environment import Environment, Kind
from tasks.model import Threshold
from tasks.objective import Objective
from tasks.registry import Team
from tasks.system import System
from tests.runbooks.team import Folder


def test_it_finds_a_teams_runbook_by_its_place(folder: Folder) -> None:
    source = folder.runbook("shop/door-shut", "The door is shut")
    entry = Catalog.load(folder.team).get("shop/door-shut")
    assert (entry.category, entry.runbook.title, entry.source) == ("shop", "The door is shut", source)
    assert entry.place == "runbooks/shop/door_shut.py"


def test_it_finds_every_file_in_our_categories() -> None:
    ours = {e.source for e in Catalog.load()}
    assert ours == {f for f in catalog.OURS.glob("*/*.py") if f.stem != "__init__"}


def test_each_of_our_checks_is_watched_by_one_runbook() -> None:
    """Two that watch for one fault would open an incident each."""
    watched = Counter(w.check.name for e in Catalog.load() for w in getattr(e.runbook, "prevention", ()))
    assert watched
    assert [name for name, times in watched.items() if times > 1] == []


def test_it_lists_the_teams_beside_ours_in_order(folder: Folder) -> None:
    folder.runbook("shop/door-shut")
    folder.runbook("aaa/first")
    slugs = [e.slug for e in Catalog.load(folder.team)]
    assert slugs == sorted(slugs)
    assert set(slugs) == {e.slug for e in Catalog.load()} | {"shop/door-shut", "aaa/first"}


def test_it_registers_the_teams_systems_and_ours(folder: Folder) -> None:
    Catalog.load(folder.team)
    assert folder.module in System.registry
    assert "postgres" in System.registry


def test_it_gives_each_text_its_own_version(folder: Folder, tmp_path: Path) -> None:
    folder.runbook("shop/door-shut")
    first = Catalog.load(folder.team).get("shop/door-shut").version
    again = Catalog.load(folder.team).get("shop/door-shut").version
    other = Folder(tmp_path / "other")
    other.module = folder.module
    other.runbook("shop/door-shut", problem="Nobody gets in, not even the owner.")
    changed = Catalog.load(Team(runbooks=other.team.runbooks)).get("shop/door-shut").version
    assert len(first) == 12
    assert first == again != changed


def complaints(folder: Folder) -> list[str]:
    return [str(complaint) for complaint in Catalog.load(folder.team).complaints]


def test_it_refuses_a_file_without_a_runbook(folder: Folder) -> None:
    file = folder.write("runbooks/shop/notes.py", "text = 'call Bob'")
    [refused] = complaints(folder)
    assert refused == (
        f"shop/notes ({file}): declares nothing. Write one of `runbook = Runbook(…)`, `playbook = Playbook(…)`, "
        "`maintenance = Maintenance(…)`, `health = Health(…)`, or move the file elsewhere."
    )


def test_it_finds_what_a_file_declares_under_the_name_of_its_kind(folder: Folder) -> None:
    folder.playbook("shop/move")
    folder.maintenance("shop/care")
    loaded = Catalog.load(folder.team)
    assert {loaded.get(f"shop/{name}").runbook.kind for name in ("move", "care")} == {"playbook", "maintenance"}
    assert loaded.for_alert("ShopMove") == ()


def test_it_refuses_two_declarations_in_one_file(folder: Folder) -> None:
    file = folder.playbook("shop/move")
    file.write_text(file.read_text() + folder.maintenance("shop/care").read_text())
    [refused] = complaints(folder)
    assert re.fullmatch(r"shop/move .*: declares more than one\. Give each its own file\.", refused)


def test_it_names_every_file_that_cannot_be_used_at_once(folder: Folder) -> None:
    typo = folder.write("runbooks/shop/a.py", "from crm.czechs import nothing")
    folder.write("runbooks/shop/b.py", "1 / 0")
    syntax = folder.write("runbooks/shop/c.py", "def (")
    folder.runbook("shop/d", title="")
    said = complaints(folder)
    assert said[0].startswith(f"shop/a ({typo}): cannot be imported: ModuleNotFoundError: No module named 'crm' (")
    assert said[1].endswith("cannot be imported: ZeroDivisionError: division by zero (runbooks/shop/b.py, line 1)")
    assert said[2].startswith(f"shop/c ({syntax}): cannot be imported: SyntaxError: ")
    assert said[3].startswith(f"shop/d ({folder.root}/runbooks/shop/d.py): untitled: `title` is empty.")


def test_it_says_which_check_is_wrong_and_in_which_file(folder: Folder) -> None:
    file = folder.write(
        "runbooks/shop/a.py",
        """
        from tasks.check import check
        @check
        def check_it(wanted: int): "Is it so?"
        """,
    )
    [refused] = complaints(folder)
    assert refused.startswith(f"shop/a ({file}): team_runbooks_")
    assert "check_it: nobody fills the parameter 'wanted'" in refused


def test_it_loads_again_once_a_file_is_mended(folder: Folder) -> None:
    folder.write("runbooks/shop/door_shut.py", "1 / 0")
    assert complaints(folder)
    folder.runbook("shop/door-shut")
    assert Catalog.load(folder.team).get("shop/door-shut")


def test_it_refuses_two_files_with_one_slug(folder: Folder) -> None:
    first = folder.runbook("shop/door-shut")
    second = first.rename(first.with_name("door-shut.py"))
    folder.runbook("shop/door-shut")
    [refused] = complaints(folder)
    assert refused == f"shop/door-shut is declared twice: {second} and {first}. Rename one."


def test_it_refuses_related_runbooks_that_do_not_exist(folder: Folder) -> None:
    folder.runbook("shop/door-shut")
    file = folder.runbook("shop/window-shut", related=("shop/dor-shut",))
    [refused] = complaints(folder)
    assert refused == (
        f"shop/window-shut ({file}): related 'shop/dor-shut' is no runbook. Did you mean 'shop/door-shut'?"
    )


def test_it_refuses_to_wait_in_a_circle(folder: Folder) -> None:
    def waits(slug: str, root: str) -> Path:
        file = folder.runbook(slug, related=(root,))
        file.write_text(file.read_text().replace("related=", "symptom_of="))
        return file

    waits("shop/door-shut", "shop/window-shut")
    waits("shop/window-shut", "shop/wall-damp")
    waits("shop/wall-damp", "shop/door-shut")
    wrong = complaints(folder)
    assert [says.partition(" (")[0] for says in wrong] == ["shop/door-shut", "shop/wall-damp", "shop/window-shut"]
    assert all("by `symptom_of` it is a symptom of itself" in says for says in wrong)


def test_what_it_may_be_a_symptom_of_is_related(folder: Folder) -> None:
    folder.runbook("shop/door-shut")
    file = folder.runbook("shop/window-shut", related=("shop/door-shut",))
    file.write_text(file.read_text().replace("related=", "symptom_of="))
    related = Catalog.load(folder.team).related("shop/door-shut")
    assert [entry.slug for entry in related] == ["shop/window-shut"]


def test_it_refuses_two_checks_of_one_name(folder: Folder) -> None:
    text = Path(folder.runbook("shop/door-shut")).read_text()
    checks = (folder.root / f"systems/{folder.module}/checks.py").read_text()
    copy = f"{checks}\n{text}".replace(f"from {folder.module}.checks import", "#")
    file = folder.write("runbooks/shop/window_shut.py", copy)
    [refused] = complaints(folder)
    assert refused == (
        f"shop/window-shut ({file}): two checks are called check_{folder.module}_open: "
        f"{folder.root}/systems/{folder.module}/checks.py and {file}. Rename one."
    )


# Each takes a tenth of a second or more of the processor; the doors import them when they are used.
SLOW = {
    "prefect",
    "sqlalchemy",
    "fastapi",
    "docker",
    "requests",
    "boto3",
    "botocore",
    "bullmq",
    "redis",
    "dns",
    "apprise",
}

BREAKING = [
    "def (",
    "1 / 0",
    "raise SystemExit(3)",
    "from crm.czechs import nothing",
    "text = 'call Bob'",
]


@pytest.mark.parametrize("broken", BREAKING)
def test_it_loses_no_other_runbook_to_a_broken_one(folder: Folder, broken: str) -> None:
    folder.runbook("shop/door-shut")
    # It is related to the broken one: no fault of its own.
    folder.runbook("shop/window-shut", related=("shop/broken",))
    file = folder.write("runbooks/shop/broken.py", broken)

    loaded = Catalog.load(folder.team)

    assert {e.slug for e in loaded} == {e.slug for e in Catalog.load()} | {"shop/door-shut", "shop/window-shut"}
    assert loaded.get("shop/window-shut").runbook
    assert loaded.related("shop/window-shut") == ()
    with pytest.raises(InvalidRunbook, match=rf"^shop/broken \({file}\): ") as refused:
        loaded.get("shop/broken")
    assert [str(refused.value)] == [str(complaint) for complaint in loaded.complaints]


def test_it_prefers_ours_to_a_teams_of_the_same_slug(folder: Folder) -> None:
    file = folder.runbook("database/slow-queries")

    loaded = Catalog.load(folder.team)

    assert loaded.get("database/slow-queries") == Catalog.load().get("database/slow-queries")
    assert [str(complaint) for complaint in loaded.complaints] == [
        f"database/slow-queries is declared twice: {catalog.OURS}/database/slow_queries.py and {file}. Rename one."
    ]


def test_it_is_strict_with_our_own(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder.write("runbooks/shop/broken.py", "def (")
    ours = folder.team.runbooks
    assert ours is not None
    monkeypatch.setattr(catalog, "OURS", ours)
    with pytest.raises(InvalidRunbook, match=rf"shop/broken \({file}\): cannot be imported: "):
        Catalog.load()


def test_it_does_not_refuse_an_environment_for_a_limit_of_a_broken_runbook(folder: Folder) -> None:
    limit = Threshold(warn=1, bad=2, because="Owner: this test.")
    place = Environment(name="shop", kind=Kind.LAB, thresholds={"check_broken": {"queue": limit}})
    [refused] = Catalog.load(folder.team).unknown_overrides(place)
    assert refused.startswith("environments.shop.thresholds.check_broken: no runbook asks check_broken.")
    folder.write("runbooks/shop/broken.py", "def (")
    assert Catalog.load(folder.team).unknown_overrides(place) == []


def test_it_shows_related_runbooks_from_both_sides(folder: Folder) -> None:
    folder.runbook("shop/door-shut")
    folder.runbook("shop/window-shut", related=("shop/door-shut",))
    loaded = Catalog.load(folder.team)
    assert [e.slug for e in loaded.related("shop/door-shut")] == ["shop/window-shut"]
    assert [e.slug for e in loaded.related("shop/window-shut")] == ["shop/door-shut"]


@pytest.mark.parametrize("asked", ["shop/dor-shut", "door-shut", "shop/door_shut", "door", "knocking"])
def test_it_names_the_nearest_runbook(folder: Folder, asked: str) -> None:
    folder.runbook("shop/door-shut")
    folder.runbook("mail/bounces", "Mail bounces", problem="Mail.", keywords=("mail",), symptom="Symptom(alert='M')")
    with pytest.raises(UnknownRunbook) as unknown:
        Catalog.load(folder.team).get(asked)
    assert unknown.value.nearest[0] == "shop/door-shut"
    assert str(unknown.value).startswith(f"No runbook {asked!r}. Did you mean shop/door-shut")


def test_it_says_where_the_list_is_when_nothing_is_near(folder: Folder) -> None:
    with pytest.raises(UnknownRunbook) as unknown:
        Catalog.load(folder.team).get("xyzzy")
    assert str(unknown.value) == "No runbook 'xyzzy'. `incident runbooks` lists all of them."


def test_it_finds_the_runbooks_of_an_alert(folder: Folder) -> None:
    folder.runbook("shop/door-shut", symptom="Symptom(alert='DoorShut')")
    folder.runbook("shop/window-shut")
    loaded = Catalog.load(folder.team)
    assert [e.slug for e in loaded.for_alert("DoorShut")] == ["shop/door-shut"]
    assert loaded.for_alert("doorshut") == loaded.for_alert("") == ()


def test_it_names_limits_no_runbook_has(folder: Folder) -> None:
    folder.runbook("shop/door-shut")
    check = f"check_{folder.module}_open"
    limit = Threshold(warn=1, bad=2, because="Measured.")
    environment = Environment(
        name="staging",
        kind=Kind.STAGING,
        thresholds={check: {"queue": limit, "quue": limit}, "check_shp_opn": {"queue": limit}, "x": {"y": limit}},
    )
    loaded = Catalog.load(folder.team)
    alone = Catalog(tuple(e for e in loaded if e.category == "shop"))
    assert alone.unknown_overrides(environment) == [
        f"environments.staging.thresholds.{check}.quue: {check} has no limit 'quue'. Did you mean 'queue'?",
        f"environments.staging.thresholds.check_shp_opn: no runbook asks check_shp_opn. Did you mean {check!r}?",
        "environments.staging.thresholds.x: no runbook asks x.",
    ]


def test_it_names_objectives_of_checks_that_no_runbook_asks(folder: Folder) -> None:
    folder.runbook("shop/door-shut")
    check = f"check_{folder.module}_open"
    good, wrong = (Objective(name=name, check=name, target=0.99) for name in (check, f"{check}s"))
    place = Environment(name="shop", kind=Kind.LAB, objectives=(good, wrong))
    [refused] = Catalog.load(folder.team).unknown_overrides(place)
    said = f"environments.shop.objectives[1] ({check}s): no runbook asks {check}s. Did you mean {check!r}?"
    assert refused == said
    folder.write("runbooks/shop/broken.py", "def (")
    assert Catalog.load(folder.team).unknown_overrides(place) == []


def test_it_refuses_a_team_folder_that_is_not_there(tmp_path: Path) -> None:
    without = Catalog.load(Team(runbooks=tmp_path / "gone"))
    assert [complaint.slug for complaint in without.complaints] == [""]
    assert "no such folder. `team.runbooks` must name" in str(without.complaints[0])
    assert without.entries == Catalog.load().entries
    blind = Catalog.load(Team(systems=tmp_path / "gone"))
    assert [complaint.slug for complaint in blind.complaints] == [""]
    assert "no such folder. `team.systems` must name" in str(blind.complaints[0])
    assert blind.entries == Catalog.load().entries


def test_it_refuses_a_system_named_like_a_module_of_python(folder: Folder) -> None:
    file = folder.write("systems/http/system.py", "")
    assert complaints(folder) == [f"{file.parent}: Python already has a module 'http'. Rename the folder."]


# What a system.py may do instead of being one, and what is said of it.
NO_SYSTEMS = [
    ("import nothing_of_the_kind", "ModuleNotFoundError: No module named 'nothing_of_the_kind' (systems/{}, line 1)"),
    ("\n1 / 0", "ZeroDivisionError: division by zero (systems/{}, line 2)"),
    ("raise SystemExit(3)", "SystemExit: 3 (systems/{}, line 1)"),
    ("x = 1\ndef (", "SyntaxError: invalid syntax (systems/{}, line 2)"),
]


@pytest.mark.parametrize(("text", "said"), NO_SYSTEMS)
def test_it_loses_nothing_else_to_a_system_that_cannot_be_imported(folder: Folder, text: str, said: str) -> None:
    folder.runbook("shop/door-shut")
    name = f"{folder.module}_b"
    file = folder.write(f"systems/{name}/system.py", text)
    user = folder.write("runbooks/shop/needs_it.py", f"from {name}.system import Crm")

    loaded = Catalog.load(folder.team)

    told = said.format(f"{name}/system.py")
    assert [(complaint.slug, str(complaint)) for complaint in loaded.complaints] == [
        (name, f"{file}: cannot be imported: {told}. Mend it; what does not use it works meanwhile."),
        ("shop/needs-it", f"shop/needs-it ({user}): cannot be imported: {told}"),
    ]
    assert {e.slug for e in loaded} == {e.slug for e in Catalog.load()} | {"shop/door-shut"}


def test_it_keeps_no_system_of_a_file_that_failed_after_declaring_one(folder: Folder) -> None:
    system = (folder.root / f"systems/{folder.module}/system.py").read_text()
    name = f"{folder.module}_b"
    file = folder.write(f"systems/{name}/system.py", system.replace(f'"{folder.module}"', f'"{name}"') + "\n1 / 0")
    assert len(complaints(folder)) == 1
    assert name not in System.registry
    file.write_text(file.read_text().replace("1 / 0", ""))
    assert complaints(folder) == []
    assert name in System.registry


def test_it_refuses_a_second_system_of_one_kind(folder: Folder) -> None:
    system = (folder.root / f"systems/{folder.module}/system.py").read_text()
    file = folder.write(f"systems/{folder.module}_b/system.py", system)
    [refused] = complaints(folder)
    assert refused == (
        f"{file}: cannot be imported: InvalidConfig: {folder.module}_b.system.Door: the kind '{folder.module}' "
        f"is taken by {folder.module}.system.Door. Choose another. (systems/{folder.module}_b/system.py, line 5). "
        "Mend it; what does not use it works meanwhile."
    )
    assert System.registry[folder.module].__module__ == f"{folder.module}.system"


def test_it_loads_without_what_is_slow_to_import(folder: Folder) -> None:
    """The command line loads the catalog for every command; importing Prefect alone takes longer than all of it."""
    folder.runbook("shop/door-shut")
    code = inspect.cleandoc(
        f"""
        import sys
        from pathlib import Path
        from runbooks.catalog import Catalog
        from tasks.registry import Team
        Catalog.load(Team(runbooks=Path({str(folder.team.runbooks)!r}), systems=Path({str(folder.team.systems)!r})))
        print(*sorted({{name.partition(".")[0] for name in sys.modules}} & {SLOW!r}))
        """
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "\n", "imported with the catalog"
