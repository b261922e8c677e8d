"""What a run leaves in the Prefect UI besides its log."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from flows.told import checklist
from flows.told.show import findings_lines, findings_table, plan_lines, said
from runbooks.model import AnyCheck
from tasks.model import Finding, Plan


def publish_findings(what: str, findings: Mapping[AnyCheck, Finding], title: str) -> None:
    """A table of answers: of the diagnosis (`findings`), or those the ending rests on (`verification`)."""
    from prefect.artifacts import Artifact, create_table_artifact

    key = _key(what)
    if Artifact.get(key) is not None:
        # A resumed run comes by here again.
        return
    # Neither interface wraps the cells of a table: the lines above it can be read without scrolling.
    lines = [f"# {said(title)}", "", *findings_lines(findings)]
    create_table_artifact(key=key, table=findings_table(findings), description="\n".join(lines))


def publish_checklist(title: str, checked: Mapping[str, Any]) -> None:
    """A checklist's table, worst first; whether anybody has to act stands above it."""
    from prefect.artifacts import Artifact, create_table_artifact

    key = _key("checklist")
    if Artifact.get(key) is None:
        whole = f"With thirty days of each number: `incident report {_short()} --html report.html`"
        description = "\n".join([f"# {said(title)}", "", *checklist.lines(checked), "", whole])
        create_table_artifact(key=key, table=checklist.rows(checked), description=description)


def publish_charts(title: str, pictures: Mapping[str, str]) -> None:
    """Pictures as SVG documents, by what stands above each. Both interfaces show them, and run nothing of them."""
    from prefect.artifacts import Artifact, create_markdown_artifact

    key = _key("charts")
    if pictures and Artifact.get(key) is None:
        lines = [f"# {said(title)}", *(line for name, svg in pictures.items() for line in _picture(name, svg))]
        create_markdown_artifact(key=key, markdown="\n".join(lines), description=said(title))


def _picture(name: str, svg: str) -> tuple[str, ...]:
    inline = base64.b64encode(svg.encode()).decode()
    return ("", f"## {said(name)}", "", f"![{said(name)}](data:image/svg+xml;base64,{inline})")


def publish_plan(title: str, plan: Plan) -> None:
    from prefect.artifacts import create_markdown_artifact

    markdown = "\n".join([f"# {said(title)}", "", *plan_lines(plan, f"`incident timeline {_short()} --json`")])
    create_markdown_artifact(key=_key("plan"), markdown=markdown, description=said(title))


def publish_step(title: str, fate: str, says: str) -> None:
    from prefect.artifacts import create_markdown_artifact

    markdown = f"# {said(title)}: {said(fate)}\n\n{said(says)}"
    create_markdown_artifact(key=_key("step"), markdown=markdown, description=f"{said(title)}: {said(fate)}")


class ProgressBar:
    """How much of a change is done, from the first time anybody says so."""

    def __init__(self, title: str) -> None:
        self._key = _key("progress")
        self._title = title
        self._artifact: UUID | None = None

    def show(self, share: float | None) -> None:
        """`share` of the whole, 0 to 1; None is not shown."""
        from prefect.artifacts import create_progress_artifact, update_progress_artifact

        if share is None:
            return
        if self._artifact is None:
            made = create_progress_artifact(progress=100 * share, key=self._key, description=said(self._title))
            self._artifact = cast("UUID", made)
        else:
            update_progress_artifact(self._artifact, progress=100 * share)


def publish_report(markdown: str) -> None:
    from prefect.artifacts import Artifact, create_markdown_artifact

    if Artifact.get(_key("report")) is None:
        create_markdown_artifact(key=_key("report"), markdown=markdown, description="Post-mortem draft")


def _key(what: str) -> str:
    """The incident's own key: the V2 interface opens the newest artifact of a key, whichever run it is from."""

    return f"{what}-{_short()}"


def _short() -> str:
    from prefect.runtime import flow_run

    return str(flow_run.id)[:8]
