"""What we ask Cloudflare about a Worker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tasks.check import check
from tasks.cloudflare.system import CloudflareWorker
from tasks.model import Finding, Threshold
from tasks.rates import Rate, percent

# What Cloudflare counts is there within a minute or two; a shorter stretch would often be empty.
WINDOW = timedelta(minutes=15)
# Of fewer, one that fails is already more than a percent.
ENOUGH = 100
SUCCESS = "success"

FAILED = Threshold(
    warn=0.01,
    bad=0.05,
    because="Owner: the team on call. Of the Worker's invocations in a quarter of an hour; seeds S2 and S4 look from "
    "1 % on and call 5 % an incident.",
)


@check
def check_worker_errors(worker: CloudflareWorker, failed: Threshold = FAILED) -> Finding:
    """Do the Worker's invocations end as they should, as Cloudflare counts them?

    Over the last quarter of an hour, never followed. A Worker that hangs is not told from one that is waited for: ask
    its website. Where nothing reached it, nothing can be judged.
    """
    told = worker.invocations(datetime.now(UTC), WINDOW)
    minutes = f"{WINDOW.total_seconds() / 60:.0f} minutes"
    if not told.requests:
        return Finding.unknown(
            f"Cloudflare counted no request to {worker.script} in {minutes}: nobody asks, or nothing gets there.",
            remedy="Ask it yourself at its address, then look at its routes and at the DNS record that leads there.",
        )
    rate = Rate(part=told.errors, whole=told.requests, least=ENOUGH)
    worst = sorted(((n, status) for status, n in told.by_status.items() if status != SUCCESS), reverse=True)
    kinds = f" They ended as {', '.join(f'{status} ({n:,})' for n, status in worst[:3])}." if worst else ""
    return Finding(
        verdict=rate.judge(failed),
        says=f"{worker.script} failed in {rate.says('invocations')} within {minutes} (bad from {percent(failed.bad)})."
        f"{kinds}",
        value=rate.value,
        facts={"requests": told.requests, "errors": told.errors, "cpuTimeP99": told.cpu_p99},
        rows=[{"status": status, "invocations": n} for n, status in worst],
    )
