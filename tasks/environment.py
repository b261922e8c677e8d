"""Environment: the systems, people and limits of one place."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from tasks.model import Refused, Threshold
from tasks.objective import Objective, named_apart
from tasks.parameters import systems_of, thresholds_of
from tasks.quiet import QuietHours
from tasks.roster import Approver, Role
from tasks.system import System, Unusable


class Kind(enum.StrEnum):
    """What an environment is for. Faults run in staging and lab, never in production."""

    PRODUCTION = "production"
    STAGING = "staging"
    LAB = "lab"


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: `Europe` is a folder of zones
        raise ValueError(f"{name!r} is no IANA time zone; write one like 'Europe/Berlin'") from error
    return name


TimeZone = Annotated[str, AfterValidator(_zone)]


class Measured(BaseModel):
    """What is judged by numbers in one place: limits that differ from the declared ones, and what is promised."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time_zone: TimeZone = "UTC"
    thresholds: Mapping[str, Mapping[str, Threshold]] = Field(default_factory=dict)
    objectives: Annotated[tuple[Objective, ...], AfterValidator(named_apart)] = ()


class Environment(Measured):
    """The systems of one place, who may approve changes there, and how its limits differ from the declared ones."""

    name: str
    kind: Kind
    approvers: Mapping[str, Approver] = Field(default_factory=dict)
    systems: Mapping[str, System] = Field(default_factory=dict)
    # How long a person has to answer. An hour covers the whole escalation ladder (on-call, senior, manager).
    approval_expires_s: float = Field(default=3600, gt=0)
    # How old what was seen may be when a step is begun; after that, only exactly what was shown is done. The ladder's
    # first rung is 15 minutes long: whoever answers later was not looking when it was asked.
    evidence_expires_s: float = Field(default=900, gt=0)
    # How people of a role are told: Apprise addresses (mailto://…, slack://…), which hold secrets.
    routes: Mapping[Role, tuple[SecretStr, ...]] = Field(default_factory=dict)
    # Minutes after which a role is told that a step waits, by severity, where they differ from ours.
    escalation: Mapping[Literal["P0", "P1", "P2", "P3"], Mapping[Role, Annotated[float, Field(ge=0)]]] = Field(
        default_factory=dict
    )
    # How many different people a plan takes, by its risk. Stricter than ours counts; looser does not.
    people: Mapping[Literal["low", "moderate", "high"], Annotated[int, Field(ge=1, le=5)]] = Field(default_factory=dict)
    # The roles that may approve a plan, by its risk, where they are fewer than ours; others do not count.
    approve_roles: Mapping[Literal["low", "moderate", "high"], Annotated[frozenset[Role], Field(min_length=1)]] = Field(
        default_factory=dict
    )
    # False: whoever asked for an incident approves none of its steps, and where nobody knows who asked, it takes one
    # more. Not so by itself: in a team of two or three nothing could be approved at night.
    requester_may_approve: bool = True
    # Watches that are not asked here, each as SLUG/CHECK. A whole round is paused in Prefect, by its schedule.
    paused_watches: frozenset[str] = frozenset()
    # In these a watch's BAD answer opens nothing, if what it opens is of that severity; afterwards it does. Never P0.
    # What a budget's slow burn would tell (flows/keepers/burn.py) waits as P2 does.
    quiet_hours: Mapping[Literal["P1", "P2", "P3"], QuietHours] = Field(default_factory=dict)
    # E-mail addresses are personal data: in the record and all that is made from it they are masked.
    mask_emails: bool = False
    # The most that maintenance may do here without asking, where that is less than it declares.
    unattended_risk: Literal["none", "low", "moderate"] | None = None
    # Rehearsals wait less: the lab has no slow caches to settle. Refused elsewhere.
    verification_hold_s: float | None = Field(default=None, ge=0)

    def model_post_init(self, _context: object, /) -> None:
        if self.kind is not Kind.LAB and self.verification_hold_s is not None:
            raise ValueError(f"verification_hold_s is for the lab only; {self.name} is {self.kind}")
        drills = [name for name, approver in self.approvers.items() if approver.drill]
        if self.kind is Kind.PRODUCTION and drills:
            raise ValueError(f"approver {drills[0]!r} is a drill approver; production takes people only")

    @property
    def kinds(self) -> tuple[type[System], ...]:
        """What its systems are."""
        return tuple(type(system) for system in self.systems.values())

    def supply(self, fn: Callable[..., object]) -> dict[str, System]:
        """The systems `fn` asks for by the types of its parameters.

        Raises:
            Refused: one is not configured, or several fit and none is named like the parameter.
        """
        return {name: self._one(name, wanted) for name, wanted in systems_of(fn).items()}

    def limits(self, check: str, fn: Callable[..., object]) -> dict[str, Threshold]:
        """This environment's own limits for the question `check`, as far as `fn` takes them by name."""
        return {k: v for k, v in self.thresholds.get(check, {}).items() if k in thresholds_of(fn)}

    def _one(self, parameter: str, wanted: type[System]) -> System:
        fitting = {name: s for name, s in self.systems.items() if isinstance(s, wanted)}
        if parameter in fitting:
            return fitting[parameter]
        # Not another one in its place: it may be of a kind of its own that would fit.
        if isinstance(unusable := self.systems.get(parameter), Unusable):
            raise Refused(unusable.says)
        if len(fitting) == 1:
            return next(iter(fitting.values()))
        if fitting:
            raise Refused(
                f"{self.name} has several {wanted.kind} systems ({', '.join(fitting)}) and none is called {parameter}.",
                remedy=f"Name one of them {parameter!r} in [environments.{self.name}.systems].",
            )
        # Under its kind, so that the lines need no `type`: the only one of its kind fits every parameter.
        table = f"[environments.{self.name}.systems.{wanted.kind}]"
        raise Refused(
            f"{self.name} has no {wanted.kind} configured.",
            remedy=f"Add to environments.toml:\n\n{table}\n{wanted.config_lines}",
        )
