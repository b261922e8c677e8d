"""Prefect's two interfaces as a person uses them. Where they differ is said here, and nowhere in the tests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from uuid import UUID

from playwright.sync_api import Locator, Page, expect

# A run starts a process of its own, on a machine that may be busy.
RUNS_WITHIN_MS = 120_000
# A page asks its server several times before it shows anything; playwright's five seconds are a quiet machine's.
expect.set_options(timeout=90_000)


@dataclass(frozen=True)
class PrefectPages:
    """One interface in one browser tab; `shots` is the folder its screenshots go to."""

    page: Page
    shots: Path
    path: ClassVar[str] = ""

    def shot(self, name: str) -> None:
        self.page.screenshot(path=self.shots / f"{name}.png")

    @property
    def resume_button(self) -> Locator:
        """Visible only while the run waits for an answer."""
        return self.page.get_by_role("button", name="Resume", exact=True)

    @property
    def form(self) -> Locator:
        """What Resume opens."""
        return self.page.get_by_role("dialog")

    def open_deployment(self, name: str) -> None:
        """By its name: the list shows ten, and there are more than a hundred."""
        self.page.goto(f"{self.path}/deployments")
        self.page.get_by_placeholder("Search deployments").fill(name)
        self.page.get_by_role("link", name=name, exact=True).first.click()

    def open_tab(self, name: str) -> None:
        """A tab of a deployment or a run."""
        self.page.get_by_role("tablist").get_by_text(name, exact=True).click()

    def expect(self, *texts: str) -> None:
        for text in texts:
            expect(self.page.get_by_text(text).first).to_be_visible()

    def labels(self) -> list[str]:
        """The parameters a person is asked for, in their order."""
        named = self.page.locator("xpath=//fieldset/preceding::label[1]").all_inner_texts()
        return [label.removesuffix(" (Optional)") for label in named]

    def open_trigger_form(self) -> None:
        self.page.get_by_role("button", name="Run", exact=True).click()
        self.page.get_by_text("Custom run").click()
        self.field("Environment").wait_for()

    def field(self, label: str, within: Locator | None = None) -> Locator:
        """The control below a label. The classic interface does not tie labels to their controls."""
        return (within or self.page.locator("body")).locator(
            f"xpath=//*[starts-with(normalize-space(text()), '{label}')]/following::fieldset[1]"
        )

    def fill(self, label: str, text: str, within: Locator | None = None) -> None:
        self.field(label, within).get_by_role("textbox").fill(text)

    def choose(self, label: str, option: str, within: Locator | None = None) -> None:
        self.open_list(self.field(label, within).get_by_role("button"))
        self.page.get_by_role("option", name=option, exact=True).click()

    def open_list(self, control: Locator) -> None:
        control.click()

    def submit_trigger_form(self) -> None:
        self.page.get_by_role("button", name="Submit").click()
        self.page.wait_for_url("**/deployment/*?tab=Runs")

    def open_run(self, run: UUID) -> None:
        self.page.goto(f"{self.path}/runs/flow-run/{run}")

    def open_resume_form(self) -> None:
        self.resume_button.click(timeout=RUNS_WITHIN_MS)

    def submit_resume_form(self) -> None:
        self.form.get_by_role("button", name="Submit").click()

    def open_artifact(self, key: str) -> None:
        """From the run's own list of artifacts."""
        self.page.get_by_role("link", name=re.compile(key)).click()

    def wait_for_state(self, name: str) -> None:
        self.page.get_by_text(name, exact=True).first.wait_for(timeout=RUNS_WITHIN_MS)


class ClassicPages(PrefectPages):
    """The interface Prefect opens with."""

    def open_list(self, control: Locator) -> None:
        # In a headless Chromium 156 a click leaves Prefect 3.8.8's own lists closed; the keyboard opens them.
        control.press("ArrowDown")


class NewPages(PrefectPages):
    """The V2 interface, which the same server has below /v2."""

    path: ClassVar[str] = "/v2"

    @property
    def resume_button(self) -> Locator:
        return self.page.get_by_role("menuitem", name="Resume")

    def open_resume_form(self) -> None:
        # The menu is drawn once: it has to be opened after the run was suspended.
        self.wait_for_state("Suspended")
        self.page.get_by_role("button", name="Open menu").first.click()
        self.resume_button.click()

    def submit_resume_form(self) -> None:
        self.form.get_by_role("button", name="Resume").click()

    def open_artifact(self, key: str) -> None:
        super().open_artifact(key)
        # On the page of the key, which lists its versions.
        self.page.locator("a[href*='/artifacts/artifact/']").first.click()
