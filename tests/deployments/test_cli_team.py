"""`incident` beside a team's code that is broken: it is named with file and line, and everything else works."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployments import cli
from tests.deployments.terminal import Shell

CONFIG = """
[team]
systems = "systems"
runbooks = "runbooks"

[environments.lab]
kind = "lab"
approvers.ana.roles = ["dba"]

[environments.lab.systems.tub]
[environments.lab.systems.gone]
url = "https://gone.example.com"
[environments.lab.systems.well]
"""
SYSTEM = """
from tasks.model import *
from tasks.system import System

class {name}(System):
    kind = "{kind}"
    config_lines = ""

    def examine(self):
        {examine}
"""
ODD = "postgresql://me:hunter2@db/x is odd"
TUB = """
from tasks.action import Action
from tasks.check import check
from tasks.model import *
from tub.system import Tub

@check
def check_tub(tub: Tub) -> Finding:
    \"\"\"Does it hold water?\"\"\"
    return Finding(verdict=Verdict.BAD, says="It leaks.")

class Leaks(Action):
    \"\"\"Find the leak.\"\"\"
    undo = NoWayBack(loses="Water.")
    def plan(self, tub: Tub) -> Plan:
        raise RuntimeError("ODD")
    def apply(self, tub: Tub, plan: Plan) -> Outcome: ...
    def applied(self, tub: Tub, plan: Plan) -> bool | None: ...

class Mop(Leaks):
    \"\"\"Mop the floor.\"\"\"
    @property
    def notes(self):
        raise RuntimeError("ODD")
    def plan(self, tub: Tub) -> Plan:
        return Plan(
            does="Mop it.", commands=(Command(line="mop", target={"floor": 1}),),
            blast_radius=BlastRadius(touched=1, total=1, noun="floors"), risk=Risk.LOW, loses="",
        )
""".replace("ODD", ODD).replace("\\", "")
RUNBOOK = """
from datetime import timedelta
from runbooks.model import *
from tub.actions import Leaks, Mop, check_tub

runbook = Runbook(
    title="The tub leaks", problem="It leaks.", severity=Severity.P2, keywords=("tub",),
    symptoms=(Symptom(heard="Drip."),), diagnosis=(check_tub,),
    resolution=(Step(Leaks(), when=check_tub), Step(Mop(), when=check_tub)),
    verification=Verify(hold=timedelta(seconds=1), within=timedelta(seconds=4)),
    prevention=(Watch(check_tub, every=timedelta(minutes=5)),),
)
"""
USER = "from gone.checks import check_gone"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A team's folder of which one system cannot be imported, one crashes, and one is well."""
    made = Shell(tmp_path / "home", tmp_path)
    for place, text in {
        "environments.toml": CONFIG,
        "systems/tub/system.py": SYSTEM.format(name="Tub", kind="tub", examine=f'raise RuntimeError("{ODD}")'),
        "systems/tub/actions.py": TUB,
        "systems/well/system.py": SYSTEM.format(
            name="Well", kind="well", examine='yield Finding(verdict=Verdict.OK, says="The well is full.")'
        ),
        "systems/gone/system.py": "import nothing_of_the_kind",
        "systems/gone/checks.py": "from gone.system import Gone",
        "runbooks/house/tub_leaks.py": RUNBOOK,
        "runbooks/house/gone.py": USER,
    }.items():
        file = made.folder / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return made


def test_it_says_which_file_of_the_team_is_broken_and_shows_the_others(shell: Shell) -> None:
    gone = shell.folder / "systems/gone/system.py"
    user = shell.folder / "runbooks/house/gone.py"
    where = "ModuleNotFoundError: No module named 'nothing_of_the_kind' (systems/gone/system.py, line 1)"

    listed = shell("runbooks")

    assert listed.returncode == 1
    assert listed.stderr.splitlines() == [
        f"BROKEN  {gone}: cannot be imported: {where}. Mend it; what does not use it works meanwhile.",
        f"BROKEN  house/gone ({user}): cannot be imported: {where}",
    ]
    assert {"database/blocked-sessions", "house/tub-leaks"} <= {line.split()[0] for line in listed.stdout.splitlines()}
    refused = shell("run", "house/gone", "--environment", "lab")
    assert (refused.returncode, refused.stderr) == (1, f"house/gone ({user}): cannot be imported: {where}\n")
    assert shell("show", "database/blocked-sessions").returncode == 0
    assert (
        "lab has no postgres configured."
        in shell("run", "database/blocked-sessions", "--environment", "lab", "--plan-only").stdout
    )


def test_its_doctor_goes_on_after_each_system_that_is_broken(shell: Shell) -> None:
    said = shell("doctor")
    assert said.returncode == 1
    assert f"Cannot be used, the others can: {shell.folder}/systems/gone/system.py: cannot be imported: " in said.stdout
    found = [(f["verdict"], f["says"], f["remedy"]) for f in shell.json("doctor")["lab"]]
    crash = "tub: Tub.examine crashed: RuntimeError: postgresql://"
    [(_, says, remedy)] = [one for one in found if one[1].startswith(crash)]
    assert says.endswith("is odd (systems/tub/system.py, line 10).")
    assert remedy.startswith("This is a defect of systems/tub/system.py, not of your system")
    [gone] = [says for verdict, says, _ in found if verdict == "BAD"]
    assert gone.startswith("environments.lab.systems.gone cannot be used: ")
    assert ("OK", "The well is full.", "") in found
    assert "hunter2" not in said.stdout + said.stderr


def test_it_shows_the_other_plans_when_one_crashes(shell: Shell) -> None:
    said = shell("run", "house/tub-leaks", "--environment", "lab", "--plan-only")
    assert "Traceback" not in said.stderr
    assert "UNKNOWN  Find the leak: Leaks.plan crashed: RuntimeError: postgresql://" in said.stdout
    assert "(systems/tub/actions.py, line 16)" in said.stdout.replace("\n", " ")
    assert "mop" in said.stdout
    assert "hunter2" not in said.stdout


def test_it_shows_where_an_unforeseen_error_of_the_team_comes_from_without_its_secrets(shell: Shell) -> None:
    said = shell("show", "house/tub-leaks")
    assert said.returncode == 1
    assert "Traceback" in said.stderr
    assert "RuntimeError" in said.stderr
    assert said.stderr.rstrip().endswith(
        "This is a defect of systems/tub/actions.py, not of `incident` or your systems. The lines above say where."
    )
    assert "hunter2" not in said.stderr


def test_it_says_so_when_the_defect_is_ours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("deployments.commands.catalogue.page", int)
    assert cli.outcome(["show", "database/blocked-sessions"]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "Traceback" in said
    assert said.endswith("please report them.")
