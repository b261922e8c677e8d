"""What Docker left behind: which of it may go, which stays, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tasks import deadline
from tasks.amounts import size
from tasks.docker.replies import PROJECT, Cached, Container, Image, Volume
from tasks.docker.system import Docker
from tasks.excerpt import excerpt
from tasks.model import Row

NOT_RUNNING = ("exited", "dead", "created")
NO_RESTART = ("", "no")


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """A container that does not run, with what it wrote; `stays` says why it is not removed, if it is not."""

    container: Container
    bytes: int
    stays: str

    @property
    def name(self) -> str:
        return excerpt(self.container.name.removeprefix("/"), 100)

    @property
    def shown(self) -> Row:
        """As a row of evidence."""
        one = self.container
        return {
            "container": self.name,
            "image": excerpt(one.config.image, 100),
            "stopped": one.stopped_at.isoformat(timespec="seconds"),
            "exit_code": one.state.exit_code,
            "bytes": self.bytes,
            "volumes": [excerpt(volume, 100) for volume in one.volumes],
            **({"stays": self.stays} if self.stays else {}),
        }


@dataclass(frozen=True, kw_only=True)
class Leftovers:
    """All of it. `images` and `going` may go; the rest is told."""

    images: Sequence[Image]
    stopped: Sequence[Stopped]
    cache: Sequence[Cached]
    volumes: Sequence[Volume]
    images_in_all: int
    containers_in_all: int

    @property
    def going(self) -> list[Stopped]:
        return [one for one in self.stopped if not one.stays]

    @property
    def bytes(self) -> int:
        return sum(image.own_size for image in self.images) + sum(one.bytes for one in self.going)


def leftovers(docker: Docker) -> Leftovers:
    """What there is now.

    Raises:
        CannotLook, Refused: the engine does not tell.
    """
    used = docker.usage()
    before = deadline.now() - timedelta(days=docker.older_than_days)
    stopped = []
    for summary in used.containers:
        if summary.state in NOT_RUNNING and (one := docker.container(summary.id)):
            stopped.append(Stopped(container=one, bytes=max(summary.size_rw, 0), stays=_stays(one, before)))
    taken = {summary.image_id for summary in used.containers}
    old = [one for one in used.images if datetime.fromtimestamp(one.created, UTC) < before and one.id not in taken]
    images = [one for one in old if one.dangling and (there := docker.image(one.id)) and not there.named]
    return Leftovers(
        images=sorted(images, key=lambda one: (-one.own_size, one.id)),
        stopped=sorted(stopped, key=lambda one: (one.container.stopped_at, one.container.id)),
        cache=[one for one in used.build_cache if not one.in_use and not one.shared],
        volumes=sorted((one for one in used.volumes if one.unused), key=lambda one: (-one.bytes, one.name)),
        images_in_all=len(used.images),
        containers_in_all=len(used.containers),
    )


def shown_image(image: Image) -> Row:
    """An image as a row of evidence."""
    at = datetime.fromtimestamp(image.created, UTC).isoformat()
    was = [excerpt(name.partition("@")[0], 100) for name in image.repo_digests]
    return {"image": image.id, "built": at, "bytes": image.own_size, "was": [name for name in was if name != "<none>"]}


def names(volumes: Sequence[Volume]) -> str:
    """Every volume by its name, with its size."""
    return ", ".join(f"{excerpt(one.name, 100)} ({size(one.bytes)})" for one in volumes)


def _stays(one: Container, before: datetime) -> str:
    if one.state.status not in NOT_RUNNING:
        return "it runs by now"
    if one.host_config.restart_policy.name not in NO_RESTART:
        return "it is to be started again: a service"
    # A service's container stands stopped because somebody stopped it; a one-off has done its work.
    if PROJECT in one.config.labels and not one.one_off:
        return f"it is a service of {excerpt(one.config.labels[PROJECT], 60)}"
    return "" if one.stopped_at < before else "it stopped a short while ago"
