"""Everything is lost, or its database is: bring it back, a stage at a time, and send nothing twice."""

from datetime import timedelta

from runbooks.clock import Clock, Stage
from runbooks.model import Drill, Manual, Runbook, Severity, Step, Symptom, Verify, Watch
from tasks.backup.recovery.actions import RestoreDatabase
from tasks.backup.recovery.checks import check_database_there, check_restorable_backup, check_tables_there
from tasks.backup.recovery.copies import FetchBackup
from tasks.backup.recovery.faults import DropDatabase
from tasks.backup.recovery.queue import HoldQueued, check_restored_queue
from tasks.mail_provider.access.actions import UseSpareKey
from tasks.mail_provider.access.checks import check_mail_provider_domain, check_mail_provider_key
from tasks.n8n.exports.actions import RestoreWorkflows
from tasks.n8n.exports.checks import check_n8n_workflows_there
from tasks.n8n.instance.checks import check_n8n_answers
from tasks.website.checks import check_website_answers

runbook = Runbook(
    title="The database, or all of it, is lost",
    problem=(
        "The application's database is gone, or most of its tables: dropped by mistake, by an attack, with its disk or "
        "its machine. It is brought back from the newest backup that was restored once and compared, beside what is "
        "left, and swapped in when it is equal. What was written since that backup is lost, and what was queued then "
        "may have been sent: senders stay off until that is settled."
    ),
    severity=Severity.P0,
    keywords=(
        "disaster recovery",
        "restore",
        "backup",
        "database dropped",
        "drop database",
        "data loss",
        "lost everything",
        "ransomware",
        "rto",
        "rpo",
        "new server",
        "n8n restore",
        "sendgrid",
        "truncate",
    ),
    symptoms=(
        Symptom(alert="DatabaseMissing"),
        Symptom(heard='database "app" does not exist'),
        Symptom(heard="All tables are gone."),
        Symptom(heard="The server is lost with its disk: how long until we are back?"),
    ),
    diagnosis=(
        check_database_there,
        check_tables_there,
        check_restorable_backup,
        check_restored_queue,
        check_n8n_answers,
        check_n8n_workflows_there,
        check_mail_provider_key,
        check_mail_provider_domain,
        check_website_answers,
    ),
    resolution=(
        Manual(
            "Stop what sends, and tell people",
            when=check_database_there,
            how="""\
The clock runs from the moment the database was lost: four hours in all. The database 30 minutes, n8n 30, mail 30, one
hour to verify. Name one who decides, one who writes to people.

1. Senders off, before anything is back: workflows that send inactive, workers stopped, the provider paused. What is
   restored holds the queue as it was, and a sender that finds it sends 200 of 200 a second time.
2. Say what is known: what is lost, since when, when the next word comes (every half hour).
3. If somebody did this on purpose: keep the machine as it is, and restore elsewhere (restore_url).""",
            quotes=(check_database_there, check_restorable_backup),
        ),
        # Where the folder of the backups is lost, or what is in it was spoiled.
        Step(FetchBackup(), when=check_restorable_backup),
        Step(RestoreDatabase(), when=check_database_there),
        Step(HoldQueued(), when=check_restored_queue),
        Manual(
            "Hold what was queued against the provider's log",
            when=check_restored_queue,
            how="""\
Nothing sends before this is done (3 h of mails are thousands):

1. take from the provider's log what it accepted since the backup's moment, by message id, else by address and subject;
2. of the mails that were held back (withdrawn), set each that is in the log to sent;
3. put the others back into the queue, then playbooks/resume-sending: one mail a run at first.""",
            quotes=(check_restored_queue,),
        ),
        Manual(
            "Bring single tables back",
            when=check_tables_there,
            how="""\
The whole is not restored for the sake of one table: the others would lose what was written since. Beside it:

    createdb …_tables
    pg_restore --exit-on-error --no-subscriptions --dbname=…_tables database.dump
    pg_dump --data-only --table=NAME …_tables > rows.sql      # then by key into the live table: ON CONFLICT DO NOTHING

Its sequence only forward: setval to the larger of the two. Ask first who deleted them, and whether on purpose.""",
            quotes=(check_tables_there,),
        ),
        Manual(
            "Bring n8n up again",
            when=check_n8n_answers,
            how="""\
1. A new instance of the same version, on its own database if that was backed up; otherwise on an empty one.
2. The old encryption key (N8N_ENCRYPTION_KEY), or no credential can be read: then each is made anew.
3. Its environment: webhook address, time zone, the databases. Then open this runbook again: workflows come next.""",
        ),
        Step(RestoreWorkflows(), when=check_n8n_workflows_there),
        Manual(
            "Choose credentials, activate senders last",
            when=check_n8n_workflows_there,
            how="""\
What was made anew is inactive. Open each workflow whose nodes use credentials that are gone, and choose them. Activate
what receives and stores first; what sends only when the queue is settled.""",
        ),
        Step(UseSpareKey(), when=check_mail_provider_key),
        Manual(
            "Set up the mail provider again",
            when=check_mail_provider_domain,
            how="""\
1. The webhook's address, if the application has a new one: bounces and unsubscribes are lost until then.
2. The records of the domain as the provider wants them; a new account has new DKIM keys.
3. One mail to a mailbox of our own. Not to example.com, which takes none.""",
        ),
        Manual(
            "Bring the application up again",
            when=check_website_answers,
            how="""\
Where a backup's roles were made anew they have no passwords: set them, and give the application the new ones. Restart
what holds connections to the old database. Then application/down asks the whole chain.""",
        ),
    ),
    # Seeds: an hour is watched after a whole recovery; what is asked here is whether all is back.
    verification=Verify(hold=timedelta(minutes=5), within=timedelta(minutes=60)),
    # That there is a backup to go back to is watched by maintenance/backup.
    prevention=(Watch(check_database_there, every=timedelta(minutes=5)),),
    clock=Clock(
        stages=(
            Stage(title="The database", takes=timedelta(minutes=30), steps=(FetchBackup, RestoreDatabase, HoldQueued)),
            Stage(title="n8n", takes=timedelta(minutes=30), steps=(RestoreWorkflows,)),
            Stage(title="Mail", takes=timedelta(minutes=30), steps=(UseSpareKey,)),
            Stage(title="Verification", takes=timedelta(minutes=60)),
        ),
        within=timedelta(hours=4),
        because="Owner: whoever promised it. Seed S3 gives the stages their minutes, and four hours to the whole.",
    ),
    related=("maintenance/backup", "maintenance/n8n-export", "playbooks/n8n-import", "playbooks/resume-sending"),
    drills=(Drill(fault=DropDatabase(), noticed_by=check_database_there, resolved_by=RestoreDatabase),),
)
