"""The application does not answer: which link of the chain broke first, and one thing at a time to mend it."""

from datetime import timedelta

from runbooks.chain import Chain
from runbooks.model import Drill, Manual, Runbook, Settle, Severity, Step, Symptom, Verify, Watch
from tasks.docker.services.actions import RestartUnhealthyContainers, StartStoppedContainers
from tasks.docker.services.checks import check_container_health, check_container_memory, check_containers
from tasks.docker.services.faults import StopContainer
from tasks.host.checks import check_host_disks
from tasks.logs.checks import check_log_errors
from tasks.platform.actions import RollBack
from tasks.platform.checks import check_fell_with_deployment
from tasks.postgres.connections.actions import RestartDatabase
from tasks.postgres.connections.checks import check_can_connect, check_connection_slots
from tasks.redis.actions import RestartCache
from tasks.redis.checks import check_redis_answers
from tasks.website.actions import RestartWebsite
from tasks.website.certificates.checks import check_website_certificates
from tasks.website.checks import check_website_answers, check_website_names
from tasks.website.faults import HangOnToTrouble

runbook = Runbook(
    title="The application is down",
    problem=(
        "Nobody can use the application: its pages do not open, or its health endpoint answers 503. The whole chain is "
        "asked at once, from names and certificates to the database, and the first link that is broken is named: what "
        "comes after it fails because of it."
    ),
    severity=Severity.P0,
    keywords=(
        "down",
        "outage",
        "application down",
        "site down",
        "website",
        "503",
        "502",
        "504",
        "bad gateway",
        "service unavailable",
        "health check",
        "health endpoint",
        "docker",
        "docker compose",
        "podman",
        "container stopped",
        "container exited",
        "exit 137",
        "OOMKilled",
        "unhealthy",
        "restart loop",
        "crash loop",
        "restart",
    ),
    symptoms=(
        Symptom(alert="ApplicationDown"),
        Symptom(alert="HealthCheckFailing"),
        Symptom(alert="ContainerDown"),
        Symptom(alert="ContainerRestarting"),
        Symptom(heard="The health check endpoint returns 503."),
        Symptom(heard="Users cannot open the application."),
        Symptom(heard="The proxy answers 502 Bad Gateway, or 504."),
        Symptom(heard="A container has exited with 137."),
    ),
    diagnosis=Chain(
        (
            # How visitors get there.
            check_website_names,
            check_website_certificates,
            # What everything on the machine needs.
            check_host_disks,
            # What the application needs: first whether it is there at all.
            check_containers,
            check_can_connect,
            check_connection_slots,
            check_redis_answers,
            # The application itself. A new version may be why it ends again and again.
            check_fell_with_deployment,
            check_container_memory,
            check_container_health,
            check_log_errors,
            # What people complain of.
            check_website_answers,
        )
    ),
    resolution=(
        Manual(
            "Call the second level after five minutes",
            when=check_website_answers,
            how="""\
Five minutes after the first look without an end in sight, whether or not something is still being tried: one more
person who knows the application, and one who knows its database. Tell them the first broken link, what was done since,
and what was deployed last. Put a notice on the status page before the first customer asks.""",
        ),
        # The service, then its database, then Redis; one at a time, and each only while it is ill.
        Step(StartStoppedContainers(), when=check_containers),
        Step(RestartUnhealthyContainers(), when=check_container_health),
        Step(RestartWebsite(), when=check_website_answers),
        Step(RestartDatabase(), when=check_can_connect),
        Step(RestartCache(), when=check_redis_answers),
        # Only within the hour after a deployment is there anything to go back from.
        Step(RollBack(), when=check_fell_with_deployment),
        Manual(
            "Find out why the container ended",
            when=check_containers,
            how="""\
Its exit code and last lines are in the finding. 137: killed; its memory was used up (application/high-memory), or it
did not stop in time: a program that is process 1 in its container and has no handler for SIGTERM never does. 143:
somebody, or a deployment, asked it to stop. 1 at once after each start: the configuration, or a database whose files
are of another major version, because its image's name is not pinned: go back to the image it had, by its digest, and
never pull a database's image along with others.

One that is paused: docker unpause NAME, once you know who paused it. A service of which there is no container: docker
compose up -d --no-deps --no-recreate NAME; without these two words compose also makes its neighbours anew if their
configuration changed, the database too. `port is already allocated`, `Conflict`: a service with a published port or a
container_name exists once, and cannot be scaled.""",
        ),
        Manual(
            "Look why the container is ill",
            when=check_container_health,
            how="""\
What ends again and again is not helped by one more start: its last lines say what it misses. Ask first whether its
database and its cache answer (their findings stand before this one).

After a key or a password was changed: a restart keeps the old one. Only a new container gets the new value: docker
compose up -d --no-deps NAME. Then compare a fingerprint inside, never the value:
docker exec NAME sh -c 'printf %s "$KEY" | sha256sum | cut -c1-12'.""",
        ),
        Manual(
            "Give the container memory, or find what takes it",
            when=check_container_memory,
            how="""\
application/high-memory. Not by a process number: inside its container the program is number 1, and outside that is the
machine's own first process. What counts are the figures of its control group, as in the finding.""",
        ),
        Manual(
            "Make room on the disk",
            when=check_host_disks,
            how="""\
Before anything is restarted: a database that cannot write does not come up on a full disk. Old logs and old images
first (maintenance/docker lists them, by age). Never `docker system prune`, never `docker volume prune`: after `compose
stop` they take the stack's containers, and then its named volumes: the database.""",
        ),
        Manual(
            "Mend the name or the certificate",
            when=check_website_names,
            how="""\
At the registrar or the name server: did the domain run out, was a record changed? Ask the name servers, not a cache:
dig +trace NAME. Nothing on the machine needs a restart.""",
        ),
        Manual(
            "Renew the certificate that is shown",
            when=check_website_certificates,
            how="""\
A dry run saves nothing: renew for real (certbot renew), reload what shows it, and look at what is shown from outside
(maintenance/certificates).""",
        ),
        Manual(
            "Look into the errors",
            when=check_log_errors,
            how="""\
application/high-error-rate says since when, after which deployment and on which page. Read the first error of the time
at which it began, not the last.""",
        ),
    ),
    # A restart is over within a minute; after five the second level is called.
    verification=Verify(hold=timedelta(seconds=30), within=timedelta(minutes=5)),
    prevention=(
        # A deployment's minute is no incident.
        Watch(check_website_answers, every=timedelta(minutes=1), settle=Settle(bad=2, of=3)),
        Watch(check_containers, every=timedelta(minutes=1), settle=Settle(bad=2, of=3)),
        Watch(check_container_health, every=timedelta(minutes=5), settle=Settle(bad=2, of=3)),
        Watch(check_container_memory, every=timedelta(minutes=15)),
        Watch(check_website_names, every=timedelta(minutes=5), settle=Settle(bad=2, of=3)),
    ),
    related=(
        "database/connections-exhausted",
        "workflows/queue-backlog",
        "application/high-error-rate",
        "application/worker-unresponsive",
        "maintenance/docker",
    ),
    symptom_of=("database/connections-exhausted",),
    drills=(
        Drill(fault=StopContainer(), noticed_by=check_containers, resolved_by=StartStoppedContainers),
        Drill(fault=HangOnToTrouble(), noticed_by=check_website_answers, resolved_by=RestartWebsite),
    ),
)
