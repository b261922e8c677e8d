"""Where this process finds its configuration, its catalog and its journal: the process environment, read in one place.

INCIDENT_CONFIG            the team's `environments.toml` (default: in the current directory)
INCIDENT_LAB_ENVIRONMENT   the running lab's own environment, if there is one
INCIDENT_JOURNAL_URL       the journal's database, with the running role (INSERT and SELECT only)
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr

from flows.journal import Journal, Redactor
from runbooks.catalog import Catalog
from tasks.config import Config
from tasks.environment import Environment
from tasks.registry import Team
from tasks.toml import InvalidConfig

_log = logging.getLogger(__name__)

# What this process may have been given besides its environment's own; never written down, whatever quotes them.
SECRETS = (
    "INCIDENT_JOURNAL_URL",
    "INCIDENT_JOURNAL_OWNER_URL",
    "INCIDENT_APPROVER_KEY",
    "DATABASE_URL",
    "AWS_SECRET_ACCESS_KEY",
    "PREFECT_API_AUTH_STRING",
)


def config() -> Config:
    """The configuration named by the process environment.

    Raises:
        InvalidConfig: a file that cannot be used.
    """
    lab = os.environ.get("INCIDENT_LAB_ENVIRONMENT")
    return Config.load(Path(os.environ.get("INCIDENT_CONFIG", "environments.toml")), Path(lab) if lab else None)


# Of a process that was forked for one run, out of one that is replaced with every release.
_kept: dict[Team, Catalog] = {}


def keep(configured: Config) -> None:
    """Load the catalog once for all processes that are forked from this one. Reading all versions takes 0.1 s."""
    _kept[configured.team] = Catalog.load(configured.team)


def catalog(configured: Config) -> Catalog:
    """Our runbooks and the team's; what is wrong with those that cannot be used goes to the log."""
    known = _kept.get(configured.team) or Catalog.load(configured.team)
    for complaint in known.complaints:
        _log.error("A runbook cannot be used, the others can: %s", complaint)
    return known


def environment(configured: Config, known: Catalog, name: str) -> Environment:
    """The environment `name`, its limits known to some runbook.

    Raises:
        InvalidConfig: no such environment, something wrong in it, or a limit no check has, which changes nothing.
    """
    found = configured.environment(name)
    unknown = known.unknown_overrides(found)
    if unknown:
        raise InvalidConfig("\n".join(f"{configured.file}: {sentence}" for sentence in unknown))
    _refuse_masked_names(configured, found)
    return found


def _refuse_masked_names(configured: Config, found: Environment) -> None:
    """Two people's approval is two different names in the record; a name that is masked there may be anybody's."""
    redact = redactor(found)
    for name in found.approvers:
        if redact.text(name) != name:
            raise InvalidConfig(
                f"{configured.file}: approver {name!r} of {found.name} would be masked in the record, because it is an "
                "e-mail address or like a secret. Write another name under [environments."
                f"{found.name}.approvers], and the address as its contact."
            )


def journal(environment: Environment | None = None) -> Journal:
    """The journal, refusing to write the secrets of `environment`.

    Raises:
        InvalidConfig: no journal is named.
    """
    url = os.environ.get("INCIDENT_JOURNAL_URL")
    if not url:
        raise InvalidConfig(
            "INCIDENT_JOURNAL_URL is not set: there is no journal to write to. "
            "Start `incident up` in this folder, or export the URL of a migrated journal."
        )
    return Journal(SecretStr(url), redactor(environment))


def redactor(
    environment: Environment | None = None, more: Iterable[SecretStr] = (), *, masks_emails: bool = False
) -> Redactor:
    """Knows the secrets this process was given: the journal's own URL, every SecretStr of the environment, and `more`.

    `masks_emails` is for an environment that this process cannot read, because it was not given its secrets.
    """
    given: list[SecretStr | str] = [*(os.environ[name] for name in SECRETS if os.environ.get(name)), *more]
    masks_emails = masks_emails or (environment is not None and environment.mask_emails)
    # The same in every process of ours and for the life of the journal, and known to nobody else.
    key = SecretStr(os.environ.get("INCIDENT_JOURNAL_URL", "")) if masks_emails else None
    return Redactor([*given, *_secrets_in(environment)], emails=key)


def sealing_key() -> SecretStr:
    """Known to whoever executes our flows, and to nobody who reads the record."""
    return SecretStr(os.environ.get("INCIDENT_JOURNAL_URL", ""))


def _secrets_in(value: object) -> Iterator[str]:
    """Every secret in a configuration, wherever it stands: a mirror holds two stores, a service named variables."""
    match value:
        case SecretStr():
            yield value.get_secret_value()
            if password := urlsplit(value.get_secret_value()).password:
                yield password
        case BaseModel():
            for _, part in value:
                yield from _secrets_in(part)
        case Mapping():
            for part in value.values():
                yield from _secrets_in(part)
        case tuple() | list() | frozenset():
            for part in value:
                yield from _secrets_in(part)
