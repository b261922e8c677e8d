"""Is it told which image serves and since when, and refused, with the way by hand, what cannot be done exactly?"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tasks.docker.system import Docker
from tasks.docker_service.system import DockerService
from tasks.model import Refused, Verdict
from tasks.platform.actions import RollBack
from tasks.platform.checks import check_deployments
from tests.tasks.docker.engine import Engine, running


@pytest.fixture
def engine() -> Iterator[Engine]:
    with tempfile.TemporaryDirectory(prefix="engine-") as folder, running(Path(folder) / "docker.sock") as engine:
        yield engine


@pytest.fixture
def platform(engine: Engine) -> DockerService:
    return DockerService(service="web", docker=Docker(socket=engine.socket, project="shop"))


def image(engine: Engine, number: int, days: float, *tags: str, repository: str = "registry:5000/app") -> str:
    name = engine.image(number, *tags, days=days)
    engine.images[name]["RepoDigests"] = [f"{repository}@sha256:{number:064x}"]
    return name


def serve(engine: Engine, image_id: str, *, number: int = 1, minutes: float = 10, **more: str) -> str:
    told = engine.service(number, "web", **more)  # type: ignore[arg-type]
    made = datetime.now(UTC) - timedelta(minutes=minutes)
    engine.containers[told] |= {"Image": image_id, "Created": made.strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
    engine.containers[told]["Config"]["Image"] = "registry:5000/app:latest"
    return told


def test_it_knows_what_serves_since_when_and_what_served_before(engine: Engine, platform: DockerService) -> None:
    older, before = image(engine, 1, 9, "<none>:<none>"), image(engine, 2, 5, "<none>:<none>")
    now = image(engine, 3, 0.5, "registry:5000/app:latest")
    image(engine, 4, 4, "postgres:15", repository="postgres")
    # Pulled, and put nowhere yet: there is nothing in it to go back to.
    newer = image(engine, 5, 0.001, "registry:5000/app:next")
    serve(engine, now)
    found = platform.deployments()
    assert [one.id for one in found] == [newer, now, before, older]
    assert [one.live for one in found] == [False, True, False, False]
    assert [one.returnable for one in found] == [False, False, True, True]
    assert platform.live().version == "registry:5000/app:latest (000000000000)"
    # Deployed ten minutes ago, however long ago it was built.
    told = check_deployments.fn(platform)
    assert "deployed 10 minutes ago, not an hour ago" in told.says
    assert [one.verdict for one in platform.examine()] == [Verdict.OK]


def test_it_says_why_it_does_not_go_back_itself_and_how_a_person_does(engine: Engine, platform: DockerService) -> None:
    """4-16: by its digest, pulling nothing; 4-17: without its neighbours; 4-19: a new container, not a restart."""
    before, now = image(engine, 1, 9), image(engine, 2, 1, "registry:5000/app:latest")
    serve(engine, now)
    asked = len(engine.asked)
    for refused in (lambda: RollBack().plan(platform), lambda: platform.serve(before)):
        with pytest.raises(Refused, match="defaults of the newer image would be kept") as told:
            refused()
        assert told.value.remedy.startswith(
            f"By hand, with compose, which knows the file: write image: registry:5000/app@sha256:{1:064x} into the "
            "service web, then docker compose -p shop up -d --no-deps web. "
        )
    assert all(one.startswith("GET ") for one in engine.asked[asked:])


def test_it_does_not_guess_where_two_images_serve_or_none(engine: Engine, platform: DockerService) -> None:
    with pytest.raises(Refused, match="no container is there"):
        platform.live()
    serve(engine, image(engine, 1, 9, "registry:5000/app:1"))
    serve(engine, image(engine, 2, 1, "registry:5000/app:2"), number=2, name="shop-web-2")
    with pytest.raises(Refused, match="2 images serve"):
        platform.live()


def test_it_knows_what_serves_though_its_image_is_gone(engine: Engine, platform: DockerService) -> None:
    serve(engine, f"sha256:{7:064x}")
    assert [(one.id, one.live) for one in platform.deployments()] == [(f"sha256:{7:064x}", True)]


def test_nothing_is_there_to_go_back_to(engine: Engine, platform: DockerService) -> None:
    serve(engine, image(engine, 1, 1, "registry:5000/app:latest"))
    plan = RollBack().plan(platform)
    assert (plan.commands, "no version before" in plan.does) == ((), True)
