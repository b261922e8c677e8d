"""`[alerts]`: what is wrong is said when the service starts, with the key, and no secret is in what is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deployments.intake import settings
from deployments.intake.source import Source
from runbooks.catalog import UnknownRunbook
from tasks.toml import InvalidConfig
from tests.deployments.intake.conftest import CONFIG, SECRET, WHSEC, configured

ROOT = Path(__file__).parents[3]
EXAMPLE, README = ROOT / "environments.example.toml", ROOT / "README.md"
LINE = 'secret = ["a-secret-of-these-tests-alone", "the-secret-before-it-was-rotated"]'


def load(folder: Path, text: str) -> settings.AlertSettings:
    return settings.load(*configured(folder, text))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[alerts.sources.sentry]", "[alerts.sources.sentri]", "no source of type 'sentri'. Known: alertmanager, "),
        ('environment = "production"', 'environment = "prodction"', "Did you mean 'production'?"),
        (LINE, 'secret = "short"', "a secret has 5 characters; at least 16 are needed: openssl rand -hex 24"),
        (LINE, "", "alerts.sources.sentry.secret"),
        (WHSEC, "whsec_not-base64-and-long-enough-a", "a secret is base64, with or without `whsec_` before it"),
        (LINE, 'secret = "${NOT_SET_HERE}"', "NOT_SET_HERE"),
        (LINE, f"{LINE}\nsecrets = 1", "secrets"),
        ('title = "OperationalError"', 'title = "("', "'(' is no regular expression"),
        ('service = "reports"', 'servce = "reports"', "alerts.rules[2]"),
        ('title = "message"', 'title = "mess age ["', "is no JMESPath expression"),
        ('title = "message"', 'title = "text"', "no title at 'text'"),
        ('each = "jobs"', 'each = "tasks"', "find no alert in `example`"),
        (LINE, f"{LINE}\napi = {{ tokn = 'x', organization = 'acme' }}", "alerts.sources.sentry.api.tok"),
        ('header = "X-Incident-Key"', f'api = {{ token = "{SECRET}", url = "http://x:{SECRET}@y" }}', "no password"),
        ("[alerts.sources.sentry]", "[alerts]\nport = 70000\n[alerts.sources.sentry]", "alerts.port"),
    ],
)
def test_it_says_what_is_wrong_and_where(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in CONFIG
    with pytest.raises(InvalidConfig) as refused:
        load(tmp_path, CONFIG.replace(old, new, 1))
    assert said in str(refused.value)
    assert SECRET not in str(refused.value)


def test_a_rule_names_a_runbook_that_there_is(tmp_path: Path) -> None:
    with pytest.raises(UnknownRunbook, match="database/connections-exhausted"):
        load(tmp_path, CONFIG.replace("database/connections-exhausted", "database/connection-exhausted"))
    with pytest.raises(InvalidConfig, match="is a playbook; an alert opens a runbook"):
        load(tmp_path, CONFIG.replace("database/connections-exhausted", "playbooks/tenant-export"))


def test_each_kind_of_source_stands_in_the_readme(tmp_path: Path) -> None:
    load(tmp_path, CONFIG)
    assert {kind for kind in Source.registry if f"| `{kind}`" not in README.read_text(encoding="utf-8")} == {"generic"}


def test_the_example_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lines without their signs are a configuration that works."""
    text = EXAMPLE.read_text(encoding="utf-8")
    for name in re.findall(r"\$\{(\w+)\}", text):
        monkeypatch.setenv(name, SECRET)
    shown = text[text.index("# [alerts]") : text.index("\n[environments.production]")]
    lines = [line.removeprefix("# ") for line in shown.splitlines()]
    place = '[environments.production]\nkind = "staging"\n'
    found = load(tmp_path, "\n".join(line for line in lines if line.startswith("[") or " = " in line) + f"\n{place}")
    assert set(found.sources) == {"sentry", "betterstack", "alertmanager", "pagerduty", "github", "backup"}
    assert [rule.runbook for rule in found.rules] == ["database/connections-exhausted"]
