"""Is the first broken link named, and not the last symptom; and what could not be seen before it?"""

from __future__ import annotations

from collections.abc import Mapping

from flows.life.chain import first_broken
from runbooks.catalog import Catalog
from runbooks.chain import Chain
from runbooks.model import Runbook
from tasks.docker.system import Docker
from tasks.environment import Environment, Kind
from tasks.model import Finding, Verdict


def declared(slug: str) -> Runbook:
    runbook = Catalog.load().get(slug).runbook
    assert isinstance(runbook, Runbook)
    return runbook


DOWN = declared("application/down")
WARN, UNKNOWN, BAD = Verdict.WARN, Verdict.UNKNOWN, Verdict.BAD
PLACE = Environment(name="shop", kind=Kind.LAB)
WITH_DOCKER = Environment(name="shop", kind=Kind.LAB, systems={"docker": Docker()})


def told(verdicts: Mapping[str, Verdict], place: Environment = PLACE) -> str:
    """Each question answers as told, by its name without `check_`; the others are well."""
    names = {asked.name.removeprefix("check_") for asked in DOWN.diagnosis}
    assert not verdicts.keys() - names
    found = {}
    # In the order in which answers come: the slowest last.
    for asked in reversed(DOWN.diagnosis):
        name = asked.name.removeprefix("check_")
        found[asked] = Finding(verdict=verdicts.get(name, Verdict.OK), says=f"{name} says so.")
    return first_broken(DOWN, found, place)


def test_it_names_the_database_and_not_the_website_that_answers_503() -> None:
    """What comes after a broken link fails because of it."""
    says = told({"website_answers": BAD, "container_health": BAD, "can_connect": BAD})
    assert says == "The first broken link (can connect): can_connect says so."


def test_it_names_the_container_before_the_database_in_it() -> None:
    says = told({"containers": BAD, "can_connect": BAD, "website_answers": BAD})
    assert says == "The first broken link (containers): containers says so."


def test_it_names_the_website_where_all_before_it_holds() -> None:
    assert told({"website_answers": BAD}) == "The first broken link (website answers): website_answers says so."


def test_a_warning_breaks_nothing() -> None:
    says = told({"host_disks": WARN, "website_answers": BAD})
    assert says == "The first broken link (website answers): website_answers says so."
    assert told({"host_disks": WARN}) == ""


def test_it_says_what_could_not_be_seen_before_it_and_only_of_what_is_there() -> None:
    broken = {"containers": UNKNOWN, "website_answers": BAD}
    assert told(broken) == "The first broken link (website answers): website_answers says so."
    assert told(broken, WITH_DOCKER) == (
        "The first broken link (website answers): website_answers says so. Before it, these could not be looked at: "
        "containers."
    )
    assert told({"containers": UNKNOWN}, WITH_DOCKER) == (
        "No link is seen to be broken; these could not be looked at: containers."
    )


def test_it_says_nothing_where_all_is_well_and_where_the_order_means_nothing() -> None:
    assert told({}) == ""
    other = declared("workflows/queue-backlog")
    assert not isinstance(other.diagnosis, Chain)
    bad = {asked: Finding(verdict=BAD, says="no") for asked in other.diagnosis}
    assert first_broken(other, bad, PLACE) == ""
