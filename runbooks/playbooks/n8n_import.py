"""Bring exported workflows back into n8n: those that are not there, inactive."""

from datetime import timedelta
from typing import Annotated

from pydantic import StringConstraints

from runbooks.model import Manual, Step, Verify
from runbooks.parameter import Parameter
from runbooks.playbook import Playbook
from tasks.n8n.exports.actions import ImportWorkflows
from tasks.n8n.exports.checks import check_n8n_import_fits, check_n8n_imported

DAY = Parameter(
    name="day",
    says="The day of the export, as its folder is called: 2026-11-29.",
    type=Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")],
)

playbook = Playbook(
    title="Import n8n's workflows",
    purpose=(
        "Makes the workflows of an export anew in n8n that are not there by their name, inactive. Nothing is merged or "
        "replaced. For a workflow that somebody removed, and for an n8n that was lost with its database."
    ),
    keywords=("n8n", "workflows", "import", "restore", "disaster recovery", "json"),
    parameters=(DAY,),
    prerequisites=(check_n8n_import_fits,),
    steps=(
        Step(ImportWorkflows()),
        Manual(
            "Choose the credentials, and activate",
            how="""\
1. In each imported workflow, open the nodes that use credentials: those whose id is gone have to be chosen anew.
2. A webhook keeps its path, and two active workflows cannot have one path.
3. Activate those that were active (the outcome names them), senders last: first look how much is due. After a restore
   the queue holds what was sent since (email/emails-stuck-queued).

Sign off when what must run is active, or stays off on purpose.""",
        ),
    ),
    success=(check_n8n_imported,),
    verification=Verify(hold=timedelta(0), within=timedelta(minutes=5)),
    related=("maintenance/n8n-export", "workflows/execution-stopped"),
)
