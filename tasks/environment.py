"""Environments and their systems: `environments.toml` becomes typed objects, or an error that names file and key.

A system is a typed door to one thing; an environment holds the systems, people and limits of one place.
Secrets are written `${NAME}` and come from the process environment; only the environment that is asked for is
resolved, so a laptop without production's secrets can still use the lab.
"""

from __future__ import annotations

import enum
import inspect
import os
import string
import tomllib
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError
from rapidfuzz import process

from tasks.model import Finding, Refused, Threshold
from tasks.roster import Approver, Role


class InvalidConfig(Exception):
    """The configuration cannot be used; the message names the file, the key and the cure."""


class System(BaseModel):
    """A typed door to one thing. Subclasses carry the settings and the only code that knows the vendor.

    `kind` is the name used in `environments.toml`; `config_lines` are the lines to add when it is missing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ClassVar[str]
    config_lines: ClassVar[str]
    registry: ClassVar[dict[str, type[System]]] = {}

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if "kind" in cls.__dict__:
            _refuse_taken(cls)
            System.registry[cls.kind] = cls

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks: reachable, with which rights, what is missing. Reads only."""
        raise NotImplementedError(f"{type(self).__name__} has no `examine`.")


def _refuse_taken(cls: type[System]) -> None:
    """Two systems of one kind would replace each other in silence; the same class, loaded again, is no second one."""
    first = System.registry.get(cls.kind)
    if first and (first.__module__, first.__qualname__) != (cls.__module__, cls.__qualname__):
        raise InvalidConfig(
            f"{cls.__module__}.{cls.__qualname__}: the kind {cls.kind!r} is taken by "
            f"{first.__module__}.{first.__qualname__}. Choose another."
        )


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


class Environment(BaseModel):
    """The systems of one place, who may approve changes there, and how its limits differ from the declared ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Kind
    time_zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    approvers: Mapping[str, Approver] = Field(default_factory=dict)
    thresholds: Mapping[str, Mapping[str, Threshold]] = Field(default_factory=dict)
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


def systems_of(fn: Callable[..., object]) -> dict[str, type[System]]:
    """The parameters of `fn` that are systems, by name."""
    hints = typing.get_type_hints(fn)
    return {
        name: hints[name]
        for name in inspect.signature(fn).parameters
        if inspect.isclass(hints.get(name)) and issubclass(hints[name], System)
    }


def thresholds_of(fn: Callable[..., object]) -> dict[str, Threshold]:
    """The limits `fn` declares, by parameter name."""
    parameters = inspect.signature(fn).parameters.values()
    return {p.name: p.default for p in parameters if isinstance(p.default, Threshold)}


class Team(BaseModel):
    """Folders with a team's own runbooks and systems, relative to the configuration file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runbooks: Path | None = None
    systems: Path | None = None


def _place(text: str) -> str:
    way, separator, rest = text.partition("://")
    if separator and (way != "s3" or not rest.partition("/")[0]):
        raise ValueError("write a file, or s3://bucket/prefix; addresses that are sent a message belong in `announce`")
    return text


class Keeping(BaseModel):
    """How the record is kept.

    `anchors` get each seal: files, relative to the configuration file, and `s3://bucket/prefix`. They belong where
    whoever owns the journal's database cannot write. `announce` are Apprise addresses, which hold secrets; each is told
    of one seal an hour or a day. Incidents closed for `keep_days` days may be exported and retired; None keeps them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    anchors: tuple[Annotated[str, AfterValidator(_place)], ...] = ()
    announce: tuple[SecretStr, ...] = ()
    announce_each: Literal["hour", "day"] = "day"
    keep_days: Annotated[int, Field(ge=1)] | None = None


@dataclass(frozen=True)
class Config:
    """What the configuration files say, not yet resolved: an environment's secrets are read when it is asked for."""

    file: Path
    team: Team
    # Not shown: somebody may have written a secret into the file itself.
    kept: Mapping[str, Any] = field(repr=False)
    raw: Mapping[str, tuple[Path, Mapping[str, Any]]] = field(repr=False)

    @classmethod
    def load(cls, file: Path, lab: Path | None = None) -> Config:
        """Read `file`, and the running lab's own environment beside it. A missing `file` is an empty one.

        Raises:
            InvalidConfig: not TOML, an unknown key, or a part of the wrong shape.
        """
        main = _read(file) if file.exists() else {}
        _refuse_unknown(file, "", main, {"environments", "record", "team"})
        told = _table(main.get("team", {}), file, "team")
        _refuse_unknown(file, "team", told, set(Team.model_fields))
        team = _validated(Team, told, file, "team")
        kept = _table(main.get("record", {}), file, "record")
        _refuse_unknown(file, "record", kept, set(Keeping.model_fields))
        _validated(Keeping, kept, file, "record")
        raw = {name: (file, table) for name, table in _tables(main.get("environments", {}), file, "environments")}
        if lab is not None and lab.exists():
            for name, table in _tables(_read(lab).get("environments", {}), lab, "environments"):
                raw.setdefault(name, (lab, table))
        root = file.resolve().parent
        folders = {key: root / folder for key, folder in team if folder is not None}
        return cls(file=file, team=Team(**folders), kept=kept, raw=raw)

    @property
    def record(self) -> Keeping:
        """How the record is kept, its secrets filled in.

        Raises:
            InvalidConfig: a secret that is not set, or a value that is wrong with it.
        """
        keeping = _validated(Keeping, _fill(self.kept, self.file, "record"), self.file, "record")
        root = self.file.resolve().parent
        anchors = tuple(place if "://" in place else str(root / place) for place in keeping.anchors)
        return keeping.model_copy(update={"anchors": anchors})

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.raw))

    def environment(self, name: str) -> Environment:
        """The environment `name`, its secrets filled in.

        Raises:
            InvalidConfig: unknown name, unknown key, wrong value, or a secret that is not set.
        """
        from tasks.registry import register_systems  # here, because the registry needs this file's Team

        register_systems(self.team)
        file, table = self._table(name)
        where = f"environments.{name}"
        filled = _fill(table, file, where)
        systems = {
            key: _system(key, settings, file, f"{where}.systems.{key}")
            for key, settings in _tables(filled.pop("systems", {}), file, f"{where}.systems")
        }
        _refuse_unknown(file, where, filled, set(Environment.model_fields) - {"name"})
        _refuse_unknown_within(file, where, filled)
        return _validated(Environment, {**filled, "name": name, "systems": systems}, file, where)

    def kind(self, name: str) -> Kind:
        """What environment `name` is for; needs none of its secrets.

        Raises:
            InvalidConfig: unknown name, or no such kind.
        """
        file, table = self._table(name)
        try:
            return Kind(table.get("kind", ""))
        except ValueError as error:
            raise InvalidConfig(
                f"{file}: environments.{name}.kind: write one of {', '.join(map(repr, map(str, Kind)))}."
            ) from error

    def time_zone(self, name: str) -> str:
        """The zone in which the environment's schedules are read; needs none of its secrets."""
        return str(self._table(name)[1].get("time_zone", "UTC"))

    def _table(self, name: str) -> tuple[Path, Mapping[str, Any]]:
        if name not in self.raw:
            known = f" Known: {', '.join(self.names)}." if self.raw else " None is configured."
            raise InvalidConfig(
                f"{self.file}: no environment {name!r}.{known}{_nearest(name, self.names)}"
                + (" `incident lab up` starts a lab and adds it." if name == "lab" else "")
            )
        return self.raw[name]


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidConfig(f"{file}: cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"{file}: not valid TOML: {error}.") from error


def _table(value: object, file: Path, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidConfig(f"{file}: {where}: expected a table, [{where}].")
    return value


def _tables(value: object, file: Path, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, table in _table(value, file, where).items():
        yield name, _table(table, file, f"{where}.{name}")


def _fill(value: Any, file: Path, where: str) -> Any:
    """Put the process environment's values where `${NAME}` stands."""
    if isinstance(value, dict):
        return {key: _fill(item, file, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, file, f"{where}[{n}]") for n, item in enumerate(value)]
    if not isinstance(value, str):
        return value
    try:
        return string.Template(value).substitute(os.environ)
    except KeyError as error:
        raise InvalidConfig(
            f"{file}: {where}: the environment variable {error.args[0]} is not set. Export it, then try again."
        ) from error
    except ValueError as error:
        raise InvalidConfig(f"{file}: {where}: a lone '$'. Write ${{NAME}} for a variable, $$ for the sign.") from error


def _system(name: str, settings: dict[str, Any], file: Path, where: str) -> System:
    kind = str(settings.pop("type", name))
    if kind not in System.registry:
        raise InvalidConfig(
            f"{file}: {where}: no system of type {kind!r}. Known: {', '.join(sorted(System.registry))}."
            f'{_nearest(kind, System.registry)} Name the type with `type = "…"`.'
        )
    cls = System.registry[kind]
    _refuse_unknown(file, where, settings, {*cls.model_fields, "type"})
    return _validated(cls, settings, file, where)


def _refuse_unknown(file: Path, where: str, table: Mapping[str, object], known: set[str]) -> None:
    for key in table:
        if key not in known:
            place = f"{where}.{key}" if where else key
            raise InvalidConfig(
                f"{file}: {place}: unknown key.{_nearest(key, known)} Known: {', '.join(sorted(known))}."
            )


def _refuse_unknown_within(file: Path, where: str, table: Mapping[str, Any]) -> None:
    """pydantic refuses them too, but cannot say which key was meant."""
    for name, approver in _tables(table.get("approvers", {}), file, f"{where}.approvers"):
        _refuse_unknown(file, f"{where}.approvers.{name}", approver, set(Approver.model_fields))
    for check, limits in _tables(table.get("thresholds", {}), file, f"{where}.thresholds"):
        for limit, sides in _tables(limits, file, f"{where}.thresholds.{check}"):
            known = {side.name for side in fields(Threshold)}
            _refuse_unknown(file, f"{where}.thresholds.{check}.{limit}", sides, known)


def _nearest(word: str, known: typing.Iterable[str]) -> str:
    found = process.extractOne(word, list(known), score_cutoff=60)
    return f" Did you mean {found[0]!r}?" if found else ""


M = typing.TypeVar("M", bound=BaseModel)


def _validated(cls: type[M], table: Mapping[str, Any], file: Path, where: str) -> M:
    try:
        return cls.model_validate(dict(table))
    except ValidationError as error:
        # Values stay out of the message: one of them may be a secret.
        said = [
            f"{file}: {'.'.join([where, *map(str, problem['loc'])])}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors(include_input=False, include_url=False)
        ]
        raise InvalidConfig("\n".join(said)) from None
