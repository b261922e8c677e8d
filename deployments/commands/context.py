"""Where a command works: this folder's configuration, its stack if one is up, and its journal."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property

from deployments.home import Home
from deployments.prefect_server import NOT_INHERITED
from deployments.stack import Stack
from deployments.trouble import CannotStart
from flows.journal import Journal
from flows.run import settings
from runbooks.catalog import Catalog
from tasks.config import Config
from tasks.environment import Environment
from tasks.toml import InvalidConfig


class NoStack(CannotStart):
    """A command needs Prefect or the journal, and this folder has neither."""


class UnknownEnvironment(InvalidConfig):
    """There is no environment of this name; the configuration itself may be in order."""


@dataclass(frozen=True)
class Here:
    """Found once per command."""

    home: Home

    @cached_property
    def config(self) -> Config:
        return settings.config()

    @cached_property
    def catalog(self) -> Catalog:
        return Catalog.load(self.config.team)

    def environment(self, name: str) -> Environment:
        """The environment `name`.

        Raises:
            UnknownEnvironment: there is none of this name.
            InvalidConfig: it cannot be used.
        """
        try:
            return settings.environment(self.config, self.catalog, name)
        except InvalidConfig as error:
            if name in self.config.names:
                raise
            raise UnknownEnvironment(str(error)) from None

    @property
    def stack_is_up(self) -> bool:
        return "INCIDENT_JOURNAL_URL" in os.environ and "PREFECT_API_URL" in os.environ

    def require_journal(self) -> None:
        """The record alone can be read wherever it is.

        Raises:
            NoStack: no stack is up here, and the process environment names no journal.
        """
        if "INCIDENT_JOURNAL_URL" not in os.environ:
            self.require_stack()

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
        self.require_journal()
        return settings.journal(environment)


def here() -> Here:
    """This folder's context."""
    home = Home.find()
    stack = Stack.find(home)
    adopt(home)
    # A journal named from outside is a stack elsewhere, and a journal here must not be paired with a Prefect there.
    if stack and "INCIDENT_JOURNAL_URL" not in os.environ:
        speak_to(stack)
    return Here(home)


def adopt(home: Home) -> None:
    """Make this process read this folder's configuration, and keep Prefect's log lines out of the terminal."""
    os.environ.setdefault("INCIDENT_CONFIG", str(home.config))
    os.environ.setdefault("INCIDENT_LAB_ENVIRONMENT", str(home.lab_environment))
    # The lines still go to the server, where the UI shows them with the run.
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")


def speak_to(stack: Stack) -> None:
    """Make this process use `stack`, whatever Prefect its shell is set up for."""
    for name in NOT_INHERITED:
        os.environ.pop(name, None)
    os.environ.update(stack.environment())
