"""A team's own folder, written to disk as a team would write it: systems with checks, and runbooks by category."""

from __future__ import annotations

import itertools
import textwrap
from pathlib import Path

from tasks.registry import Team

_count = itertools.count()

SYSTEM = '''
from typing import ClassVar
from tasks.system import System

class Door(System):
    """A shop's back door."""
    kind: ClassVar[str] = "{kind}"
    config_lines: ClassVar[str] = 'url = "..."'
    url: str
'''

CHECKS = '''
from tasks.check import check
from tasks.model import Finding, Threshold, Verdict
from {module}.system import Door

@check
def check_{module}_open({module}: Door, queue: Threshold = Threshold(warn=5, bad=9, because="People | leave *then*.")):
    """Is the door open?

    Closed on Sundays: that is left out.
    """
    return Finding(verdict=Verdict.OK, says="It is open.")
'''.replace('):\n    """Is', ') -> Finding:\n    """Is')

RUNBOOK = """
from datetime import timedelta
from {module}.checks import check_{module}_open
from runbooks.model import *
from tasks.model import NoWayBack

runbook = Runbook(
    title={title!r},
    problem={problem!r},
    severity=Severity.P2,
    keywords={keywords!r},
    symptoms=({symptom},),
    diagnosis=(check_{module}_open,),
    resolution=(Manual({step!r}, when=check_{module}_open, how={how!r}),),
    verification=Verify(hold=timedelta(seconds=30), within=timedelta(minutes=5)),
    prevention=(Watch(check_{module}_open, every=timedelta(minutes=5)),),
    related={related!r},
)
"""

WORDS = """
from datetime import time, timedelta
from {module}.checks import check_{module}_open
from runbooks.model import *
from runbooks.parameter import Name, Parameter
from runbooks.playbook import Maintenance, Playbook
from runbooks.window import Day, Window
from tasks.action import Action
from tasks.model import NoWayBack

class TurnKey(Action):
    '''Turn the key.'''
    undo = NoWayBack(loses="The draught.")
    def plan(self, key="it"): ...
    def apply(self, plan): ...
    def applied(self, plan): ...
"""
PLAYBOOK = """
playbook = Playbook(
    title="Move the shop",
    purpose="The lease | ends.",
    keywords=("move",),
    parameters=(Parameter(name="key", type=Name, says="Which key."),),
    prerequisites=(check_{module}_open,),
    steps=(Manual("Pack", how="Slowly."), Step(TurnKey())),
    success=(check_{module}_open,),
    verification=Verify(hold=timedelta(seconds=30), within=timedelta(minutes=5)),
)
"""
MAINTENANCE = """
maintenance = Maintenance(
    title="Oil the hinges",
    purpose="They squeak.",
    keywords=("oil",),
    window=Window(start=time(3), length=timedelta(hours=2), days=(Day.SUNDAY,)),
    diagnosis=(check_{module}_open,),
    steps=(Step(TurnKey(), when=check_{module}_open),),
    verification=Verify(hold=timedelta(seconds=30), within=timedelta(minutes=5)),
)
"""


class Folder:
    """One team's folder. Module names are fresh for each, because Python remembers what it imported."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.module = f"shop{next(_count)}"
        (root / "runbooks").mkdir(parents=True)
        self.write(f"systems/{self.module}/system.py", SYSTEM.format(kind=self.module))
        self.write(f"systems/{self.module}/checks.py", CHECKS.format(module=self.module))

    @property
    def team(self) -> Team:
        return Team(runbooks=self.root / "runbooks", systems=self.root / "systems")

    def write(self, place: str, text: str) -> Path:
        file = self.root / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
        return file

    def runbook(
        self,
        slug: str,
        title: str = "The door is shut",
        *,
        problem: str = "Nobody gets in.",
        keywords: tuple[str, ...] = ("door",),
        symptom: str = "Symptom(heard='Knocking.')",
        step: str = "Turn the key",
        how: str = "Slowly.",
        related: tuple[str, ...] = (),
    ) -> Path:
        text = RUNBOOK.format(
            module=self.module,
            title=title,
            problem=problem,
            keywords=keywords,
            symptom=symptom,
            step=step,
            how=how,
            related=related,
        )
        return self.write(f"runbooks/{slug.replace('-', '_')}.py", text)

    def playbook(self, slug: str) -> Path:
        return self._written(slug, PLAYBOOK)

    def maintenance(self, slug: str) -> Path:
        return self._written(slug, MAINTENANCE)

    def _written(self, slug: str, declaration: str) -> Path:
        text = (WORDS + declaration).format(module=self.module)
        return self.write(f"runbooks/{slug.replace('-', '_')}.py", text)
