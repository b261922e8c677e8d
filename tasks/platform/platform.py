"""What can be asked of whoever runs an application for us: what was deployed there, and the way back to it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from pydantic import Field

from tasks.model import CannotLook
from tasks.system import System


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One version as it was put into service, by the platform's own id."""

    id: str
    # What people call it: a release, a commit, an image.
    version: str
    at: datetime  # when it was deployed, in UTC
    by: str = ""
    # All that is asked goes there now.
    live: bool = False
    # It was ready once, and the platform takes it as a way back.
    returnable: bool = True
    # Why it never served, in the platform's words.
    failed: str = ""
    # It is being built, or waits for that.
    under_way: bool = False


class Platform(System):
    """Where an application is deployed, version after version."""

    # What stays as it is when an older version serves again, in a sentence.
    keeps: ClassVar[str] = (
        "Data, schema, settings and secrets stay as they are now: an older version has to get on with them."
    )

    # Versions made ill on purpose and put nowhere yet, by what is wrong with them (errors, slow, hangs): the ids by
    # which `serve` takes them. For drills, never in production.
    drill_versions: Mapping[str, str] = Field(default_factory=dict)

    @property
    @abstractmethod
    def address(self) -> str:
        """The application there, for people."""

    @abstractmethod
    def deployments(self) -> Sequence[Deployment]:
        """Those within reach, newest first; of a long history only the newest.

        Raises:
            CannotLook, Refused: it does not tell.
        """

    @abstractmethod
    def line(self, deployment_id: str) -> str:
        """The request or command that makes this deployment serve, as a person would send it."""

    @abstractmethod
    def serve(self, deployment_id: str) -> None:
        """Let this deployment serve again. It is taken when this returns, and may need a while to be live.

        Raises:
            Refused: it says no. CannotLook: it does not answer, and may have done it.
        """

    def live(self) -> Deployment:
        """What serves now.

        Raises:
            CannotLook, Refused: it does not tell, or nothing serves, or two versions share what is asked.
        """
        serving = [one for one in self.deployments() if one.live]
        if len(serving) != 1:
            raise CannotLook(f"{self.address}: {len(serving)} of the newest deployments serve, and not one.")
        return serving[0]


# What is said when no kind is configured. Set afterwards: a class that is born with a kind can be configured.
Platform.kind = "platform"
Platform.config_lines = """\
# Who runs the application, one of: vercel, cloudflare-worker, docker-service
type = "vercel"
token = "${VERCEL_TOKEN}"
project = "web\""""
