"""Every week: all workflows of n8n to files, counted and hashed."""

from datetime import time, timedelta

from runbooks.model import Manual, Step, Verify
from runbooks.playbook import Maintenance
from runbooks.window import Day, Window
from tasks.model import Risk
from tasks.n8n.exports.actions import ExportWorkflows
from tasks.n8n.exports.checks import check_n8n_exported

maintenance = Maintenance(
    title="Export n8n's workflows",
    purpose=(
        "Writes each workflow of n8n to a file that n8n takes back, counted against what n8n lists, with a manifest of "
        "their SHA-256. Page by page to the last: the loop that people copy stops after a hundred and exits with 0. "
        "Nothing in n8n is changed."
    ),
    keywords=("n8n", "workflows", "export", "backup", "weekly", "json"),
    # After the night's backups, before Sunday's care of the database ends.
    window=Window(start=time(5, 0), length=timedelta(hours=2), days=(Day.SUNDAY,)),
    unattended=Risk.LOW,
    diagnosis=(check_n8n_exported,),
    steps=(
        Step(ExportWorkflows(), when=check_n8n_exported),
        Manual(
            "Keep the encryption key elsewhere",
            when=check_n8n_exported,
            how="""\
The files hold no credentials, only their ids; those are in n8n's database, encrypted. A database that is restored
without N8N_ENCRYPTION_KEY (or the `config` file in n8n's folder) has credentials nobody can read. Look once that the
key is in your password store, and that the folder of exports is copied away with the backups.""",
        ),
    ),
    verification=Verify(hold=timedelta(seconds=10), within=timedelta(minutes=10)),
    related=("maintenance/backup", "playbooks/n8n-import"),
)
