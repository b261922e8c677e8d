"""Deploy a version that is ill, by the platform's own API, and return to the one before."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

from tasks.fault import Fault
from tasks.model import CannotLook, Refused
from tasks.platform.actions import POLL_S, SERVES_WITHIN_S
from tasks.platform.platform import Platform

Ill = Literal["errors", "slow", "hangs"]
TITLES: dict[Ill, str] = {
    "errors": "Deploy a version of which some answers are errors",
    "slow": "Deploy a version that is slow",
    "hangs": "Deploy a version that never answers",
}


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """Where a bad version was put into service, and the id of the one that served before."""

    platform: Platform
    before: str


class DeployBadVersion(Fault):
    """Deploy a version that is ill. Which ones there are, `drill_versions` says."""

    def __init__(self, ill: Ill) -> None:
        self.ill = ill

    @property
    def title(self) -> str:
        return TITLES[self.ill]

    def cause(self, platform: Platform) -> Deployed:
        bad = platform.drill_versions.get(self.ill)
        if bad is None:
            raise Refused(
                f"{platform.address} has no version that is ill in this way: {self.ill}.",
                remedy=f'drill_versions = {{ {self.ill} = "ID" }}  # in lab and staging only',
            )
        trouble = Deployed(platform=platform, before=platform.live().id)
        _serve(platform, bad)
        return trouble

    def cure(self, trouble: Deployed) -> None:
        if trouble.platform.live().id != trouble.before:
            _serve(trouble.platform, trouble.before)


def _serve(platform: Platform, deployment_id: str) -> None:
    platform.serve(deployment_id)
    until = time.monotonic() + SERVES_WITHIN_S
    while platform.live().id != deployment_id:
        if time.monotonic() > until:
            raise CannotLook(f"{platform.address}: {deployment_id} does not serve after {SERVES_WITHIN_S:g} s.")
        time.sleep(POLL_S)
