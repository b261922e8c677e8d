"""Hand over one tenant's rows, and nobody else's."""

from datetime import timedelta
from typing import Annotated

from pydantic import StringConstraints

from runbooks.model import Manual, Step, Verify
from runbooks.parameter import Parameter
from runbooks.playbook import Playbook
from tasks.tenant.checks import check_tenant_exported, check_tenant_tables
from tasks.tenant.export import ExportTenant

# Any name a tenant may have: it reaches SQL and the disk as a value. No option, no line break.
TenantId = Annotated[str, StringConstraints(pattern=r"^[^\s\x00-\x1f\x7f-][^\x00-\x1f\x7f]{0,199}$")]

TENANT = Parameter(
    name="tenant_id",
    says="The tenant, exactly as its column holds it.",
    type=TenantId,
)

playbook = Playbook(
    title="Export a tenant",
    purpose=(
        "Copies one tenant's rows from the tables that hold them, as of one moment, into files only their owner may "
        "read, counted and hashed. For a customer who leaves or moves, and for looking at a case elsewhere. pg_dump "
        "cannot choose rows; it would hand over every tenant's."
    ),
    keywords=("tenant", "customer", "organization", "export", "gdpr", "data portability", "copy", "pg_dump"),
    parameters=(TENANT,),
    prerequisites=(check_tenant_tables,),
    steps=(
        Step(ExportTenant()),
        Manual(
            "Hand the files over",
            how="""\
The outcome names the folder and the SHA-256 of its manifest. The files hold personal data:

1. encrypt the folder for whoever receives it: tar -C <folder> -c . | age -r <recipient's key> > export.tar.age
2. send the file one way and the manifest's SHA-256 another;
3. delete the folder when they have confirmed it.

Sign off when it has been handed over, or is kept on purpose.""",
        ),
    ),
    success=(check_tenant_exported,),
    verification=Verify(hold=timedelta(0), within=timedelta(minutes=5)),
    related=("playbooks/tenant-import",),
)
