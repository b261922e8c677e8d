"""Is exactly what was listed removed, one by one, and is nothing of anybody's taken for a leftover?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.action import Action
from tasks.docker.actions import RemoveDanglingImages, RemoveStoppedContainers
from tasks.docker.checks import GIB, check_docker_leftovers, check_unused_volumes
from tasks.docker.leftovers import leftovers
from tasks.docker.system import Docker
from tasks.model import CannotLook, Outcome, Plan, Refused, Risk, Verdict
from tests.tasks.docker.engine import Engine

CONTAINERS, IMAGES = RemoveStoppedContainers(), RemoveDanglingImages()


def targets(plan: Plan, noun: str) -> set[object]:
    return {command.target[noun] for command in plan.commands}


def done(action: Action, docker: Docker) -> tuple[Plan, Outcome]:
    plan = action.plan(docker)
    return plan, action.apply(docker, plan)


def test_it_removes_exactly_the_listed_images_one_by_one(engine: Engine, docker: Docker) -> None:
    old, older = engine.image(1, size=3 * GIB, shared=GIB), engine.image(2, size=GIB)
    named, young = engine.image(3, "app:1"), engine.image(4, days=6.9)
    used = engine.image(5)
    engine.container(1, "works", used, state="running")
    plan = IMAGES.plan(docker)
    assert [c.line for c in plan.commands] == [
        f"docker image rm --no-prune {old}  # 2.0 GiB",
        f"docker image rm --no-prune {older}  # 1.0 GiB",
    ]
    assert plan.does == "Remove 2 images without a name, built more than 7 days ago (3.0 GiB)."
    assert (plan.risk, str(plan.blast_radius)) == (Risk.MODERATE, "2 of 5 images")
    assert engine.deleted == []
    assert IMAGES.applied(docker, plan) is False
    outcome = IMAGES.apply(docker, plan)
    assert (outcome.says, outcome.complete) == ("2 images removed.", True)
    assert set(engine.images) == {named, young, used}
    # noprune: what it was built on stays.
    asked = "{'force': 'False', 'noprune': 'True'}"
    assert engine.deleted == [f"DELETE /v1.44/images/{name} {asked}" for name in (old, older)]
    assert IMAGES.applied(docker, plan) is True
    assert IMAGES.plan(docker).commands == ()


@pytest.mark.parametrize("tags", [["<none>:<none>"], ["<none>"], []])
def test_it_knows_an_image_without_a_name_by_every_engines_word(
    engine: Engine, docker: Docker, tags: list[str]
) -> None:
    one = engine.image(1, *tags)
    assert targets(IMAGES.plan(docker), "image") == {one}


def test_it_leaves_an_image_that_got_a_name_or_a_user_after_the_plan(engine: Engine, docker: Docker) -> None:
    """By its id the engine would remove a named one, too: its only name goes first."""
    named, used, left = engine.image(1), engine.image(2), engine.image(3)
    plan = IMAGES.plan(docker)
    engine.images[named]["RepoTags"] = ["app:again"]
    engine.container(1, "again", used, state="running")
    late = engine.image(4)
    outcome = IMAGES.apply(docker, plan)
    assert outcome.says == "1 image removed. 2 stayed: it has a name or is in use by now, or is gone."
    assert set(engine.images) == {named, used, late}
    assert left not in engine.images
    assert {row["image"] for row in outcome.not_done} == {named, used}


def test_it_believes_what_is_gone_more_than_a_refusal(engine: Engine, docker: Docker) -> None:
    """Podman 4.3 says that an image is in use, and has removed it."""
    gone, stays = engine.image(1), engine.image(2)
    engine.refuses = {gone: True, stays: False}
    plan, outcome = done(IMAGES, docker)
    assert outcome.says.startswith("1 image removed. 1 stayed: The engine at ")
    assert outcome.says.endswith(" says: image is in use.")
    assert [row["image"] for row in outcome.not_done] == [stays]
    assert len(plan.commands) == 2


def test_a_second_run_of_an_approved_plan_does_nothing_more(engine: Engine, docker: Docker) -> None:
    engine.image(1)
    plan, _ = done(IMAGES, docker)
    before = list(engine.deleted)
    assert IMAGES.apply(docker, plan).complete is False
    assert engine.deleted == before


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"restart": "always"}, "it is to be started again: a service"),
        ({"restart": "unless-stopped"}, "it is to be started again: a service"),
        ({"labels": {"com.docker.compose.project": "shop"}}, "it is a service of shop"),
        (
            {"labels": {"com.docker.compose.project": "shop", "com.docker.compose.oneoff": "False"}},
            "it is a service of shop",
        ),
        ({"days": 6.9}, "it stopped a short while ago"),
        ({"days": 6.9, "state": "created"}, "it stopped a short while ago"),
        ({"labels": {"com.docker.compose.project": "shop", "com.docker.compose.oneoff": "True"}}, ""),
        ({"restart": ""}, ""),
        ({"state": "created"}, ""),
        ({"state": "dead"}, ""),
    ],
)
def test_it_takes_no_service_and_nothing_recent(
    engine: Engine, docker: Docker, more: dict[str, object], why: str
) -> None:
    """4-1: `compose stop`, then a prune of containers, then one of volumes: the database is gone."""
    engine.container(1, "one", engine.image(1, "app:1"), **more)  # type: ignore[arg-type]
    [stopped] = leftovers(docker).stopped
    assert stopped.stays == why
    plan, _ = done(CONTAINERS, docker)
    assert len(plan.commands) == len(engine.deleted) == (0 if why else 1)


def test_it_removes_exactly_the_listed_containers_and_no_volume(engine: Engine, docker: Docker) -> None:
    image = engine.image(1, "app:1")
    old = engine.container(1, "import", image, volumes=["cache"], bytes=5 * 2**20)
    works = engine.container(2, "web", image, state="running")
    paused = engine.container(3, "paused", image, state="paused")
    engine.volume("pgdata", 30 * GIB, referred_to=0)
    plan = CONTAINERS.plan(docker)
    assert [c.line for c in plan.commands] == [f"docker container rm {old}  # import, 5.0 MiB"]
    assert plan.does == (
        "Remove 1 container (5.0 MiB) that ended more than 7 days ago: import. Volumes stay; of no container are: "
        "pgdata (30.0 GiB)."
    )
    assert plan.evidence[0]["volumes"] == ["cache"]
    assert CONTAINERS.apply(docker, plan).says == "1 container removed."
    assert set(engine.containers) == {works, paused}
    assert engine.deleted == [f"DELETE /v1.44/containers/{old} {{'v': 'False', 'link': 'False', 'force': 'False'}}"]
    assert [volume["Name"] for volume in engine.volumes] == ["pgdata"]


def test_it_leaves_a_container_that_ran_again_after_the_plan(engine: Engine, docker: Docker) -> None:
    image = engine.image(1, "app:1")
    again, runs = engine.container(1, "again", image), engine.container(2, "runs", image)
    plan = CONTAINERS.plan(docker)
    engine.container(1, "again", image, days=20)
    engine.containers[runs]["State"].update(Status="running", Running=True)
    outcome = CONTAINERS.apply(docker, plan)
    assert outcome.says == "No container removed. 2 stayed: it is not what was listed."
    assert set(engine.containers) == {again, runs}
    assert engine.deleted == []


def test_it_says_how_much_is_left_behind_and_judges_no_cache(engine: Engine, docker: Docker) -> None:
    engine.image(1, size=2 * GIB)
    engine.cache = [
        {"ID": "a", "InUse": False, "Shared": False, "Size": 50 * GIB},
        {"ID": "b", "InUse": True, "Shared": False, "Size": GIB},
    ]
    engine.container(1, "web", engine.image(2, "app:1"), restart="always")
    found = check_docker_leftovers.fn(docker)
    assert found.says == (
        "1 image without a name and no stopped container take 2.0 GiB (bad from 20.0 GiB). 1 stopped container stays; "
        "unused build cache takes 50.0 GiB."
    )
    assert (found.verdict, found.value) == (Verdict.WARN, 2 * GIB)


@pytest.mark.parametrize(
    ("size", "verdict"), [(2 * GIB - 1, Verdict.OK), (2 * GIB, Verdict.WARN), (20 * GIB, Verdict.BAD)]
)
def test_it_judges_by_room(engine: Engine, docker: Docker, size: int, verdict: Verdict) -> None:
    engine.image(1, size=size)
    assert check_docker_leftovers.fn(docker).verdict is verdict


def test_it_names_every_volume_of_nobody(engine: Engine, docker: Docker) -> None:
    engine.volume("small", 10, referred_to=0)
    engine.volume("pgdata", 3 * GIB, referred_to=0)
    engine.volume("used", 9 * GIB, referred_to=1)
    found = check_unused_volumes.fn(docker)
    assert found.says == "2 volumes of no container, 3.0 GiB (bad from 50.0 GiB): pgdata (3.0 GiB), small (10 bytes)."
    assert found.verdict is Verdict.WARN


def test_it_shows_a_hostile_name_on_one_line(engine: Engine, docker: Docker) -> None:
    engine.container(1, "x\n\x1b[2Jrm -rf", engine.image(1, "app:1"))
    [command] = CONTAINERS.plan(docker).commands
    assert command.line.endswith("# x [2Jrm -rf, 100 bytes")


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("version", ["1.44", "1.52", "1.41", "1.31"])
def test_it_speaks_a_version_that_both_know(engine: Engine, docker: Docker, version: str, silent: bool) -> None:
    engine.version, engine.pings_in_silence = version, silent
    leftovers(docker)
    spoken = min(version, "1.44")
    assert f"GET /v{spoken}/system/df" in engine.asked


def test_it_says_that_an_engine_is_too_old(engine: Engine, docker: Docker) -> None:
    engine.version = "1.30"
    with pytest.raises(Refused, match=r"speaks version 1\.30; 1\.31 is the oldest we know"):
        leftovers(docker)


def test_it_says_that_nobody_answers(tmp_path: Path) -> None:
    gone = Docker(socket=tmp_path / "none.sock")
    with pytest.raises(CannotLook, match="No engine answers at"):
        leftovers(gone)
    assert [found.verdict for found in gone.examine()] == [Verdict.BAD]


def test_doctor_tells_the_engines_version(docker: Docker) -> None:
    assert [found.says for found in docker.examine()] == [f"The engine at {docker.socket} answers: 28.2.2."]


def test_it_refuses_what_is_no_answer_of_an_engine(engine: Engine, docker: Docker) -> None:
    engine.images["x"] = {"Id": "x", "Size": "many"}
    with pytest.raises(Refused, match=r"does not speak as a Docker engine: Images\.0\."):
        leftovers(docker)


@pytest.mark.parametrize("name", ["app:1", "../../volumes/pgdata", "sha256:xyz", ""])
def test_it_asks_only_by_ids(docker: Docker, engine: Engine, name: str) -> None:
    with pytest.raises(Refused, match="is no id"):
        docker.remove_image(name)
    assert engine.deleted == []
