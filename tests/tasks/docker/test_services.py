"""Is every service judged by its own state, and is exactly the container that was named started or restarted?"""

from __future__ import annotations

import pytest

from tasks.docker.services.actions import RestartUnhealthyContainers, StartStoppedContainers
from tasks.docker.services.checks import check_container_health, check_container_memory, check_containers
from tasks.docker.services.faults import StopContainer
from tasks.docker.system import MOST_LOG_BYTES, Docker
from tasks.environment import Environment, Kind
from tasks.model import Finding, Refused, Risk, Verdict
from tests.tasks.docker.engine import Engine

START, RESTART = StartStoppedContainers(), RestartUnhealthyContainers()
MIB = 2**20
UNHEALTHY = {"Status": "unhealthy", "FailingStreak": 4, "Log": [{"ExitCode": 1, "Output": "refused\n"}]}


def stands(docker: Docker) -> Finding:
    return check_containers.fn(docker)


def changes(engine: Engine) -> list[str]:
    """What was done to containers, without the version."""
    return [asked.partition("/containers/")[2] for asked in engine.asked if not asked.startswith("GET ")]


def test_it_names_the_database_that_lies_there_with_137_while_the_application_runs(
    engine: Engine, docker: Docker
) -> None:
    """4-21: `compose ps` ends with 0, and `restart newsletter-app` does not start the database."""
    engine.service(1, "web")
    database = engine.service(2, "postgres", code=137, minutes=12)
    engine.logs[database] = b"starting\nlistening on 5432\n"
    found = stands(docker)
    assert found.verdict is Verdict.BAD
    assert found.says == (
        "shop-postgres-1 was killed (137): its memory was used up, or it did not stop in time (12 min ago), its last "
        "line: “listening on 5432”."
    )
    [row] = found.rows
    assert (row["exit_code"], row["last_lines"]) == (137, ["starting", "listening on 5432"])
    plan = START.plan(docker)
    assert [command.line for command in plan.commands] == [f"docker start {database}  # shop-postgres-1"]
    assert (plan.risk, str(plan.blast_radius)) == (Risk.MODERATE, "1 of 2 containers")
    assert START.apply(docker, plan).says == "1 container started."
    assert changes(engine) == [f"{database}/start"]
    assert stands(docker).says == "2 containers run, of shop."


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"code": 1}, "ended with 1 (60 min ago)"),
        ({"code": 143}, "was ended by SIGTERM (143) (60 min ago)"),
        ({"code": 139}, "was ended by SIGSEGV (139) (60 min ago)"),
        ({"code": 137, "OOMKilled": True}, "was killed (137): its memory was used up (60 min ago)"),
        ({"code": 0}, "ended with 0 (60 min ago)"),
        # Podman says `stopped` for a moment, and `configured` for what was never started.
        ({"code": 3, "state": "stopped"}, "ended with 3 (60 min ago)"),
        ({"state": "paused"}, "is paused"),
        # 4-18: of three that publish one port, two get this far.
        (
            {"state": "created", "code": 128, "Error": "driver failed: port is already allocated."},
            "was made and never started: driver failed: port is already allocated",
        ),
    ],
)
def test_it_says_how_a_container_came_to_stand_still(
    engine: Engine, docker: Docker, more: dict[str, object], says: str
) -> None:
    engine.service(1, "web", **more)  # type: ignore[arg-type]
    assert stands(docker).says == f"shop-web-1 {says}."
    assert stands(docker).verdict is Verdict.BAD


def test_a_job_may_end_with_0_and_with_nothing_else(engine: Engine, docker: Docker) -> None:
    job = docker.model_copy(update={"jobs": ("migrate",)})
    engine.service(1, "migrate", code=0)
    engine.service(2, "web")
    assert (stands(job).verdict, stands(job).says) == (Verdict.OK, "1 container runs, of shop; 1 job ended well.")
    engine.service(1, "migrate", code=1)
    assert stands(job).verdict is Verdict.BAD


def test_it_misses_a_service_without_a_container_and_a_project_without_any(engine: Engine, docker: Docker) -> None:
    assert stands(docker).says == (
        "The engine has no container of the project shop: it was never started here, or taken down."
    )
    engine.service(1, "web")
    engine.service(2, "postgres", project="another")
    wanted = docker.model_copy(update={"services": ("web", "postgres")})
    assert stands(wanted).says == "postgres has no container."
    assert START.plan(wanted).commands == ()


def test_it_leaves_one_off_containers_to_the_clean_up(engine: Engine, docker: Docker) -> None:
    engine.service(1, "web")
    engine.service(2, "web", code=1, oneoff="True", name="shop-web-run-a1")
    assert stands(docker).verdict is Verdict.OK


def test_it_says_what_is_missing_where_no_project_is_named(engine: Engine) -> None:
    with pytest.raises(Refused, match="`project` is missing"):
        stands(Docker(socket=engine.socket))


def test_it_names_those_that_are_unhealthy_or_started_again_and_again(engine: Engine, docker: Docker) -> None:
    ill = engine.service(1, "web", health=UNHEALTHY)
    engine.service(2, "worker", minutes=0.1, restarts=8)
    engine.service(3, "loop", state="restarting", restarts=2)
    engine.service(4, "api", health={"Status": "healthy", "FailingStreak": 0, "Log": None})
    engine.service(5, "old", restarts=40, minutes=600)
    engine.logs[ill] = b"ECONNREFUSED 127.0.0.1:5432\n"
    found = check_container_health.fn(docker)
    assert (found.verdict, found.value) == (Verdict.BAD, 3.0)
    assert found.says == (
        "shop-loop-1 ends again and again: started anew 2 times, it ended with 0 last; shop-web-1 is unhealthy, 4 "
        "times in a row: refused, its last line: “ECONNREFUSED 127.0.0.1:5432”; shop-worker-1 ends again and again: "
        "started anew 8 times, it ended with 0 last."
    )
    # What stands still is the other question's.
    assert stands(docker).verdict is Verdict.OK
    # What the engine starts over and over is not started once more.
    assert [command.target["container"] for command in RESTART.plan(docker).commands] == [ill]


@pytest.mark.parametrize(
    ("more", "verdict"),
    [
        ({"minutes": 0.5, "restarts": 0}, Verdict.OK),
        ({"minutes": 0.5, "restarts": 1}, Verdict.WARN),
        ({"minutes": 0.5, "restarts": 2}, Verdict.WARN),
        ({"minutes": 0.5, "restarts": 3}, Verdict.BAD),
        ({"minutes": 2, "restarts": 3}, Verdict.OK),
        # Podman without systemd runs no health check.
        ({"minutes": 9, "health": {"Status": "starting", "FailingStreak": 0, "Log": None}}, Verdict.OK),
        ({"minutes": 11, "health": {"Status": "starting", "FailingStreak": 0, "Log": None}}, Verdict.WARN),
        ({"health": {"Status": "none", "FailingStreak": 0, "Log": None}}, Verdict.OK),
        ({"health": {"Status": "", "FailingStreak": 0, "Log": None}}, Verdict.OK),
    ],
)
def test_it_takes_no_old_start_for_a_new_one(
    engine: Engine, docker: Docker, more: dict[str, object], verdict: Verdict
) -> None:
    engine.service(1, "web", **more)  # type: ignore[arg-type]
    assert check_container_health.fn(docker).verdict is verdict


def used(engine: Engine, name: str, usage: int, **stats: int) -> None:
    engine.stats[name] = {
        "memory_stats": {"usage": usage, "limit": 64 * MIB, **({"stats": stats} if stats else {})},
        "cpu_stats": {"throttling_data": {"periods": 10, "throttled_periods": 4}},
        "pids_stats": {"current": 3},
    }


@pytest.mark.parametrize(
    ("usage", "cached", "verdict"),
    [
        (54 * MIB, 0, Verdict.OK),
        (55 * MIB, 0, Verdict.WARN),
        (61 * MIB, 0, Verdict.BAD),
        # 4-30: file contents are given back when somebody needs the room.
        (64 * MIB, 30 * MIB, Verdict.OK),
    ],
)
def test_it_judges_memory_by_the_containers_own_limit(
    engine: Engine, docker: Docker, usage: int, cached: int, verdict: Verdict
) -> None:
    web = engine.service(1, "web", memory=64 * MIB, cpus=500_000_000)
    engine.service(2, "postgres")
    used(engine, web, usage, inactive_file=cached)
    found = check_container_memory.fn(docker)
    assert found.verdict is verdict
    assert found.says.endswith(" of its 64.0 MiB of memory (bad from 95%). 1 container without a limit.")
    if found.rows:
        row = found.rows[0]
        assert (row["processors"], row["held_back"], row["processes"]) == (0.5, 0.4, 3)


def test_it_reads_the_figures_of_podman_and_of_older_control_groups(engine: Engine, docker: Docker) -> None:
    web = engine.service(1, "web", memory=64 * MIB)
    used(engine, web, 16 * MIB)
    assert check_container_memory.fn(docker).value == 0.25
    used(engine, web, 32 * MIB, total_inactive_file=16 * MIB, inactive_file=1)
    assert check_container_memory.fn(docker).value == 0.25


def test_it_is_sure_of_memory_only_where_the_engine_is(engine: Engine, docker: Docker) -> None:
    engine.service(1, "web", code=137, memory=64 * MIB)
    assert check_container_memory.fn(docker).verdict is Verdict.WARN
    engine.service(1, "web", code=137, memory=64 * MIB, OOMKilled=True)
    assert check_container_memory.fn(docker).verdict is Verdict.BAD
    engine.service(1, "web")
    assert check_container_memory.fn(docker).verdict is Verdict.OK


def test_it_starts_them_in_the_order_in_which_they_stopped_and_leaves_paused_ones(
    engine: Engine, docker: Docker
) -> None:
    engine.service(1, "api", code=1, minutes=3)
    engine.service(2, "postgres", code=137, minutes=5)
    engine.service(3, "halted", state="paused")
    assert START.plan(docker).does == "Start 2 containers of shop: shop-postgres-1, shop-api-1."


def test_it_leaves_what_is_not_what_was_listed(engine: Engine, docker: Docker) -> None:
    runs, again, gone, late = (engine.service(number, f"s{number}", code=1) for number in range(1, 5))
    plan = START.plan(docker)
    engine.containers[runs]["State"] |= {"Status": "running", "Running": True}
    engine.service(2, "s2", code=1, minutes=1)
    del engine.containers[gone]
    new = engine.service(5, "s5", code=1)
    outcome = START.apply(docker, plan)
    assert changes(engine) == [f"{late}/start"]
    assert outcome.says == (
        "1 container started. shop-s1-1: it runs by now; shop-s2-1: it is not what was listed: it ran meanwhile; "
        f"{gone}: it is gone."
    )
    assert {row["container"] for row in outcome.not_done} == {runs, again, gone}
    assert engine.containers[new]["State"]["Running"] is False


def test_it_says_when_what_was_started_ends_again_at_once(engine: Engine, docker: Docker) -> None:
    """4-16: a data directory of 15 under 18; no start changes that."""
    one = engine.service(1, "postgres", code=1)
    engine.becomes[one] = ("exited", 1)
    plan = START.plan(docker)
    outcome = START.apply(docker, plan)
    assert (outcome.complete, outcome.not_done) == (False, [])
    assert outcome.says == ("No container started. shop-postgres-1: it was taken, and ended with 1 (0 s ago).")
    # It was done, all the same: nobody tries it three times.
    assert START.applied(docker, plan) is True


def test_it_can_tell_after_a_crash_whether_it_was_done(engine: Engine, docker: Docker) -> None:
    one = engine.service(1, "web", code=1)
    plan = START.plan(docker)
    assert START.applied(docker, plan) is False
    docker.start(one)
    assert START.applied(docker, plan) is True
    del engine.containers[one]
    assert START.applied(docker, plan) is None


def test_it_restarts_the_unhealthy_one_and_no_other(engine: Engine, docker: Docker) -> None:
    engine.service(1, "postgres")
    ill = engine.service(2, "web", health=UNHEALTHY)
    plan = RESTART.plan(docker)
    assert [command.line for command in plan.commands] == [f"docker restart -t 60 {ill}  # shop-web-1"]
    assert RESTART.applied(docker, plan) is False
    outcome = RESTART.apply(docker, plan)
    assert (outcome.complete, outcome.says) == (True, "1 container restarted.")
    assert changes(engine) == [f"{ill}/restart {{'t': '60'}}"]
    assert RESTART.applied(docker, plan) is True


def test_it_does_not_restart_what_was_restarted_meanwhile_or_is_well(engine: Engine, docker: Docker) -> None:
    again, well = engine.service(1, "a", health=UNHEALTHY), engine.service(2, "b", health=UNHEALTHY)
    plan = RESTART.plan(docker)
    engine.service(1, "a", health=UNHEALTHY, minutes=1)
    engine.containers[well]["State"]["Health"]["Status"] = "healthy"
    outcome = RESTART.apply(docker, plan)
    assert changes(engine) == []
    assert outcome.says == (
        "No container restarted. shop-a-1: it was restarted, or stopped, meanwhile; shop-b-1: it is well by now."
    )
    assert {row["container"] for row in outcome.not_done} == {again, well}


def test_it_reads_a_bounded_end_of_the_log_and_does_not_wait_for_more(engine: Engine, docker: Docker) -> None:
    """4-28: by the engine, whichever compose is there."""
    one = engine.service(1, "web", code=1)
    engine.logs[one] = b"x" * 300_000 + b"\n\x1b[31mFATAL\x00 last\n"
    lines = docker.log(one, lines=10)
    assert len("\n".join(lines)) <= MOST_LOG_BYTES
    asked = next(asked for asked in engine.asked if "/logs" in asked)
    assert "'follow': '0'" in asked
    assert "'tail': '10'" in asked
    assert stands(docker).says.endswith("its last line: “[31mFATAL last”.")


def test_it_does_nothing_beyond_starting_restarting_and_removing_by_id() -> None:
    """Not offered: 4-1 prune, 4-16 pull, 4-17 and 4-18 scale, 4-19 a new container of compose's making."""
    own = {name for name in vars(Docker) if callable(getattr(Docker, name)) and not name.startswith(("_", "model_"))}
    assert own == {
        *("usage", "containers", "images", "stats", "log", "container", "image", "examine"),
        *("start", "restart", "stop", "remove_container", "remove_image"),
    }


def test_a_drill_stops_only_what_it_was_given_and_starts_it_again(engine: Engine, docker: Docker) -> None:
    web, worker = engine.service(1, "web"), engine.service(2, "worker")
    given = docker.model_copy(update={"drill_service": "worker"})
    lab = Environment(name="lab", kind=Kind.LAB, systems={"docker": given})
    with StopContainer().during(lab):
        assert stands(docker).says.startswith("shop-worker-1 was ended by SIGTERM (143)")
    assert changes(engine) == [f"{worker}/stop {{'t': '60'}}", f"{worker}/start"]
    assert engine.containers[web]["State"]["Running"] is True
    with pytest.raises(Refused, match="may be stopped in drills"):
        StopContainer().cause(docker)
