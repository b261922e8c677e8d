"""The configuration: `environments.toml` becomes typed objects, or an error that names file and key.

Secrets are written `${NAME}` and come from the process environment; only the environment that is asked for is
resolved, so a laptop without production's secrets can still use the lab.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from tasks import toml
from tasks.defect import line_of
from tasks.environment import Environment, Kind, Measured
from tasks.model import Threshold
from tasks.objective import Objective
from tasks.registry import Broken, Team, register_systems
from tasks.roster import Approver
from tasks.system import System, Unusable
from tasks.toml import InvalidConfig

# As `incident lab up` calls its environment.
LAB = "lab"


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


def _dsn(secret: SecretStr) -> SecretStr:
    parts = urlsplit(secret.get_secret_value())
    if parts.scheme not in ("http", "https") or not parts.username or not parts.path.rpartition("/")[2].isdigit():
        raise ValueError("write a project's DSN, like https://KEY@o1.ingest.sentry.io/2")
    return secret


def _address(secret: SecretStr) -> SecretStr:
    parts = urlsplit(secret.get_secret_value())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise ValueError("write the address that is to be asked for, like https://hc-ping.com/UUID")
    return secret


class Health(BaseModel):
    """Who hears how we are ourselves: a Sentry, of failures and schedules, and an address, while all is well.

    Both are secrets: whoever has them can speak for us.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    sentry_dsn: Annotated[SecretStr, AfterValidator(_dsn)] | None = None
    heartbeat: Annotated[SecretStr, AfterValidator(_address)] | None = None


@dataclass(frozen=True)
class Config:
    """What the configuration files say, not yet resolved: an environment's secrets are read when it is asked for."""

    file: Path
    team: Team
    # Not shown: somebody may have written a secret into the file itself.
    kept: Mapping[str, Any] = field(repr=False)
    alerts: Mapping[str, Any] = field(repr=False)
    told: Mapping[str, Any] = field(repr=False)
    raw: Mapping[str, tuple[Path, Mapping[str, Any]]] = field(repr=False)

    @classmethod
    def load(cls, file: Path, lab: Path | None = None) -> Config:
        """Read `file`, and the running lab's own environment beside it. A missing `file` is an empty one.

        What `file` says of the lab is added to it, or takes the place of the one thing it names: a system, an approver.

        Raises:
            InvalidConfig: not TOML, an unknown key, or a part of the wrong shape.
        """
        main = toml.read(file) if file.exists() else {}
        toml.refuse_unknown(file, "", main, {"alerts", "environments", "health", "record", "team"})
        told = toml.as_table(main.get("team", {}), file, "team")
        toml.refuse_unknown(file, "team", told, set(Team.model_fields))
        team = toml.validated(Team, told, file, "team")
        kept = toml.as_table(main.get("record", {}), file, "record")
        toml.refuse_unknown(file, "record", kept, set(Keeping.model_fields))
        toml.validated(Keeping, kept, file, "record")
        alerts: Mapping[str, Any] = toml.as_table(main.get("alerts", {}), file, "alerts")
        health = toml.as_table(main.get("health", {}), file, "health")
        toml.refuse_unknown(file, "health", health, set(Health.model_fields))
        raw: dict[str, tuple[Path, Mapping[str, Any]]] = {
            name: (file, table) for name, table in toml.tables_in(main.get("environments", {}), file, "environments")
        }
        running = toml.read(lab) if lab is not None and lab.exists() else {}
        alerts = _with_labs_alerts(alerts, running.get("alerts", {}))
        for name, table in toml.tables_in(running.get("environments", {}), lab or file, "environments"):
            theirs = _without_intake(table) if main.get("alerts") else table
            raw[name] = _with_lab(raw.get(name, (lab or file, {})), theirs)
        # What only adds to a lab that is not up is no environment.
        if LAB in raw and "kind" not in raw[LAB][1]:
            del raw[LAB]
        root = file.resolve().parent
        folders = {key: root / folder for key, folder in team if folder is not None}
        return cls(file=file, team=Team(**folders), kept=kept, alerts=alerts, told=health, raw=raw)

    @property
    def record(self) -> Keeping:
        """How the record is kept, its secrets filled in.

        Raises:
            InvalidConfig: a secret that is not set, or a value that is wrong with it.
        """
        keeping = toml.validated(Keeping, toml.filled(self.kept, self.file, "record"), self.file, "record")
        root = self.file.resolve().parent
        anchors = tuple(place if "://" in place else str(root / place) for place in keeping.anchors)
        return keeping.model_copy(update={"anchors": anchors})

    @property
    def health(self) -> Health:
        """Who hears how we are, the secrets filled in.

        Raises:
            InvalidConfig: a secret that is not set, or a value that is wrong with it.
        """
        return toml.validated(Health, toml.filled(self.told, self.file, "health"), self.file, "health")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.raw))

    def environment(self, name: str) -> Environment:
        """The environment `name`, its secrets filled in.

        A system of the team's whose own file cannot be used is Unusable; the others are what they are.

        Raises:
            InvalidConfig: unknown name, unknown key, wrong value, or a secret that is not set.
        """
        broken = register_systems(self.team)
        file, table = self._table(name)
        where = f"environments.{name}"
        filled = toml.filled(table, file, where)
        systems = {
            key: _system(key, settings, file, f"{where}.systems.{key}", broken)
            for key, settings in toml.tables_in(filled.pop("systems", {}), file, f"{where}.systems")
        }
        toml.refuse_unknown(file, where, filled, set(Environment.model_fields) - {"name"})
        _refuse_unknown_within(file, where, filled)
        return toml.validated(Environment, {**filled, "name": name, "systems": systems}, file, where)

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

    def unset(self, name: str) -> dict[str, str]:
        """The variables that environment `name` needs and this process has not, by the key that needs them."""
        return dict(toml.unset(dict(self._table(name)[1]), f"environments.{name}"))

    def kinds(self, name: str) -> tuple[type[System], ...] | None:
        """What the environment's systems are, none of their secrets read; None if that cannot be told of one.

        Raises:
            InvalidConfig: unknown name, or its systems are no tables.
        """
        register_systems(self.team)
        file, table = self._table(name)
        configured = toml.tables_in(table.get("systems", {}), file, f"environments.{name}.systems")
        kinds = [System.registry.get(str(settings.get("type", key))) for key, settings in configured]
        known = tuple(kind for kind in kinds if kind is not None)
        return known if len(known) == len(kinds) else None

    def measured(self, name: str) -> Measured:
        """What is judged by numbers in the environment; needs none of its secrets.

        Raises:
            InvalidConfig: unknown name, unknown key, or wrong value.
        """
        file, table = self._table(name)
        where = f"environments.{name}"
        told = {key: table[key] for key in Measured.model_fields if key in table}
        _refuse_unknown_within(file, where, told)
        return toml.validated(Measured, told, file, where)

    def time_zone(self, name: str) -> str:
        """The zone in which the environment's schedules are read; needs none of its secrets."""
        return str(self._table(name)[1].get("time_zone", "UTC"))

    def masks_emails(self, name: str) -> bool:
        """Are addresses masked in the environment's record? Needs none of its secrets."""
        return self._table(name)[1].get("mask_emails") is True

    def paused_watches(self, name: str) -> frozenset[str]:
        """The watches that are not asked in the environment; needs none of its secrets."""
        told = self._table(name)[1].get("paused_watches", ())
        return frozenset(map(str, told)) if isinstance(told, list) else frozenset()

    def _table(self, name: str) -> tuple[Path, Mapping[str, Any]]:
        if name not in self.raw:
            known = f" Known: {', '.join(self.names)}." if self.raw else " None is configured."
            raise InvalidConfig(
                f"{self.file}: no environment {name!r}.{known}{toml.nearest(name, self.names)}"
                + (" `incident lab up` starts a lab and adds it." if name == LAB else "")
            )
        return self.raw[name]


def _with_lab(written: tuple[Path, Mapping[str, Any]], lab: Mapping[str, Any]) -> tuple[Path, Mapping[str, Any]]:
    """What a person wrote about an environment, and what the running lab of that name has besides."""
    file, table = written
    if table.get("kind", lab.get("kind")) != lab.get("kind"):
        return written  # another place of the same name
    both = {key: {**lab[key], **table[key]} for key in table if isinstance(table[key], dict) and key in lab}
    return file, {**lab, **table, **both}


def _without_intake(lab: Mapping[str, Any]) -> Mapping[str, Any]:
    """Where alerts are taken is a person's own to say: then the lab does not know how its intake is asked."""
    systems = lab.get("systems", {})
    return {**lab, "systems": {key: one for key, one in systems.items() if key != "intake"}}


def _with_labs_alerts(written: Mapping[str, Any], lab: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a person wrote about alerts, and the running lab's own sources. Where to listen is theirs to say."""
    sources, rules = written.get("sources", {}), written.get("rules", [])
    if not lab or not isinstance(sources, Mapping) or not isinstance(rules, list):
        return written
    both = {"sources": {**lab["sources"], **sources}, "rules": [*rules, *lab["rules"]]}
    return {**(written or lab), **both}


def _system(name: str, settings: dict[str, Any], file: Path, where: str, broken: Sequence[Broken]) -> System:
    kind = str(settings.pop("type", name))
    if kind not in System.registry:
        if why := [one.says for one in broken if one.declares(kind)]:
            return Unusable(says=f"{where} cannot be used: {' '.join(why)}")
        raise InvalidConfig(
            f"{file}: {where}: no system of type {kind!r}. Known: {', '.join(sorted(System.registry))}."
            f'{toml.nearest(kind, System.registry)} Name the type with `type = "…"`.'
        )
    cls = System.registry[kind]
    toml.refuse_unknown(file, where, settings, {*cls.model_fields, "type"})
    try:
        return toml.validated(cls, settings, file, where)
    except InvalidConfig:
        raise
    except Exception as error:  # noqa: BLE001 - somebody else's code may raise anything; a person must know where
        # What it says stays out of the message: it may quote a secret.
        what, line = type(error).__name__, line_of(error)
        raise InvalidConfig(f"{file}: {where}: {cls.__name__} crashed: {what} ({line}). Mend it there.") from None


def _refuse_unknown_within(file: Path, where: str, table: Mapping[str, Any]) -> None:
    """pydantic refuses them too, but cannot say which key was meant."""
    for name, approver in toml.tables_in(table.get("approvers", {}), file, f"{where}.approvers"):
        toml.refuse_unknown(file, f"{where}.approvers.{name}", approver, set(Approver.model_fields))
    for check, limits in toml.tables_in(table.get("thresholds", {}), file, f"{where}.thresholds"):
        for limit, sides in toml.tables_in(limits, file, f"{where}.thresholds.{check}"):
            known = {side.name for side in fields(Threshold)}
            toml.refuse_unknown(file, f"{where}.thresholds.{check}.{limit}", sides, known)
    objectives = table.get("objectives", [])
    for n, objective in enumerate(objectives if isinstance(objectives, list) else []):
        keys = toml.as_table(objective, file, f"{where}.objectives[{n}]")
        toml.refuse_unknown(file, f"{where}.objectives[{n}]", keys, set(Objective.model_fields))
