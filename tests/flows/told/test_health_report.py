"""A checklist's report: four dashboards in one file, which neither loads nor runs anything, whatever stands in it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from flows.told.chart import Drawn
from flows.told.dashboards import BELONGS, Dashboard, dashboard_of
from flows.told.health_report import page
from runbooks.catalog import Catalog
from runbooks.checklist import Health
from tests.flows.hostile import HOSTILE
from tests.flows.told.checklists import ASKED, curve, gone

# What a file must not hold that loads and runs nothing.
RUNS = {"script", "img", "iframe", "object", "embed", "link", "a", "form", "base", "video", "use", "image", "animate"}


class Seen(HTMLParser):
    """The elements, their attributes, and the text outside of styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.parts: list[str] = []
        self._style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self._style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._style = False

    def handle_data(self, data: str) -> None:
        if not self._style:
            self.parts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.parts).split())


def test_it_puts_each_answer_on_its_dashboard() -> None:
    text = Seen(page(gone())).text
    headings = [text.index(f"{name} It is as it is.") for name in ("Morning", "answers", "Lay matches")]
    assert headings == sorted(headings)
    boards = text[text.index("What was promised") :]
    for name, (dashboard, _, _) in ASKED.items():
        after = boards.index(f"{dashboard.value}: ")
        assert boards.index(f"Is {name} well?") > after
    found = re.findall(r"(Health|Performance|Business|Infrastructure): (\w+) (\d of \d OK)", boards)
    assert found == [
        ("Health", "OK", "1 of 1 OK"),
        ("Performance", "BAD", "0 of 1 OK"),
        ("Business", "UNKNOWN", "0 of 1 OK"),
        ("Infrastructure", "WARN", "0 of 1 OK"),
    ]


def test_it_draws_each_number_and_says_what_the_picture_shows() -> None:
    told = page(gone())
    seen = Seen(told)
    assert told.count('role="img"') == 3
    assert "check_slow in labIt is as it is.: 1 piecesIt is as it is. to 9 pieces" in seen.text
    assert "30 days: 1 pieces" in seen.text
    assert "incident trend check_slow --environment lab" in seen.text
    empty = Drawn(**{**vars(curve("check_slow", "")), "buckets": []})
    assert page(gone(curves={"check_slow": empty})).count('role="img"') == 0


def test_it_says_what_changed_what_ran_and_what_waits() -> None:
    text = Seen(page(gone("Fine."))).text
    for words in (
        "Morning Fine. in labFine.: BAD",
        "Monday, 23 November 2026, 07:30 (Europe/Berlin)",
        "What changed since the last time Was Is Answer OK BAD Fine.",
        "What ran by itself What this checklist expects to have run. Verdict Answer WARN Is ran maintenance/database",
        "waits Draw the curtains Fine. Nobody has signed it yet.",
        "applied Lay matches Fine.",
        "answers Fine.: nothing was measured; 99 % of 30 days are promised.",
        "Not asked, because it is not configured here: Fine.",
        "incident report 00000000 --html FILE",
        "has the hash hash6",
    ):
        assert words in text, text


def test_it_says_so_where_a_dashboard_has_nothing() -> None:
    everything = dict.fromkeys(ASKED, Dashboard.HEALTH)
    text = Seen(page(gone(belongs=everything))).text
    assert text.count("This checklist asks nothing of it here.") == 3
    assert "Health: BAD 1 of 4 OK" in text
    # What nobody knows any more is not left out.
    assert "Health: BAD 1 of 4 OK" in Seen(page(gone(belongs={}))).text


@pytest.mark.parametrize("text", [*HOSTILE, "{{ 7 * 7 }}{% include '/etc/passwd' %}", "' onload='x", '" onload="x'])
def test_it_shows_hostile_text_as_it_stands(text: str) -> None:
    # As long as it, for how much room there is decides what a picture shows.
    told, harmless = page(gone(text)), Seen(page(gone("x" * len(text))))
    seen = Seen(told)
    assert seen.tags == harmless.tags
    assert [name for name, _ in seen.attributes] == [name for name, _ in harmless.attributes]
    assert not {*seen.tags} & RUNS
    assert not [name for name, _ in seen.attributes if name.startswith("on") or name in ("src", "href", "style")]
    assert all(c.isprintable() or c == "\n" for c in told)
    if text.isprintable():
        assert " ".join(text.split()) in seen.text


def test_it_names_no_address_outside() -> None:
    told = page(gone())
    assert {*re.findall(r"https?://[^\s\"']+", told)} == {"http://www.w3.org/2000/svg"}
    assert "url(" not in told
    assert "default-src 'none'" in told
    assert re.findall(r"<h\d", told)[0] == "<h1"
    assert "<th>" not in told  # each says of what it is the head


def test_it_cuts_what_would_fill_the_page() -> None:
    written = [len(page(gone("x" * length, curves={}, objectives=()))) for length in (100_000, 2_000)]
    assert written[0] < 1.1 * written[1]


def test_the_same_record_makes_the_same_file() -> None:
    assert page(gone()) == page(gone())


def test_every_question_of_a_checklist_is_sorted_in_by_a_name_that_there_is() -> None:
    asked = {one.name: one for entry in Catalog.load() for one in entry.runbook.checks}
    kinds = {system.kind for one in asked.values() for system in one.systems.values()}
    rooms = {f"{kind}/{part}" for kind in kinds for one in asked.values() for part in one.fn.__module__.split(".")}
    assert {*BELONGS} <= {*asked, *kinds, *rooms}
    gone_through = {
        one.name: dashboard_of(one)
        for entry in Catalog.load()
        if isinstance(entry.runbook, Health)
        for one in entry.runbook.questions
    }
    assert {*gone_through.values()} == {*Dashboard}
    assert {
        name: gone_through[name]
        for name in ("check_website_answers", "check_website_pace", "check_slow_statements", "check_host_disks")
    } == {
        "check_website_answers": Dashboard.HEALTH,
        "check_website_pace": Dashboard.PERFORMANCE,
        "check_slow_statements": Dashboard.PERFORMANCE,
        "check_host_disks": Dashboard.INFRASTRUCTURE,
    }
    assert gone_through["check_database_size"] is Dashboard.INFRASTRUCTURE
    assert gone_through["check_key_figures"] is Dashboard.BUSINESS
