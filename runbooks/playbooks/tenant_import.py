"""Bring an exported tenant into another database: whole, or not at all."""

from datetime import timedelta

from runbooks.model import Step, Verify
from runbooks.playbook import Playbook
from runbooks.playbooks.tenant_export import TENANT
from tasks.tenant.checks import check_tenant_export_fits, check_tenant_imported
from tasks.tenant.imports import ImportTenant

playbook = Playbook(
    title="Import a tenant",
    purpose=(
        "Copies an exported tenant's rows into the target database in one transaction, each table's count compared "
        "with the manifest's. Nothing is merged: a row or key that is there already stops it. Taken back, it deletes "
        "exactly the imported rows, if nobody changed them since."
    ),
    keywords=("tenant", "customer", "organization", "import", "move", "restore", "copy"),
    parameters=(TENANT,),
    prerequisites=(check_tenant_export_fits,),
    steps=(Step(ImportTenant()),),
    success=(check_tenant_imported,),
    verification=Verify(hold=timedelta(0), within=timedelta(minutes=5)),
    related=("playbooks/tenant-export",),
)
