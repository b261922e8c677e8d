"""Which runbooks nothing opens: by the environment's own systems, rules, names of alerts and paused watches."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployments.intake import settings
from runbooks.catalog import Catalog, watch_name
from tests.deployments.intake.conftest import configured

BLOCKED = "database/blocked-sessions"
SOURCE = """
[alerts.sources.alertmanager]
environment = "production"
secret = "a-secret-of-these-tests-alone"
"""
POSTGRES = '[environments.production.systems.postgres]\nurl = "postgresql://monitor@127.0.0.1/app"\n'


def unreached(folder: Path, paused: list[str], more: str = "", systems: str = POSTGRES) -> dict[str, str]:
    place = f'[environments.production]\nkind = "staging"\npaused_watches = {paused}\n'
    config, catalog = configured(folder, f"{place}{systems}{SOURCE}{more}")
    return {one.runbook: one.says for one in settings.load(config, catalog).unreached}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog.load()


def watches(catalog: Catalog, slug: str) -> list[str]:
    return [watch_name(slug, watch) for watch in catalog.get(slug).runbook.watched]


def test_what_is_watched_is_reached(tmp_path: Path) -> None:
    assert unreached(tmp_path, []) == {}


def test_what_is_not_watched_any_more_is_not(tmp_path: Path, catalog: Catalog) -> None:
    [name, *_] = [one.alert for one in catalog.get(BLOCKED).runbook.noticed if one.alert]
    found = unreached(tmp_path, watches(catalog, BLOCKED))
    assert list(found) == [BLOCKED]
    assert found[BLOCKED].startswith("Its watches are all in `paused_watches`, and no alert called ")
    assert name in found[BLOCKED]
    assert found[BLOCKED].endswith(f'by [[alerts.rules]] with title = "…" and runbook = "{BLOCKED}".')


def test_one_watch_is_enough(tmp_path: Path, catalog: Catalog) -> None:
    assert unreached(tmp_path, watches(catalog, BLOCKED)[1:]) == {}


def test_a_rule_is_enough_if_its_source_is_there(tmp_path: Path, catalog: Catalog) -> None:
    for source, reached in (("", True), ("alertmanager", True), ("sentry", False)):
        rule = f'[[alerts.rules]]\ntitle = "x"\nsource = "{source}"\nrunbook = "{BLOCKED}"\n'
        assert (unreached(tmp_path, watches(catalog, BLOCKED), rule) == {}) is reached


def test_what_has_nothing_to_ask_about_is_not_missed(tmp_path: Path) -> None:
    assert unreached(tmp_path, [], systems="") == {}
