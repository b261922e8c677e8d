from __future__ import annotations

from datetime import timedelta

import pytest

from runbooks.catalog import OURS, Catalog
from runbooks.page import index, page, stale, write
from runbooks.sections import duration
from tests.runbooks.team import Folder


@pytest.fixture
def catalog(folder: Folder) -> Catalog:
    folder.runbook("shop/door-shut", "The door | is *shut*", keywords=("door", "Lock"), symptom="Symptom(alert='Door')")
    folder.runbook(
        "shop/window-shut", "The window is shut", keywords=("window", "lock"), related=("shop/door-shut",),
        how="- push <hard>\n- `pull | push`",
    )  # fmt: skip
    return Catalog(tuple(e for e in Catalog.load(folder.team) if e.category == "shop"))


def test_it_reads_the_whole_page_off_the_declaration(folder: Folder, catalog: Catalog) -> None:
    check = f"check_{folder.module}_open"
    assert (
        page(catalog.get("shop/window-shut"), catalog)
        == f"""\
# The window is shut

`shop/window-shut` · **P2**: somebody looks within four hours

Nobody gets in.

```sh
incident run shop/window-shut --environment production
```

## Symptoms

- “Knocking.”

## Diagnosis

All questions are asked at once. They only read. Limits are in base units: seconds, bytes, ratios.

### Is the door open?

`{check}` asks the environment's `{folder.module}`.

Closed on Sundays: that is left out.

| Limit | Warn | Bad | Because |
| --- | --- | --- | --- |
| `queue` | ≥ 5 | ≥ 9 | People \\| leave \\*then\\*. |

## Resolution

A step is offered when its question answers BAD, and runs only after somebody approved its exact plan.

### 1. Turn the key (by hand)

- **When** BAD: Is the door open? (`{check}`)

- push \\<hard>
- `pull | push`

## Verification

Recovered means: the questions that answered BAD answer OK again within 5 minutes and keep answering OK for 30 s. \
An UNKNOWN never passes.

## Prevention

| Watched | Every |
| --- | --- |
| Is the door open? (`{check}`) | 5 minutes |

## Related

- [The door | is \\*shut\\*](../shop/door_shut.md) (`shop/door-shut`): Nobody gets in.

## Keywords

window, lock

---

*Generated from `runbooks/shop/window_shut.py`; do not edit.*
"""
    )


def test_it_tells_the_risk_and_the_way_back_of_a_step(folder: Folder) -> None:
    folder.write(
        "runbooks/shop/acts.py",
        f"""
        from datetime import timedelta
        from {folder.module}.checks import check_{folder.module}_open as asked
        from runbooks.model import *
        from tasks.action import Action
        from tasks.fault import Fault
        from tasks.model import NoWayBack

        class BreakIt(Action):
            '''Break the door.

            The shop is open to the wind; the till is not touched.
            '''
            undo = NoWayBack(loses="The door.")
            def plan(self): ...
            def apply(self, plan): ...
            def applied(self, plan): ...

        class OilIt(BreakIt):
            '''Oil the hinge.'''
            def undo(self, plan, outcome):
                '''Wipes the oil off.'''

        class RustIt(Fault):
            '''Let the hinge rust.'''
            def cause(self): ...
            def cure(self, trouble): ...

        runbook = Runbook(
            title="T", problem="P", severity=Severity.P0, keywords=("k",), symptoms=(Symptom(alert="A"),),
            diagnosis=(asked,), resolution=(Step(OilIt(), when=asked), Step(BreakIt(), when=asked)),
            verification=Verify(hold=timedelta(0), within=timedelta(hours=2)),
            prevention=(Watch(asked, every=timedelta(seconds=90)),),
            drills=(Drill(fault=RustIt(), noticed_by=asked, resolved_by=OilIt),),
        )
        """,
    )
    loaded = Catalog.load(folder.team)
    shown = page(loaded.get("shop/acts"), loaded)
    assert "### 1. Oil the hinge\n" in shown
    assert "- **Way back**: Wipes the oil off.\n" in shown
    assert "### 2. Break the door\n\nThe shop is open to the wind; the till is not touched.\n" in shown
    assert "- **Way back**: No way back. The door.\n" in shown
    assert "- **Risk**: " in shown
    assert "somebody looks now" in shown
    assert "answer OK again within 2 hours. " in shown
    assert "| 90 s |" in shown
    assert "incident drill shop/acts\n" in shown
    assert f"| Let the hinge rust | Is the door open? (`check_{folder.module}_open`) | Oil the hinge |" in shown


def test_it_reads_the_page_of_a_playbook_off_its_declaration(folder: Folder) -> None:
    folder.playbook("shop/move")
    loaded = Catalog.load(folder.team)
    shown = page(loaded.get("shop/move"), loaded)
    for expected in (
        "# Move the shop\n\n`shop/move` · **playbook**: somebody decides to\n\nThe lease | ends.\n",
        "incident run shop/move --environment production --set key=…\n",
        "| `key` | Which key. | text like `^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$` |\n",
        "## Prerequisites\n\nAll questions are asked at once.",
        "Unless each answers OK or WARN, nothing is begun.\n\n### Is the door open?\n",
        "### 1. Pack (by hand)\n\nSlowly.\n",
        "### 2. Turn the key\n",
        f"## Success\n\n- Is the door open? (`check_{folder.module}_open`), as above\n",
        "It worked means: these questions answer OK within 5 minutes and keep answering OK for 30 s.",
    ):
        assert expected in shown


def test_it_reads_the_page_of_a_maintenance_off_its_declaration(folder: Folder) -> None:
    folder.maintenance("shop/care")
    loaded = Catalog.load(folder.team)
    shown = page(loaded.get("shop/care"), loaded)
    for expected in (
        "`shop/care` · **maintenance**: Sunday, 03:00–05:00, in the environment's time\n",
        "## Window\n\nSunday, 03:00–05:00, on the environment's clock. Nothing is begun after its end.\n",
        "a step whose plan carries at most low risk is done without asking",
        "so does every step of a run begun by hand outside the window.\n",
        f"### 1. Turn the key\n\n- **When** WARN or BAD: Is the door open? (`check_{folder.module}_open`)\n",
    ):
        assert expected in shown


def test_it_lists_each_kind_in_a_table_of_its_own(folder: Folder) -> None:
    folder.runbook("shop/door-shut")
    folder.playbook("shop/move")
    folder.maintenance("shop/care")
    shown = index(Catalog(tuple(e for e in Catalog.load(folder.team) if e.category == "shop")))
    assert "| Runbook | Severity | Problem | Keywords |\n" in shown
    assert "| [Move the shop](shop/move.md) | The lease \\| ends. | move |\n" in shown
    assert "| [Oil the hinges](shop/care.md) | Sunday, 03:00–05:00 | They squeak. | oil |\n" in shown


def test_it_names_no_path_of_this_machine(folder: Folder, catalog: Catalog) -> None:
    assert str(folder.root) not in page(catalog.get("shop/door-shut"), catalog) + index(catalog)


def test_it_lists_the_runbooks_by_category_and_keyword(catalog: Catalog) -> None:
    shown = index(catalog)
    assert "## Shop\n\n| Runbook | Severity | Problem | Keywords |" in shown
    assert "| [The door \\| is \\*shut\\*](shop/door_shut.md) | P2 | Nobody gets in. | door, Lock |" in shown
    door, window = "[The door | is \\*shut\\*](shop/door_shut.md)", "[The window is shut](shop/window_shut.md)"
    assert f"- **lock**: {door}, {window}\n" in shown


def test_it_writes_a_teams_pages_beside_their_runbooks(folder: Folder, catalog: Catalog) -> None:
    root = folder.root / "runbooks"
    assert stale(catalog, root) == [
        "README.md is missing. Run `python -m runbooks.page`.",
        "shop/door_shut.md is missing. Run `python -m runbooks.page`.",
        "shop/window_shut.md is missing. Run `python -m runbooks.page`.",
    ]
    assert write(catalog, root) == [root / "README.md", root / "shop/door_shut.md", root / "shop/window_shut.md"]
    assert stale(catalog, root) == []
    assert write(catalog, root) == []


def test_it_links_only_within_one_tree(folder: Folder) -> None:
    """A team's runbooks may stand anywhere, so a page of theirs names ours by slug."""
    folder.runbook("shop/door-shut", related=("database/blocked-sessions",))
    loaded = Catalog.load(folder.team)
    write(loaded, folder.root / "runbooks")
    assert "database" not in (folder.root / "runbooks/README.md").read_text()
    shown = (folder.root / "runbooks/shop/door_shut.md").read_text()
    assert "- Sessions wait for a lock (`database/blocked-sessions`): " in shown
    ours = page(loaded.get("database/blocked-sessions"), loaded)
    assert "- The door is shut (`shop/door-shut`): Nobody gets in.\n" in ours


def test_it_notices_a_page_that_was_edited_or_lost_its_runbook(folder: Folder, catalog: Catalog) -> None:
    root = folder.root / "runbooks"
    write(catalog, root)
    (root / "shop/window_shut.md").write_text("call Bob")
    (root / "shop/roof.md").write_text((root / "shop/door_shut.md").read_text())
    (root / "shop/map.md").write_text("A page a person wrote.")
    assert stale(catalog, root) == [
        "shop/window_shut.md differs from its runbook. Run `python -m runbooks.page`.",
        "shop/roof.md has no runbook any more. Delete it.",
    ]


def test_it_finds_our_committed_pages_fresh() -> None:
    assert stale(Catalog.load(), OURS) == []


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(seconds=30), "30 s"),
        (timedelta(seconds=90), "90 s"),
        (timedelta(seconds=0.5), "0.5 s"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(hours=2), "2 hours"),
        (timedelta(days=1), "1 day"),
    ],
)
def test_it_says_a_duration_in_the_largest_whole_unit(length: timedelta, said: str) -> None:
    assert duration(length) == said
