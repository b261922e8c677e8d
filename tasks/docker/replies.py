"""What the Engine API tells, as far as we need it. Its names; what else it tells is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_pascal

# Compose's own marks: of which project a container is, of which of its services, and whether it ran for one task only.
PROJECT, SERVICE = "com.docker.compose.project", "com.docker.compose.service"
ONE_OFF = "com.docker.compose.oneoff"
# The engine's word for "never": a container that was made and not started has not finished either.
NEVER = 1
# It says null where it has none.
Names = Annotated[Sequence[str], BeforeValidator(lambda given: given or ())]
# Podman leaves the algorithm out here, and takes an id without it for a name.
ImageId = Annotated[str, BeforeValidator(lambda given: f"sha256:{str(given).removeprefix('sha256:')}")]
Labels = Annotated[Mapping[str, str], BeforeValidator(lambda given: given or {})]


def _to_the_microsecond(given: Any) -> Any:
    """The engine counts nanoseconds, of which Python takes no more than six digits."""
    if not isinstance(given, str) or "." not in given:
        return given
    whole, _, rest = given.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    return f"{whole}.{digits[:6]}{rest[len(digits) :]}"


Moment = Annotated[datetime, BeforeValidator(_to_the_microsecond)]


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_pascal)


class Image(_Reply):
    """An image in `GET /system/df`; sizes in bytes, -1 where the engine did not count."""

    id: ImageId
    repo_tags: Names = ()
    repo_digests: Names = ()
    created: int
    size: int
    shared_size: int = -1
    containers: int = -1

    @property
    def dangling(self) -> bool:
        """Does no name seem to lead to it, and no container use it? Podman tells parts of names here."""
        return all(tag.startswith("<none>") for tag in self.repo_tags) and self.containers <= 0

    @property
    def own_size(self) -> int:
        """What goes when it goes: layers that others share stay."""
        return self.size - max(self.shared_size, 0)


class Volume(_Reply):
    """A volume in `GET /system/df`."""

    class Usage(_Reply):
        """Its size in bytes, and how many containers refer to it; -1 where that is not known."""

        size: int = -1
        ref_count: int = -1

    name: str
    usage_data: Usage | None = None

    @property
    def bytes(self) -> int:
        return max(self.usage_data.size, 0) if self.usage_data else 0

    @property
    def unused(self) -> bool:
        return self.usage_data is not None and self.usage_data.ref_count == 0


class Cached(_Reply):
    """A record of the build cache in `GET /system/df`."""

    in_use: bool = False
    shared: bool = False
    size: int = 0


class Summary(_Reply):
    """A container in `GET /system/df`; `size_rw` is what it wrote, in bytes."""

    id: str
    state: str = ""
    size_rw: int = 0
    image_id: ImageId = Field(default="", alias="ImageID")


class Usage(_Reply):
    """`GET /system/df`."""

    images: Annotated[Sequence[Image], BeforeValidator(lambda given: given or ())] = ()
    containers: Annotated[Sequence[Summary], BeforeValidator(lambda given: given or ())] = ()
    volumes: Annotated[Sequence[Volume], BeforeValidator(lambda given: given or ())] = ()
    build_cache: Annotated[Sequence[Cached], BeforeValidator(lambda given: given or ())] = ()


class Listed(_Reply):
    """A container in `GET /containers/json`."""

    id: str


class Container(_Reply):
    """`GET /containers/{id}/json`."""

    class State(_Reply):
        """What it does, since when, and how it ended before that."""

        class Health(_Reply):
            """By its own check: `healthy`, `unhealthy`, `starting`; empty or `none` where it has no such check."""

            class Probe(_Reply):
                """One answer of it."""

                exit_code: int = 0
                output: str = ""

            status: str = ""
            failing_streak: int = 0
            log: Annotated[Sequence[Probe], BeforeValidator(lambda given: given or ())] = ()

        status: str
        running: bool = False
        restarting: bool = False
        paused: bool = False
        # Podman 4.3 leaves it false, also where the kernel did it.
        oom_killed: bool = Field(default=False, alias="OOMKilled")
        exit_code: int = 0
        error: str = ""
        started_at: Moment | None = None
        finished_at: Moment | None = None
        health: Annotated[Health, BeforeValidator(lambda given: given or {})] = Health()

    class MadeOf(_Reply):
        """Who made it, above all."""

        image: str = ""
        labels: Labels = Field(default_factory=dict)
        # Seconds it is given to stop in; the engine's own ten where that is not said.
        stop_timeout: int | None = None

    class HostConfig(_Reply):
        """What it may use, and what becomes of it when it ends. Bytes, and billionths of a processor; 0: no limit."""

        class RestartPolicy(_Reply):
            """`no`, or empty: nothing."""

            name: str = ""

        restart_policy: RestartPolicy = RestartPolicy()
        memory: int = 0
        nano_cpus: int = 0

    class Mount(_Reply):
        """What it stores elsewhere."""

        type: str = ""
        name: str = ""

    id: str
    name: str
    created: Moment
    image: ImageId = ""
    restart_count: int = 0
    state: State
    config: MadeOf = MadeOf()
    host_config: HostConfig = HostConfig()
    mounts: Annotated[Sequence[Mount], BeforeValidator(lambda given: given or ())] = ()

    @property
    def service(self) -> str:
        """What compose calls it; by its own name where it does not."""
        return self.config.labels.get(SERVICE) or self.name.removeprefix("/")

    @property
    def one_off(self) -> bool:
        """Did it run for one task only (`compose run`)?"""
        return self.config.labels.get(ONE_OFF, "").lower() == "true"

    @property
    def began_at(self) -> datetime | None:
        """When it was started last; None: never."""
        began = self.state.started_at
        return began.astimezone(UTC) if began and began.year > NEVER else None

    @property
    def stopped_at(self) -> datetime:
        """Since when it does nothing: since it ended, or since it was made where it never began."""
        ended = self.state.finished_at
        return (ended if ended and ended.year > NEVER else self.created).astimezone(UTC)

    @property
    def volumes(self) -> list[str]:
        """The volumes it refers to, by name."""
        return sorted(mount.name for mount in self.mounts if mount.type == "volume")


class Stats(_Reply):
    """`GET /containers/{id}/stats`, which the engine reads off the container's control group."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=None)

    class Memory(BaseModel):
        """Bytes; `limit` is the machine's memory where the container has none of its own."""

        usage: int = 0
        limit: int = 0
        stats: Annotated[Mapping[str, int], BeforeValidator(lambda given: given or {})] = Field(default_factory=dict)

    class Processor(BaseModel):
        """Of all periods in which it wanted to work, those in which its limit stopped it; since it was started."""

        class Throttling(BaseModel):
            periods: int = 0
            throttled_periods: int = 0

        throttling_data: Throttling = Throttling()

    class Processes(BaseModel):
        current: int = 0

    memory_stats: Memory = Memory()
    cpu_stats: Processor = Processor()
    pids_stats: Processes = Processes()

    @property
    def memory_used(self) -> int:
        """Without file contents that are given back when somebody needs the room, as `docker stats` shows it.

        Version 1 of control groups has another word for them than version 2; Podman tells neither.
        """
        told = self.memory_stats.stats
        cached = told.get("total_inactive_file", told.get("inactive_file", 0))
        return max(self.memory_stats.usage - cached, 0)


class ImageDetail(_Reply):
    """`GET /images/{id}/json`."""

    repo_tags: Names = ()
    repo_digests: Names = ()

    @property
    def named(self) -> bool:
        """Does a name lead to it?"""
        return any(not tag.startswith("<none>") for tag in self.repo_tags)
