"""Where a command works: this folder's configuration, its stack if one is up, and its journal."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property

from deployments.home import Home
from deployments.stack import Stack
from deployments.trouble import CannotStart
from flows import settings
from flows.journal import Journal
from runbooks.catalog import Catalog
from tasks.environment import Config, Environment


class NoStack(CannotStart):
    """A command needs Prefect or the journal, and this folder has neither."""


@dataclass(frozen=True)
class Here:
    """Found once per command."""

    home: Home

    @cached_property
    def config(self) -> Config:
        return settings.config()

    @cached_property
    def catalog(self) -> Catalog:
        return settings.catalog(self.config)

    @property
    def stack_is_up(self) -> bool:
        return "INCIDENT_JOURNAL_URL" in os.environ and "PREFECT_API_URL" in os.environ

    def require_stack(self) -> None:
        """Say what to start, before half of a command is done.

        Raises:
            NoStack: no stack is up here, and the process environment names no other.
        """
        if not self.stack_is_up:
            raise NoStack(
                f"No stack is up in {self.home.root}. Start `incident up` in this folder, "
                "or export PREFECT_API_URL and INCIDENT_JOURNAL_URL of one elsewhere."
            )

    def journal(self, environment: Environment | None = None) -> Journal:
        self.require_stack()
        return settings.journal(environment)


def here() -> Here:
    """This folder's context. What the process environment already names is left as it is."""
    home = Home.find()
    adopt(home, Stack.find(home))
    return Here(home)


def adopt(home: Home, stack: Stack | None) -> None:
    """Make this process see the lab's environment and, if there is one, the stack."""
    found = {"INCIDENT_LAB_ENVIRONMENT": str(home.lab_environment), "INCIDENT_CONFIG": str(home.config)}
    for name, value in {**found, **(stack.environment() if stack else {})}.items():
        os.environ.setdefault(name, value)
