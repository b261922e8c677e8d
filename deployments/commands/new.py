"""incident new: a small working example in the team's own folder, with its test, to be changed into yours."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Mapping
from pathlib import Path

from cyclopts import App

from deployments.commands.context import here
from deployments.commands.terminal import errors, say
from deployments.templates import filled
from tasks.registry import Team, register_systems
from tasks.system import System
from tasks.toml import InvalidConfig

app = App(name="new", sort_key=100, help="Begin a system or a runbook of your own from a small example that works.")

A_NAME = re.compile(r"[a-z][a-z0-9_]*")
A_SLUG = re.compile(r"[a-z][a-z0-9-]*/[a-z][a-z0-9-]*")
# What a system consists of, and the template of each file.
OF_A_SYSTEM = ("__init__", "system", "checks", "actions", "faults")


@app.command
def system(name: str) -> int:
    """Write a system that is asked over HTTP: door, check, action with its way back, drill, runbook and test.

    Nothing is overwritten.

    Parameters
    ----------
    name
        What it is, as one word: crm, billing_api.
    """
    at = here()
    team = _folders(at.config.team)
    register_systems(at.config.team)
    taken = "" if A_NAME.fullmatch(name) else "write one word of small letters, digits and _"
    if not taken and (name in System.registry or importlib.util.find_spec(name)):
        taken = "there is a system, or a module of Python's, of that name; choose another"
    if taken:
        errors.print(f"{name}: {taken}.")
        return 2
    names = {"name": name, "Name": "".join(part.capitalize() for part in name.split("_")), "NAME": name.upper()}
    names["words"] = f"the {name.replace('_', ' ')}"
    folder = team["systems"] / name
    files = {folder / f"{part}.py": f"{part}.py.txt" for part in OF_A_SYSTEM}
    files[team["runbooks"] / name / "jobs_fail.py"] = "jobs_fail.py.txt"
    files[team["tests"] / f"test_{name}.py"] = "test_system.py.txt"
    if not _write(files, names):
        return 1
    say(f"Rehearse it where it may be broken, with an approver that answers by itself:\n\n{_lines(name)}")
    say(f"incident check; incident run {name.replace('_', '-')}/jobs-fail --environment staging --plan-only")
    return 0


def _lines(name: str) -> str:
    return (
        f'[environments.staging.systems.{name}]\nurl = "https://{name.replace("_", "-")}.example.com"\n'
        f'token = "${{{name.upper()}_TOKEN}}"\n\n'
        '[environments.staging.approvers.drill]\nroles = ["on-call", "senior"]\ndrill = true\n'
    )


@app.command
def runbook(slug: str) -> int:
    """Write a runbook with one question and one step for a person, and its test. Nothing is overwritten.

    Parameters
    ----------
    slug
        Where it stands and what it is about: mail/bounces-rise.
    """
    at = here()
    team = _folders(at.config.team)
    if not A_SLUG.fullmatch(slug):
        errors.print(f"{slug}: write CATEGORY/PROBLEM in small letters, digits and dashes, like mail/bounces-rise.")
        return 2
    if any(entry.slug == slug for entry in at.catalog):
        errors.print(f"{slug}: there is such a runbook already. See: incident show {slug}")
        return 2
    category, _, problem = slug.replace("-", "_").partition("/")
    names = {"name": problem, "slug": slug, "words": slug.partition("/")[2].replace("-", " ").capitalize()}
    for part in ("runbooks", "systems"):
        names[part] = Path(os.path.relpath(team[part], team["tests"].parent)).as_posix()
    files = {
        team["runbooks"] / category / f"{problem}.py": "runbook.py.txt",
        team["tests"] / f"test_{category}_{problem}.py": "test_runbook.py.txt",
    }
    return 0 if _write(files, names) else 1


def _folders(team: Team) -> dict[str, Path]:
    """Where runbooks, systems and tests are written.

    Raises:
        InvalidConfig: the configuration names no folders of the team's.
    """
    if team.runbooks is None or team.systems is None:
        raise InvalidConfig(
            "Your folders are not named yet. Add to environments.toml:\n\n"
            '[team]\nrunbooks = "ops/runbooks"\nsystems = "ops/systems"\n'
        )
    return {"runbooks": team.runbooks, "systems": team.systems, "tests": team.systems.parent / "tests"}


def _write(files: Mapping[Path, str], names: Mapping[str, str]) -> bool:
    """All of them or, where one is there already, none."""
    if there := [file for file in files if file.exists()]:
        errors.print(f"Nothing was written, because this is there already: {', '.join(map(str, there))}")
        return False
    for file, template in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(filled(template, **names), encoding="utf-8")
        say(f"wrote {file}")
    return True
