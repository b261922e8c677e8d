"""Remove what Docker left behind: what was listed, one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tasks import deadline
from tasks.action import Action
from tasks.amounts import size
from tasks.docker.leftovers import Stopped, leftovers, names, shown_image
from tasks.docker.system import Docker
from tasks.model import BlastRadius, Command, NoWayBack, Outcome, Plan, Refused, Risk, Row
from tasks.postgres.words import count


class RemoveStoppedContainers(Action):
    """Remove one-off containers that ended long ago.

    One by one, each only while it is the container that was listed and still does not run. Their volumes stay, also
    those without a name; services stay, stopped or not.
    """

    undo = NoWayBack(loses="Their logs, and what they wrote outside of volumes.")
    narrows = True

    def plan(self, docker: Docker) -> Plan:
        now = leftovers(docker)
        kept = [one for one in now.stopped if one.stays]
        lost = sum(one.bytes for one in now.going)
        unused = f" Volumes stay; of no container are: {names(now.volumes)}." if now.volumes else " Volumes stay."
        return Plan(
            does=f"Remove {count(len(now.going), 'container')} ({size(lost)}) that ended more than "
            f"{docker.older_than_days} days ago: {', '.join(one.name for one in now.going)}.{unused}"
            if now.going
            else "Nothing to remove: no one-off container ended so long ago.",
            commands=tuple(_removed(one) for one in now.going),
            blast_radius=BlastRadius(touched=len(now.going), total=now.containers_in_all, noun="containers"),
            risk=Risk.MODERATE,
            loses=self.undo.loses,
            evidence=[*(one.shown for one in now.going), *(one.shown for one in kept)],
            language="sh",
        )

    def apply(self, docker: Docker, plan: Plan) -> Outcome:
        may_go = {_target(one)["container"]: _target(one) for one in leftovers(docker).going}
        return _one_by_one(
            plan,
            lambda target: "" if may_go.get(target["container"]) == target else "it is not what was listed",
            lambda target: docker.remove_container(str(target["container"])),
            lambda target: docker.container(str(target["container"])) is not None,
            "container",
        )

    def applied(self, docker: Docker, plan: Plan) -> bool | None:
        return not any(docker.container(str(command.target["container"])) for command in plan.commands)


class RemoveDanglingImages(Action):
    """Remove images that no name leads to and no container uses.

    One by one, each only while that is still so. Nothing that has a name is removed, however old.
    """

    undo = NoWayBack(loses="The images: what is wanted again is built or pulled again, if it still can be.")
    narrows = True

    def plan(self, docker: Docker) -> Plan:
        now = leftovers(docker)
        return Plan(
            does=f"Remove {count(len(now.images), 'image')} without a name, built more than {docker.older_than_days} "
            f"days ago ({size(sum(one.own_size for one in now.images))})."
            if now.images
            else "Nothing to remove: no image without a name is so old.",
            commands=tuple(
                Command(line=f"docker image rm --no-prune {one.id}  # {size(one.own_size)}", target={"image": one.id})
                for one in now.images
            ),
            blast_radius=BlastRadius(touched=len(now.images), total=now.images_in_all, noun="images"),
            # What ran until the last deployment is among them: the way back from it, if that was seldom.
            risk=Risk.MODERATE,
            loses=self.undo.loses,
            evidence=[shown_image(one) for one in now.images],
            language="sh",
        )

    def apply(self, docker: Docker, plan: Plan) -> Outcome:
        may_go = {one.id for one in leftovers(docker).images}

        def why_not(target: Row) -> str:
            # Asked again, one by one: by its id the engine would also remove what got a name meanwhile.
            there = docker.image(str(target["image"])) if target["image"] in may_go else None
            return "" if there and not there.named else "it has a name or is in use by now, or is gone"

        return _one_by_one(
            plan,
            why_not,
            lambda target: docker.remove_image(str(target["image"])),
            lambda target: docker.image(str(target["image"])) is not None,
            "image",
        )

    def applied(self, docker: Docker, plan: Plan) -> bool | None:
        return not any(docker.image(str(command.target["image"])) for command in plan.commands)


def _one_by_one(
    plan: Plan, why_not: Callable[[Row], str], remove: Callable[[Row], None], there: Callable[[Row], bool], noun: str
) -> Outcome:
    rows: list[Row] = []
    left: list[Row] = []
    for command in plan.commands:
        why = "no time was left" if deadline.is_over() else why_not(command.target)
        if not why:
            try:
                remove(command.target)
            except Refused as error:
                # Podman 4.3 says that an image is in use, and has removed it.
                why = error.says if there(command.target) else ""
        if why:
            left.append(command.target)
        rows.append({noun: command.target[noun], "became": why or "removed"})
    done = len(plan.commands) - len(left)
    stayed = f" {len(left)} stayed: {_whys(rows)}." if left else ""
    return Outcome(says=f"{count(done, noun)} removed.{stayed}", complete=not left, rows=rows, not_done=left)


def _whys(rows: Sequence[Row]) -> str:
    whys = dict.fromkeys(str(row["became"]).rstrip(".") for row in rows if row["became"] != "removed")
    return "; ".join([*whys][:3])


def _removed(one: Stopped) -> Command:
    line = f"docker container rm {one.container.id}  # {one.name}, {size(one.bytes)}"
    return Command(line=line, target=_target(one))


def _target(one: Stopped) -> Row:
    # When it stopped is part of it: a container that ran again meanwhile is another matter.
    return {"container": one.container.id, "stopped": one.container.stopped_at.isoformat()}
