"""`[alerts]` of the configuration: where the service listens, who may send, and which alert opens what."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from deployments import intake
from deployments.intake.quiet import Quiet
from deployments.intake.reach import Unreached, unreached
from deployments.intake.source import Source, guessable
from flows.journal import Redactor
from flows.opening.routing import Rule, refuse_unknown
from flows.run import settings as ours
from runbooks.catalog import Catalog
from tasks import toml
from tasks.config import Config
from tasks.toml import InvalidConfig
from tasks.web.system import http_url

M = TypeVar("M", bound=BaseModel)


class Listening(BaseModel):
    """Where the service listens, and how much it takes of one source in a second."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65_535)] = 4280
    most_per_s: Annotated[float, Field(gt=0)] = 1_000.0
    # Without one there are no metrics: whoever finds the address would learn who sends, and how much.
    metrics_secret: SecretStr | None = None
    # Where senders reach it, if not at its own port: what is before it is tried by every test alert.
    public_url: Annotated[str, AfterValidator(http_url("the address that senders use, without /alerts"))] | None = None
    # Who gives it as a bearer is told what stands of each source, and may have test alerts sent. Without one, nobody.
    status_secret: Annotated[SecretStr, AfterValidator(guessable)] | None = None
    # For links in what sources are told; like https://prefect.example.com.
    prefect_url: Annotated[str, AfterValidator(http_url("Prefect's pages, as people reach them"))] | None = None

    @property
    def url(self) -> str:
        """Where it is reached from this machine."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def public(self) -> str:
        """Where senders reach it."""
        return (self.public_url or self.url).rstrip("/")


@dataclass(frozen=True, kw_only=True)
class AlertSettings:
    """All of it, valid. `redact` has every environment that an alert may name, and what its record must not show."""

    listening: Listening
    sources: Mapping[str, Source]
    rules: tuple[Rule, ...]
    redact: Mapping[str, Redactor]
    quiet: tuple[Quiet, ...] = ()
    # The zone that an environment's quiet hours are read in.
    zones: Mapping[str, str] = field(default_factory=dict)
    # What only a person opens, in the environments that sources are of.
    unreached: tuple[Unreached, ...] = ()


def load(config: Config, catalog: Catalog) -> AlertSettings:
    """What is configured.

    Raises:
        InvalidConfig: an unknown key, type or environment, a wrong value, or a secret that is not set.
        UnknownRunbook, UnknownTarget: a rule names no runbook.
    """
    kinds()
    table = toml.filled(dict(config.alerts), config.file, "alerts")
    told_sources = table.pop("sources", {})
    told_rules, told_quiet = table.pop("rules", []), table.pop("quiet", [])
    toml.refuse_unknown(config.file, "alerts", table, set(Listening.model_fields))
    listening = toml.validated(Listening, table, config.file, "alerts")
    found = toml.tables_in(told_sources, config.file, "alerts.sources")
    sources = {name: _source(config, name, said) for name, said in found}
    rules = tuple(_each(config, told_rules, "rules", Rule))
    quiet = tuple(_each(config, told_quiet, "quiet", Quiet))
    for number, one in enumerate(quiet, 1):
        _refuse_unusable(config, f"alerts.quiet[{number}]", one)
    refuse_unknown(rules, catalog)
    secrets = [secret for source in sources.values() for secret in _secrets(source)]
    redact = {name: _redactor(config, catalog, name, secrets) for name in config.names}
    zones = {name: config.time_zone(name) for name in config.names}
    places = {source.environment for source in sources.values()}
    return AlertSettings(
        listening=listening,
        sources=sources,
        rules=rules,
        redact=redact,
        quiet=quiet,
        zones=zones,
        unreached=tuple(unreached(config, catalog, places, rules, sources)),
    )


def _secrets(source: Source) -> Iterator[SecretStr]:
    yield from source.secret
    yield from (value for _, value in source.back or () if isinstance(value, SecretStr))


def _redactor(config: Config, catalog: Catalog, name: str, secrets: Sequence[SecretStr]) -> Redactor:
    try:
        place = ours.environment(config, catalog, name)
    except InvalidConfig:
        # Whoever only takes alerts needs no environment's secrets, and cannot let them out.
        return ours.redactor(more=secrets, masks_emails=config.masks_emails(name))
    return ours.redactor(place, secrets)


def kinds() -> Mapping[str, type[Source]]:
    """Every kind of source there is, by the word that `type` names it with."""
    for module in pkgutil.iter_modules(intake.__path__, f"{intake.__name__}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return Source.registry


def _source(config: Config, name: str, said: dict[str, Any]) -> Source:
    where = f"alerts.sources.{name}"
    kind = str(said.pop("type", name))
    if kind not in Source.registry:
        known = ", ".join(sorted(Source.registry))
        raise InvalidConfig(f"{config.file}: {where}: no source of type {kind!r}. Known: {known}.")
    cls = Source.registry[kind]
    toml.refuse_unknown(config.file, where, said, set(cls.model_fields) - {"name"})
    source = toml.validated(cls, {**said, "name": name}, config.file, where)
    _refuse_unknown(config, where, source.environment)
    return source


def _refuse_unknown(config: Config, where: str, environment: str) -> None:
    if environment not in config.names:
        nearest = toml.nearest(environment, config.names)
        raise InvalidConfig(f"{config.file}: {where}.environment: no environment {environment!r}.{nearest}")


def _refuse_unusable(config: Config, where: str, quiet: Quiet) -> None:
    _refuse_unknown(config, where, quiet.environment)
    zone = config.time_zone(quiet.environment)
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: `Europe` is a folder of zones
        said = f"{config.file}: {where}: {quiet.environment}'s time_zone {zone!r} is no IANA time zone."
        raise InvalidConfig(said) from error


def _each(config: Config, told: object, what: str, model: type[M]) -> Iterator[M]:
    if not isinstance(told, list):
        raise InvalidConfig(f"{config.file}: alerts.{what}: write each as [[alerts.{what}]].")
    for number, said in enumerate(told, 1):
        where = f"alerts.{what}[{number}]"
        table = toml.as_table(said, config.file, where)
        toml.refuse_unknown(config.file, where, table, set(model.model_fields))
        yield toml.validated(model, table, config.file, where)
