"""A way to make a stack ill that was given for it."""

from __future__ import annotations

from tasks.docker.services.actions import STOP_WITHIN_S
from tasks.docker.services.looked import runs
from tasks.docker.system import Docker
from tasks.fault import Fault
from tasks.model import Refused


class StopContainer(Fault):
    """Stop a service's container."""

    def cause(self, docker: Docker) -> tuple[Docker, str]:
        wanted = docker.drill_service
        if wanted is None:
            raise Refused(
                "No service of this stack may be stopped in drills.",
                remedy='drill_service = "worker"  # in lab and staging only',
            )
        found = [one for one in docker.containers() if one.service == wanted and runs(one)]
        if not found:
            raise Refused(f"No container of the service {wanted} runs that could be stopped.")
        docker.stop(found[0].id, STOP_WITHIN_S)
        return docker, found[0].id

    def cure(self, trouble: tuple[Docker, str]) -> None:
        docker, name = trouble
        there = docker.container(name)
        if there is not None and not runs(there):
            docker.start(name)
