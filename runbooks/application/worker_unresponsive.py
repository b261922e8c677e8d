"""A Worker, or an application on a hosted platform, does not respond: a version, its database, or the platform."""

from datetime import timedelta

from runbooks.model import Drill, Manual, Runbook, Settle, Severity, Step, Symptom, Verify, Watch
from tasks.cloudflare.checks import check_worker_errors
from tasks.d1.checks import check_d1_answers, check_d1_status, check_d1_way_back
from tasks.fly.actions import RestartFlyMachines
from tasks.fly.checks import check_fly_machines, check_fly_status
from tasks.platform.actions import RollBack
from tasks.platform.checks import (
    check_deployments,
    check_fell_with_deployment,
    check_platform_status,
    check_platform_token,
)
from tasks.platform.faults import DeployBadVersion
from tasks.supabase.checks import (
    check_supabase_backups,
    check_supabase_disk,
    check_supabase_pooler,
    check_supabase_project,
    check_supabase_read_only,
    check_supabase_services,
    check_supabase_status,
)
from tasks.website.checks import check_website_answers

runbook = Runbook(
    title="A Worker does not respond",
    problem=(
        "The health endpoint does not answer, and all calls of a Worker, or of an application on another hosted "
        "platform, time out: a version was deployed that cannot serve, its database does not answer, or the platform "
        "itself is in trouble."
    ),
    severity=Severity.P1,
    keywords=(
        "worker",
        "cloudflare",
        "workers.dev",
        "vercel",
        "fly",
        "d1",
        "supabase",
        "unresponsive",
        "hangs",
        "timeout",
        "health endpoint",
        "deployment",
        "rollback",
        "roll back",
        "wrangler",
        "error 1101",
        "error 1102",
        "522",
        "524",
    ),
    symptoms=(
        Symptom(alert="WorkerUnresponsive"),
        Symptom(alert="WorkerErrors"),
        Symptom(heard="The health endpoint does not respond."),
        Symptom(heard="All calls to the API time out."),
        Symptom(heard="Cloudflare's dashboard shows errors of the Worker."),
        Symptom(heard="Since the deployment nothing works."),
    ),
    diagnosis=(
        check_website_answers,
        check_fell_with_deployment,
        check_deployments,
        check_worker_errors,
        check_fly_machines,
        check_d1_answers,
        check_d1_way_back,
        check_supabase_project,
        check_supabase_services,
        check_supabase_read_only,
        check_supabase_disk,
        check_supabase_pooler,
        check_supabase_backups,
        check_platform_status,
        check_fly_status,
        check_d1_status,
        check_supabase_status,
        check_platform_token,
    ),
    resolution=(
        Step(RollBack(), when=check_fell_with_deployment),
        Step(RestartFlyMachines(), when=check_fly_machines),
        Manual(
            "Start machines at Fly, or move them",
            when=check_fly_machines,
            how="""\
None that runs: `fly machine start ID --app APP`; why they stopped, `fly machine status ID` tells by its events. A host
that cannot be reached: `fly machine clone ID --region ANOTHER` makes one elsewhere; its volume stays where it was. A
way back to an older image: `fly releases --image`, then `fly deploy --image` with the one that served before.
`fly logs` follows without an end: `fly logs --no-tail` shows what is kept.""",
            quotes=(check_fly_machines, check_fly_status),
        ),
        Manual(
            "Wait for D1, or have it taken back",
            when=check_d1_answers,
            how="""\
Ask it again after a minute: while it is exported it answers nobody. Does Cloudflare report trouble? Then nothing here
helps: say so to those who wait, and send the message below. Was something wrong written to it? The bookmark found is
the way back to yesterday:

    npx wrangler d1 time-travel restore DATABASE --bookmark=BOOKMARK

It takes the whole database back, and what was written since is gone; the answer names the bookmark that undoes it. An
older version of the Worker takes none of it back. D1 cannot be vacuumed: it refuses.""",
            quotes=(check_d1_way_back,),
        ),
        Manual(
            "Start the project at Supabase, or wait for it",
            when=check_supabase_project,
            how="""\
Inactive: somebody paused it, or nobody used it; in the dashboard, Restore project, which takes some minutes. Restoring,
upgrading, resizing: it is on its way, and nothing makes it faster. A restore or a start that failed is Supabase's to
mend: write to them. A restart is no part of its API: it is in the dashboard, under Project Settings, and ends every
connection.""",
            quotes=(check_supabase_status, check_supabase_backups),
        ),
        Manual(
            "Wait for the service at Supabase that is not well",
            when=check_supabase_services,
            how="""\
`db` or `pooler`: nothing else works without it (database/connections-exhausted asks the database itself). `rest`,
`auth`, `realtime`, `storage`: only what asks through it. Does the status page report it, or was something changed in
the project's settings within the hour? Otherwise write to Supabase, with the words found.""",
            quotes=(check_supabase_services, check_supabase_pooler, check_supabase_status),
        ),
        Manual(
            "Make room, then take the database out of read only",
            when=check_supabase_read_only,
            how="""\
First the room, or it comes back: grow the disk in the dashboard (Database, Settings), and look what fills it
(database/performance-degradation). Then, in a session of your own, `SET default_transaction_read_only = off` lets you
delete. What is deleted gives its room back only after a VACUUM, and a VACUUM FULL needs as much again.""",
            quotes=(check_supabase_disk,),
        ),
        Manual(
            "Read what the Worker throws",
            when=check_worker_errors,
            how="""\
scriptThrewException is an error that nobody caught, exceededCpu and exceededMemory are its limits, and
clientDisconnected a visitor who did not wait: look what it waits for. In Cloudflare's dashboard, under Workers & Pages,
the Worker's Logs have what is kept of a stretch of time (observability has to be switched on). `wrangler tail` follows
without an end, and shows nothing of before: give it a time, `timeout 60 npx wrangler tail NAME --status error`.""",
            quotes=(check_worker_errors, check_deployments),
        ),
        Manual(
            "Deploy once more the version that serves, by its id",
            when=check_website_answers,
            how="""\
Only where no deployment is to blame, and nothing else was found. `wrangler deploy` is not it: that builds what lies in
the working tree, which is another version than the one that runs. Take the id that the deployments name below.

    npx wrangler versions deploy VERSION_ID@100% --name WORKER       # Cloudflare: that version, unchanged
    vercel redeploy DEPLOYMENT_ID                                    # Vercel: the same commit, built again

Bindings, secrets and data stay as they are now. Did it help, and nobody knows why? Then it will come again: keep the
stretch of time, and open it with the provider.""",
            quotes=(check_deployments,),
        ),
        Manual(
            "Write to the provider",
            when=check_website_answers,
            how="""\
After five minutes without a cause of ours. Cloudflare: dash.cloudflare.com, Support; Vercel: vercel.com/help; Supabase:
supabase.com/dashboard/support. To send, with what was found (below) and the time it began:

> Our application does not answer since TIME (UTC), from several networks. The version that serves did so before, and
> nothing was deployed since. Account / team: …, Worker / project: …. One request that failed, with its cf-ray or
> x-vercel-id: …. What we saw is below. Is something known on your side? Please tell us when to expect more.

Ask for the number of the case, and write it here as a note.""",
            quotes=(
                check_website_answers,
                check_deployments,
                check_worker_errors,
                check_d1_answers,
                check_supabase_services,
                check_platform_status,
            ),
        ),
        Manual(
            "Let us look again: a token that the platform takes",
            when=check_platform_token,
            how="""\
Without it nobody sees what is deployed, and nothing can be rolled back from here. Make a token of the account or team
that the application is in, with the rights that environments.example.toml names and an end date, and put it where the
process of the worker reads it. Meanwhile: `npx wrangler deployments list`, `vercel list --prod`.""",
        ),
    ),
    verification=Verify(hold=timedelta(minutes=2), within=timedelta(minutes=15)),
    prevention=(
        # A deploy's minute is no incident.
        Watch(check_fell_with_deployment, every=timedelta(minutes=5), settle=Settle(bad=2, of=2)),
        Watch(check_worker_errors, every=timedelta(minutes=5), settle=Settle(bad=2, of=3)),
        # A machine that is replaced fails its checks for a moment.
        Watch(check_fly_machines, every=timedelta(minutes=5), settle=Settle(bad=2, of=3)),
        Watch(check_d1_answers, every=timedelta(minutes=5), settle=Settle(bad=2, of=3)),
        Watch(check_supabase_services, every=timedelta(minutes=5), settle=Settle(bad=2, of=3)),
        Watch(check_supabase_read_only, every=timedelta(minutes=15)),
        Watch(check_platform_token, every=timedelta(hours=6)),
    ),
    related=("application/down", "maintenance/d1-backup"),
    drills=(Drill(fault=DeployBadVersion("hangs"), noticed_by=check_fell_with_deployment, resolved_by=RollBack),),
)
