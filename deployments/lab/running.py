"""The lab's servers: started, found again, looked at, stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType

from deployments import accounts, ports, private_file, supervise
from deployments.cluster import SUPERUSER, Cluster, binaries, preloadable
from deployments.home import Home
from deployments.lab import alerts, application, beside, environment, mirror
from deployments.lab.piece import Url
from deployments.lab.service import POSTGRES
from deployments.progress import Progress, quiet, stage
from deployments.supervise import Program, Supervisor
from deployments.trouble import CannotStart

# Slots for those who look and act, whatever the application takes. The setting came with Postgres 16.
RESERVED = {"reserved_connections": "5"}
RESERVED_SINCE = 16


class LabBusy(CannotStart):
    """Another process starts or stops this lab just now."""


@dataclass(frozen=True)
class Lab:
    """A running lab. Leaving the block stops it if this process started it, and only then."""

    home: Home
    supervisor: Supervisor
    cluster: Cluster
    passwords: Mapping[str, str]
    ours: bool

    def url(self, role: str, database: str = application.DATABASE) -> str:
        """How `role` (monitor, auditor, operator, app, postgres) reaches the application's database, or another."""
        return _url(self.cluster, self.passwords)(role, database)

    def close(self) -> None:
        if self.ours:
            _stop(self.home, self.supervisor)

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


@dataclass(frozen=True, kw_only=True)
class Status:
    """What `incident lab status` shows."""

    up: bool
    processes: Mapping[str, int]
    port: int | None
    environment: str


def up(home: Home, *, daemon: bool = True, progress: Progress = quiet) -> Lab:
    """Start the lab, or finish what is missing of a running one. Data and port stay from one start to the next.

    A daemon stays until `down`; otherwise the lab ends with this process.

    Raises:
        CannotStart: it did not come up, or another process is at it; nothing is left running.
    """
    home.create()
    home.lab.create()
    try:
        with private_file.lock(home.lab.lock):
            return _up(home, daemon, progress)
    except private_file.Locked as error:
        raise LabBusy(f"The lab in {home.lab.folder} is being started or stopped. Wait a moment.") from error


def down(home: Home) -> bool:
    """Stop the lab and wait until it is gone; its data stays. False: it was not up."""
    running = supervise.connect(home.lab)
    if running is None:
        home.lab_environment.unlink(missing_ok=True)
        return False
    _stop(home, running)
    return True


def status(home: Home) -> Status:
    running = supervise.connect(home.lab)
    processes = running.pids() if running else {}
    return Status(
        up=POSTGRES in processes,
        processes=processes,
        port=private_file.read_json(home.lab.state).get("port"),
        environment=str(home.lab_environment),
    )


def _up(home: Home, daemon: bool, progress: Progress) -> Lab:
    part = home.lab
    running = supervise.connect(part)
    state = private_file.read_json(part.state)
    if running is not None and (state.get("beside") != beside.NAMES or state["ports"].keys() != beside.PORTS.keys()):
        raise CannotStart("This lab was started by another version of us: `incident lab down`, then `incident lab up`.")
    if running is None:
        state["port"] = ports.choose("the lab's Postgres", progress, usual=state.get("port"))
        state["beside"], usual = beside.NAMES, state.get("ports", {})
        state["ports"] = {
            name: ports.choose(said, progress, usual=usual.get(name)) for name, said in beside.PORTS.items()
        }
    if running is None or "alerts_port" not in state:
        state["alerts_port"] = ports.choose("the lab's alerts", progress, usual=state.get("alerts_port"))
    passwords = state.setdefault("passwords", {})
    for role in (SUPERUSER, *application.GRANTS):
        passwords.setdefault(role, accounts.new_password())
    monitoring = alerts.text(state["alerts_port"], state.setdefault("alerts", {}))
    private_file.write_json(part.state, state)
    cluster = _cluster(home, state["port"])
    url, supervisor = _url(cluster, passwords), running
    try:
        if supervisor is None:
            others = beside.programs(home, url, state["ports"])
            supervisor = _launch(home, cluster, passwords[SUPERUSER], others, daemon=daemon, progress=progress)
        beside.start(supervisor)
        _ready(supervisor, cluster, passwords[SUPERUSER], progress)
        beside.wait(supervisor, state["ports"])
        application.build(cluster, passwords, progress)
        mirror.build(cluster, passwords, application.DATABASE, progress)
    except BaseException:
        # Ctrl-C too: a lab that is half up helps nobody.
        if supervisor is not None and running is None:
            supervisor.shutdown()
        raise
    place = environment.text(home, url, state["ports"])
    private_file.write(home.lab_environment, f"{place}\n{monitoring}")
    return Lab(home, supervisor, cluster, passwords, ours=running is None)


def _url(cluster: Cluster, passwords: Mapping[str, str]) -> Url:
    def url(role: str, database: str = application.DATABASE) -> str:
        return cluster.url(role, passwords[role], database)

    return url


def _cluster(home: Home, port: int) -> Cluster:
    bin_folder = binaries()
    settings = {
        # Room for a drill to use up, without the memory of hundreds of processes.
        "max_connections": "60",
        "shared_buffers": "64MB",
        # The lab's data is made up and can be made again.
        "fsync": "off",
        "synchronous_commit": "off",
        "shared_preload_libraries": preloadable(bin_folder, "pg_stat_statements", "auto_explain"),
        "track_io_timing": "on",
        "log_lock_waits": "on",
        "deadlock_timeout": "500ms",
        "log_min_duration_statement": "500ms",
    }
    return Cluster(folder=home.lab.postgres, port=port, bin=bin_folder, settings=settings)


def _launch(
    home: Home, cluster: Cluster, password: str, others: Sequence[Program], *, daemon: bool, progress: Progress
) -> Supervisor:
    if not cluster.initialised:
        with stage(progress, "Creating the lab's Postgres"):
            cluster.initialise(password)
    if int((cluster.folder / "PG_VERSION").read_text(encoding="utf-8")) >= RESERVED_SINCE:
        cluster = replace(cluster, settings={**cluster.settings, **RESERVED})
    cluster.configure()
    server = Program(name=POSTGRES, command=cluster.command(), stop="INT", drop=cluster.drop)
    return supervise.launch(home.lab, [server, *others], daemon=daemon)


def _ready(supervisor: Supervisor, cluster: Cluster, password: str, progress: Progress) -> None:
    if POSTGRES not in supervisor.pids():
        progress(f"Starting the lab's Postgres on 127.0.0.1:{cluster.port} …")
        supervisor.start(POSTGRES)
    cluster.wait_ready(password, log=supervisor.part.log(POSTGRES), alive=supervisor.watch(POSTGRES))


def _stop(home: Home, supervisor: Supervisor) -> None:
    # First: nobody should begin something in a lab that is going down.
    home.lab_environment.unlink(missing_ok=True)
    supervisor.shutdown()
