"""The door to an application that is a service of a compose project: which image serves, and which are there besides.

It looks, and changes nothing. A container keeps its image for life: another image is another container, and only
compose makes that one as it should be. What the engine tells of a container mixes what its image sets by default
(variables, command, health check) with what compose's file sets, so one that was rebuilt from it would carry the newer
image's defaults into the older image; nameless volumes and what Podman adds of its own would be lost or made twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import ClassVar, NoReturn

from pydantic import Field

from tasks.docker.replies import Container, Image
from tasks.docker.services.looked import runs
from tasks.docker.system import Docker
from tasks.excerpt import excerpt
from tasks.model import Finding, Refused, Verdict
from tasks.platform.platform import Deployment, Platform

NEWEST = 20
# Of a digest, as `docker images --digests` is compared by people.
SHORT = 12


class DockerService(Platform):
    """One service of a compose project, deployed by making its container anew from a newer image."""

    kind: ClassVar[str] = "docker-service"
    config_lines: ClassVar[str] = 'service = "web"\ndocker = { project = "shop" }'

    service: str = Field(min_length=1)
    docker: Docker

    @property
    def address(self) -> str:
        return f"{self.docker.project}/{self.service}"

    def deployments(self) -> Sequence[Deployment]:
        """What serves, since its container was made; and older and newer images of the same repository, since they were
        built, for nobody keeps when they served. To go back to are those built before what serves.
        """
        live = self._serving()
        images = [one for one in self.docker.images() if one.id == live.image or _repository(live) in _names(one)]
        built = next((one.created for one in images if one.id == live.image), None)
        found = [
            Deployment(
                id=one.id,
                version=_version(one, _repository(live)),
                at=live.created.astimezone(UTC) if one.id == live.image else datetime.fromtimestamp(one.created, UTC),
                live=one.id == live.image,
                returnable=built is not None and one.created < built,
            )
            for one in images
        ]
        if built is None:
            # Its image was removed below it.
            at = live.created.astimezone(UTC)
            found.append(Deployment(id=live.image, version=excerpt(live.config.image, 100), at=at, live=True))
        return sorted(found, key=lambda one: one.at, reverse=True)[:NEWEST]

    def line(self, deployment_id: str) -> str:
        self._by_hand(deployment_id)

    def serve(self, deployment_id: str) -> None:
        self._by_hand(deployment_id)

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        live = self._serving()
        image = excerpt(live.config.image, 100)
        yield Finding(
            verdict=Verdict.OK, says=f"{self.address}: {image} serves, made {live.created:%Y-%m-%d %H:%M} UTC."
        )

    def _serving(self) -> Container:
        found = [one for one in self.docker.containers() if one.service == self.service]
        images = {one.image for one in found if runs(one)} or {one.image for one in found}
        if len(images) != 1:
            many = f"{len(images)} images serve" if images else "no container is there"
            raise Refused(f"{self.address}: {many}, and what to return from is not clear.")
        return max((one for one in found if one.image in images), key=lambda one: one.created)

    def _by_hand(self, image: str) -> NoReturn:
        there = next((one for one in self.docker.images() if one.id == image), None)
        repository = _repository(self._serving())
        name = next((one for one in there.repo_digests if one.startswith(f"{repository}@")), None) if there else None
        pinned = name or image
        raise Refused(
            f"{self.address}: the engine cannot give a container another image, and one that is rebuilt from what it "
            "tells is not the same: defaults of the newer image would be kept.",
            remedy=f"By hand, with compose, which knows the file: write image: {excerpt(pinned, 150)} into the service "
            f"{self.service}, then docker compose -p {self.docker.project} up -d --no-deps {self.service}. Nothing is "
            "pulled, and no neighbour is touched. Keep the digest in the file until what was deployed last is mended.",
        )


def _repository(one: Container) -> str:
    """`registry:5000/app` of `registry:5000/app:1.2@sha256:…`."""
    name = one.config.image.partition("@")[0]
    head, slash, tail = name.rpartition("/")
    return f"{head}{slash}{tail.partition(':')[0]}"


def _names(one: Image) -> set[str]:
    """The repositories whose names lead to it, or did."""
    tags = {name.rpartition(":")[0] for name in one.repo_tags}
    return {*tags, *(name.partition("@")[0] for name in one.repo_digests)} - {"<none>", ""}


def _version(one: Image, repository: str) -> str:
    tag = next((name for name in one.repo_tags if name.startswith(f"{repository}:")), repository)
    digest = next((name for name in one.repo_digests if name.startswith(f"{repository}@")), one.id)
    return excerpt(f"{tag} ({digest.rpartition(':')[2][:SHORT]})", 120)
