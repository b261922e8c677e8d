"""The stack's real clock: does what is scheduled begin by itself, and what is made up after the worker was down?

Nothing here triggers a run: with a scheduler that creates none (Prefect 3.8.8 on SQLAlchemy 2.1) each of these fails.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateName
from pydantic import SecretStr

from deployments.home import Home
from deployments.ports import free_port
from deployments.prefect_server import POOL
from deployments.programs import WORKER
from deployments.publish import publish
from deployments.stack import Stack
from deployments.wanted import TAG
from flows.journal import IncidentSummary, Journal, Redactor
from flows.keepers import clock
from flows.run.missed import IN_TIME
from runbooks.catalog import Catalog
from tasks.config import Config
from tests.deployments.processes import wait_until
from tests.flows.inbox import Inbox, opened
from tests.flows.room import TEAM

pytestmark = pytest.mark.strict("Waits minutes for whole minutes; test_publish asks for the schedules.")

# A window opens on a whole minute, and then a process has to start on a busy machine.
PATIENCE_S = 120.0

CONFIG = """
[team]
runbooks = "{folder}/runbooks"
systems = "{team}/systems"

[environments.site]
kind = "staging"
routes = {{ on-call = ["json://127.0.0.1:{port}/ana"] }}

# So much is promised that one hot round is too many.
[[environments.site.objectives]]
name = "cool"
check = "check_lamp_heat"
good = "not BAD"
target = 0.9999

[environments.site.systems.lamp]
file = "{folder}/lamp.json"
"""
WATCHED = '''"""A lamp that is looked at four times a minute."""

from datetime import timedelta

from lamp.checks import check_lamp_heat, check_lamp_is_lit
from lamp.actions import SwitchOn

from runbooks.model import Runbook, Severity, Step, Symptom, Verify, Watch

runbook = Runbook(
    title="The lamp is hot", problem="It burns.", severity=Severity.P3, keywords=("hot",),
    symptoms=(Symptom(heard="It smells."),), diagnosis=(check_lamp_heat, check_lamp_is_lit),
    resolution=(Step(SwitchOn(), when=check_lamp_is_lit),),
    verification=Verify(hold=timedelta(seconds=1), within=timedelta(seconds=4)),
    prevention=(Watch(check_lamp_heat, every=timedelta(seconds=15)),),
)
'''
CARED_FOR = '''"""A lamp that is cared for at one minute of the day."""

from datetime import time, timedelta

from lamp.care import DustShades
from lamp.condition import check_lamp_dust

from runbooks.model import Step, Verify
from runbooks.playbook import Maintenance
from runbooks.window import Day, Window

maintenance = Maintenance(
    title="Care ({length} s)", purpose="A dusty shade burns.", keywords=("dust",),
    window=Window(start=time({hour}, {minute}), length=timedelta(seconds={length}), days=tuple(Day)),
    verification=Verify(hold=timedelta(seconds=1), within=timedelta(seconds=4)),
    diagnosis=(check_lamp_dust,), steps=(Step(DustShades(), when=check_lamp_dust),),
)
'''

# An hour before it, answer by answer.
COOL = """
    INSERT INTO incident.measurements (environment, check_name, at, value, unit, verdict, facts)
    SELECT 'site', 'check_lamp_heat', at, 20, '°C', 'OK', '{}'
      FROM generate_series(now() - interval '1 hour', now() - interval '1 second', '15 seconds') AS at
"""

GONE_THROUGH = '''"""A lamp that is looked after at one minute of the day."""

from datetime import time, timedelta

from lamp.checks import check_lamp_heat, check_lamp_is_lit

from runbooks.cadence import Cadence
from runbooks.checklist import Health

health = Health(
    title="Look after the lamp ({length} s)", purpose="Nobody likes the dark.", keywords=("dark",),
    cadence=Cadence(at=time({hour}, {minute}), due_for=timedelta(seconds={length})),
    questions=(check_lamp_heat, check_lamp_is_lit),
)
'''


class Site:
    """A stack with a watch, and windows that open at the next minute, the one after it, or for a second only."""

    def __init__(self, folder: Path, stack: Stack, inbox: Inbox) -> None:
        self.stack, self.folder, self.inbox = stack, folder, inbox
        self.journal = Journal(SecretStr(stack.journal_url), Redactor([]))

    def publish(self, opens: datetime, **lengths: int) -> None:
        """Declare a window that opens then, for so many seconds, for each name; of a `check…`, when it is due."""
        for name, length in lengths.items():
            pattern = GONE_THROUGH if name.startswith("check") else CARED_FOR
            text = pattern.format(hour=opens.hour, minute=opens.minute, length=length)
            (self.folder / "runbooks/house" / f"{name}.py").write_text(text)
        loaded = Config.load(self.folder / "environments.toml")
        found = Catalog.load(loaded.team)
        assert found.complaints == ()
        publish(Catalog(tuple(one for one in found if one.slug.startswith("house/"))), loaded)

    def measured(self) -> float:
        """When the watch's last number was recorded, Unix time; 0 before the first."""
        last = self.journal.earlier("site", ["check_lamp_heat"]).get("check_lamp_heat")
        return last.at_s if last else 0.0

    def skipped(self) -> int:
        """How many rounds were left to a later one."""
        named = FlowRunFilterState(name=FlowRunFilterStateName(any_=["Skipped"]))
        with get_client(sync_client=True) as client:
            return client.count_flow_runs(flow_run_filter=FlowRunFilter(state=named))

    def left_out(self, name: str) -> str:
        """Why the run of this checklist was of no use any more; empty if there is none."""
        named = FlowRunFilterState(name=FlowRunFilterStateName(any_=["Skipped"]))
        with get_client(sync_client=True) as client:
            for run in client.read_flow_runs(flow_run_filter=FlowRunFilter(state=named), limit=200):
                if run.parameters.get("runbook") == f"house/{name}" and run.state:
                    return run.state.message or ""
        return ""

    def ended(self, name: str) -> IncidentSummary | None:
        found = self.journal.incidents(runbook=f"house/{name}", environment="site")
        return next((one for one in found if not one.open), None)


def next_minute(after: timedelta = timedelta(0)) -> datetime:
    """A whole minute that leaves the scheduler, which looks every five seconds, the time to see a new schedule."""
    return (datetime.now(UTC) + after + timedelta(seconds=72)).replace(second=0, microsecond=0)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    folder = tmp_path_factory.mktemp("site")
    folder.chmod(0o711)
    (folder / "runbooks/house").mkdir(parents=True)
    (folder / "runbooks/house/hot_lamp.py").write_text(WATCHED)
    (folder / "lamp.json").write_text('{"lit": true, "dusty": ["left"]}')
    with pytest.MonkeyPatch.context() as place, opened() as inbox:
        (folder / "environments.toml").write_text(CONFIG.format(folder=folder, team=TEAM, port=inbox.port))
        place.setenv("INCIDENT_CONFIG", str(folder / "environments.toml"))
        with (
            Stack.up(Home(folder / "state"), port=free_port()) as stack,
            temporary_settings({PREFECT_API_URL: stack.prefect_api_url}),
        ):
            yield Site(folder, stack, inbox)


def test_it_does_by_the_clock_what_is_declared_and_says_so(site: Site) -> None:
    """A watch is recorded, a window opens, a checklist is gone through; all were begun by nobody."""
    opens = next_minute()
    site.publish(opens, care=3600, checked=3600)
    wait_until(site.measured, "the watch is recorded", PATIENCE_S)
    first = site.measured()
    wait_until(lambda: site.measured() > first, "and once more", PATIENCE_S)
    wait_until(lambda: site.ended("care"), "the window opened", PATIENCE_S)
    done = site.ended("care")
    assert done is not None
    assert done.verdict == "done", done.says
    assert datetime.fromisoformat(done.opened_at) >= opens
    assert site.journal.read(done.incident)[0].actor == "schedule"
    wait_until(lambda: site.ended("checked"), "the checklist was gone through", PATIENCE_S)
    checked = site.ended("checked")
    assert checked is not None
    assert checked.verdict == "healthy", checked.says
    assert checked.says.startswith("Nobody has to act")
    assert site.journal.read(checked.incident)[0].actor == "schedule"
    seen = clock.look(TAG, POOL)
    assert (seen.troubles, seen.loops_seen, seen.schedules) == ((), True, 3)


def test_it_makes_up_what_was_missed_as_declared(site: Site) -> None:
    """The worker is down when two windows open and two checklists are due. Back, it does what may still be done, and
    says what may not."""
    site.stack.supervisor.stop(WORKER)
    # Five rounds of the watch, three of them too late to be asked.
    long_enough = datetime.now(UTC) + timedelta(seconds=75)
    opens = next_minute()
    site.publish(opens, long=3600, short=1, check_long=3600, check_short=1)
    stopped = site.measured()
    # A checklist that begins half a minute late is in time.
    back = max(opens + IN_TIME + timedelta(seconds=3), long_enough)
    wait_until(lambda: datetime.now(UTC) > back, "both have opened, and rounds were missed", PATIENCE_S)
    assert site.ended("long") is site.ended("short") is None
    site.stack.supervisor.start(WORKER)
    wait_until(lambda: site.ended("long") and site.ended("short"), "made up", PATIENCE_S)
    long, short = site.ended("long"), site.ended("short")
    wait_until(lambda: site.ended("check-long") and site.left_out("check-short"), "as the checklists", PATIENCE_S)
    assert site.ended("check-short") is None
    assert "which is more than it is due for" in site.left_out("check-short")
    assert long is not None
    assert short is not None
    assert long.verdict in ("done", "nothing to do"), long.says
    assert short.verdict == "missed its window"
    wait_until(lambda: site.skipped() > 2, "the pile of the watch's missed rounds is skipped", PATIENCE_S)
    wait_until(lambda: site.measured() > max(stopped, time.time() - 15), "the watch goes on", PATIENCE_S)


def test_who_is_on_call_hears_that_a_budget_burns(site: Site) -> None:
    """The lamp gets hot: a round finds it, the recoverer sees what that costs, and somebody is told."""
    with psycopg.connect(site.stack.journal_url) as session:
        session.execute(COOL)
    (site.folder / "lamp.json").write_text('{"lit": true, "heat": 95}')

    def told() -> list[str]:
        return [message["title"] for message in site.inbox.got if "budget" in message["title"]]

    wait_until(told, "who is on call is told", PATIENCE_S)
    assert told() == ["Incident Pipelines: BAD site: the budget of “cool” burns more than 14.4× too fast"]
