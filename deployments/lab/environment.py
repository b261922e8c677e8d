"""The lab as an environment: what `environments.toml` would say about it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from string import Template

from deployments import private_file
from deployments.cluster import SUPERUSER
from deployments.home import Home
from deployments.intake.alertmanager import Alertmanager
from deployments.lab import (
    alerter,
    alerts,
    calendar,
    certificates,
    mail,
    mail_domain,
    mailboxes,
    mirror,
    n8n,
    provider,
    queues,
    service,
    slack,
    vendors,
    website,
)


def text(home: Home, url: Callable[..., str], ports: Mapping[str, int]) -> str:
    """The lab's own environments file. `url` gives a role its way to a database, `ports` are the other servers'.

    It holds passwords: write it 0600.
    """
    site = f"https://127.0.0.1:{ports[service.WEBSITE]}"
    site_folder = home.lab.beside(service.WEBSITE)
    boxes, post = home.lab.beside(mailboxes.FOLDER), home.lab.beside(service.MAIL)
    crm = mirror.DATABASE
    values: dict[str, str | int | list[str]] = {
        "home": str(home.root),
        **{verb: service.command(verb, service.POSTGRES) for verb in service.VERBS},
        "url": url("monitor"),
        "action_url": url("operator"),
        "drill_url": url("app"),
        "auditor_url": url("auditor"),
        "backups": str(home.lab.folder / "backups"),
        # Restores what belongs to others, into a database of its own.
        "superuser_url": url(SUPERUSER, SUPERUSER),
        "crm_auditor_url": url("auditor", crm),
        "crm_action_url": url("operator", crm),
        "crm_drill_url": url("app", crm),
        "website_home": f"{site}/",
        "website_health": f"{site}/health",
        "website_ca": str(site_folder / certificates.CA),
        "website_trouble": str(site_folder / website.TROUBLE),
        "website_log": str(site_folder / website.LOG),
        "name_server": f"127.0.0.1:{ports[service.NAME_SERVER]}",
        "name_server_key": mail_domain.key_of(home.lab.beside(service.NAME_SERVER)),
        "mail_domain": mail_domain.DOMAIN,
        "mail_subdomains": list(mail_domain.SUBDOMAINS),
        "mail_selector": mail_domain.SELECTOR,
        "mail_from": mail_domain.SENDS_FROM,
        "mail_spf": mail_domain.SPF,
        "mail_dkim_name": f"{mail_domain.SELECTOR}._domainkey.{mail_domain.DOMAIN}",
        "mail_dkim": mail_domain.DKIM,
        "mail_dmarc_name": f"_dmarc.{mail_domain.DOMAIN}",
        "mail_dmarc": mail_domain.DMARC,
        "mail_ip_list": mail_domain.IP_LIST,
        "mail_name_list": mail_domain.NAME_LIST,
        "mail_key_name": mail_domain.KEY_NAME,
        "mail_outgoing": str(boxes / mailboxes.OUTGOING),
        "mail_bounces": str(boxes / mailboxes.BOUNCES),
        **{f"mail_{verb}": service.command(verb, service.MAIL) for verb in service.VERBS},
        **mail.settings(post, ports),
        "mail_ca": str(post / certificates.CA),
        **_mail_provider(home.lab.beside(service.MAIL_PROVIDER), ports[service.MAIL_PROVIDER]),
        **_n8n(home.lab.beside(service.N8N), ports[service.N8N]),
        **_vendors(home.lab.beside(service.VENDORS), ports[service.VENDORS]),
        **_calendar(home.lab.beside(service.CALENDAR), ports[service.CALENDAR]),
        **{f"worker_{verb}": service.command(verb, service.WORKER) for verb in service.VERBS},
        **queues.settings(home.lab.beside(service.VALKEY), home.lab.beside(service.WORKER), ports[service.VALKEY]),
        **_intake(home),
        **_slack(home.lab.beside(service.SLACK), ports[service.SLACK]),
    }
    pattern = Template(resources.files(__package__).joinpath("environment.toml").read_text(encoding="utf-8"))
    # JSON's strings are TOML's; a '$' would be read as a variable when the file is loaded.
    return pattern.substitute({name: json.dumps(value).replace("$", "$$") for name, value in values.items()})


def _mail_provider(folder: Path, port: int) -> dict[str, str | list[str]]:
    return {
        "mail_provider_url": f"http://127.0.0.1:{port}",
        "mail_provider_domain": provider.DOMAIN,
        "mail_provider_subaccount": provider.SUBACCOUNT,
        "mail_provider_key_file": str(folder / provider.KEY),
        "mail_provider_spare_key": private_file.read_json(folder / provider.KEYS)[provider.SPARE],
        "mail_provider_trouble": str(folder / provider.TROUBLE),
    }


def _n8n(folder: Path, port: int) -> dict[str, str | list[str]]:
    return {
        "n8n_url": f"http://127.0.0.1:{port}",
        "n8n_key": next(iter(private_file.read_json(folder / n8n.KEYS))),
        "n8n_exports": str(folder / "exports"),
        "n8n_trouble": str(folder / n8n.TROUBLE),
        **{f"n8n_{verb}": service.command(verb, service.N8N) for verb in service.VERBS},
    }


def _vendors(folder: Path, port: int) -> dict[str, str | list[str]]:
    keys = private_file.read_json(folder / vendors.KEYS)
    told: dict[str, str | list[str]] = {
        "claude_model": vendors.MODEL,
        "unipile_links": str(folder / vendors.LINKS),
    }
    for vendor in vendors.NAMES:
        told |= {
            f"{vendor}_url": f"http://127.0.0.1:{port}/{vendor}",
            f"{vendor}_key_file": str(folder / vendors.key_file(vendor)),
            f"{vendor}_spare_key": keys[vendor][vendors.SPARE],
            f"{vendor}_trouble": str(folder / vendors.trouble_file(vendor)),
        }
    return told


def _calendar(folder: Path, port: int) -> dict[str, str | list[str]]:
    told = private_file.read_json(folder / calendar.CLIENTS)
    google, microsoft = (told[vendor] for vendor in (calendar.GOOGLE, calendar.MICROSOFT))
    return {
        "calendar_google_url": f"http://127.0.0.1:{port}/{calendar.GOOGLE}",
        "calendar_google_client": google["client_id"],
        "calendar_google_secret_file": str(folder / calendar.SECRET),
        "calendar_google_spare_secret": google["secrets"][1],
        "calendar_google_redirect": google["redirects"][0],
        "calendar_google_redirect_file": str(folder / calendar.REDIRECT),
        "calendar_microsoft_url": f"http://127.0.0.1:{port}/{calendar.MICROSOFT}",
        "calendar_microsoft_client": microsoft["client_id"],
        "calendar_microsoft_secret": microsoft["secrets"][0],
        "calendar_microsoft_redirect": microsoft["redirects"][0],
        "calendar_tenant": calendar.TENANT,
        "calendar_trouble": str(folder / calendar.TROUBLE),
    }


def _intake(home: Home) -> dict[str, str]:
    state = private_file.read_json(home.lab.state)
    return {
        "intake_url": alerts.url(state["alerts_port"]),
        "intake_secret": state["alerts"][alerts.STATUS],
        "alerter_secret_file": str(home.lab.beside(service.ALERTER) / alerter.SECRET),
        "alerter_secret": state["alerts"][Alertmanager.type],
    }


def _slack(folder: Path, port: int) -> dict[str, str]:
    return {
        "slack_url": f"http://127.0.0.1:{port}",
        "slack_key_file": str(folder / slack.TOKEN),
        "slack_spare_key": (folder / slack.TOKENS).read_text(encoding="utf-8").split()[1],
    }
