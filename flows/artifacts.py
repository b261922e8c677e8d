"""What a run leaves in the Prefect UI besides its log."""

from __future__ import annotations

from collections.abc import Mapping

from flows.show import findings_table, plan_lines
from runbooks.model import AnyCheck
from tasks.model import Finding, Plan


def publish_findings(findings: Mapping[AnyCheck, Finding], title: str) -> None:
    from prefect.artifacts import create_table_artifact

    create_table_artifact(key="findings", table=findings_table(findings), description=f"# {title}")


def publish_plan(title: str, plan: Plan) -> None:
    from prefect.artifacts import create_markdown_artifact

    create_markdown_artifact(key="plan", markdown="\n".join([f"# {title}", "", *plan_lines(plan)]), description=title)


def publish_report(markdown: str) -> None:
    from prefect.artifacts import create_markdown_artifact

    create_markdown_artifact(key="report", markdown=markdown, description="Post-mortem draft")
