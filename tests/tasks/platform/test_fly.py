"""Fly: exactly the machines whose checks fail are restarted, one after the other, each under a lease."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from tasks.fly.actions import RestartFlyMachines
from tasks.fly.checks import check_fly_machines
from tasks.fly.system import Fly
from tasks.model import CannotLook, Refused, Verdict
from tests.tasks.platform.conftest import CANARY
from tests.tasks.web.conftest import Asked, Reply, Vendor, serving

OK, WARN, BAD, UNKNOWN = Verdict.OK, Verdict.WARN, Verdict.BAD, Verdict.UNKNOWN


class App:
    """An app at Fly: its machines, who has a lease, and what a restart does to each."""

    def __init__(self) -> None:
        self.machines: dict[str, dict[str, Any]] = {}
        self.leased: dict[str, str] = {}
        self.stays_ill: set[str] = set()
        self.answers: dict[str, int] = {}
        self.restarted: list[tuple[str, str]] = []
        for name in ("m1", "m2", "m3"):
            self.add(name)

    def add(self, name: str, **other: Any) -> None:
        self.machines[name] = {
            "id": name, "name": f"web-{name}", "state": "started", "region": "ams", "instance_id": f"01{name}",
            "host_status": "ok", "cordoned": False, "checks": [{"name": "http", "status": "passing", "output": "ok"}],
            "events": [{"type": "start", "status": "started", "source": "flyd", "timestamp": 1000}], **other,
        }  # fmt: skip

    def ill(self, *names: str) -> None:
        for name in names:
            self.machines[name]["checks"] = [{"name": "http", "status": "critical", "output": "connection refused"}]

    def reply(self, asked: Asked) -> Reply:
        _, _, _, app, _, *rest = asked.path.split("/")
        assert (app, asked.headers["Authorization"]) == ("shop", f"Bearer {CANARY}")
        status, body = self.told(asked.method, rest, asked)
        return Reply(status=status, body=json.dumps(body).encode())

    def told(self, method: str, rest: list[str], asked: Asked) -> tuple[int, Any]:
        if not rest:
            return 200, list(self.machines.values())
        one, verb = self.machines.get(rest[0]), "/".join([method, *rest[1:]])
        if one is None:
            return 404, {"error": "machine not found"}
        if verb in self.answers:
            return self.answers[verb], {"error": "told to"}
        if verb == "GET":
            return 200, one
        if verb == "POST/lease":
            if rest[0] in self.leased:
                return 409, {"error": "lease currently held by ada@example.com"}
            self.leased[rest[0]] = f"nonce{rest[0]}"
            return 200, {"status": "success", "data": {"nonce": self.leased[rest[0]]}}
        if verb == "POST/restart" and asked.headers.get("fly-machine-lease-nonce") == self.leased.get(rest[0]):
            self.restarted.append((rest[0], asked.headers["fly-machine-lease-nonce"]))
            one["events"] = [{"type": "restart", "timestamp": int(time.time() * 1000)}, *one["events"]]
            if rest[0] not in self.stays_ill:
                one["checks"] = [{"name": "http", "status": "passing", "output": "ok"}]
            return 200, {"ok": True}
        return 400, {"error": "no"}


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
def fly(app: App, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fly]:
    monkeypatch.setattr("tasks.fly.system.POLL_S", 0.01)
    monkeypatch.setattr("tasks.fly.actions.SERVES_WITHIN_S", 0.3)

    def reply_to(vendor: Vendor, asked: Asked) -> Reply:
        vendor.asked.append(asked)
        return app.reply(asked)

    monkeypatch.setattr(Vendor, "reply_to", reply_to)
    with serving() as vendor:
        yield Fly(url=vendor.url, token=SecretStr(CANARY), app="shop")


def test_it_is_well(fly: Fly, app: App) -> None:
    app.machines["m3"]["state"] = "stopped"
    told = check_fly_machines.fn(fly)
    assert (told.verdict, told.says) == (OK, "2 of 3 machines of the app shop at Fly run, and their checks pass.")
    assert next(fly.examine()).says == "Fly shows us 3 machines of shop."


@pytest.mark.parametrize(
    ("changed", "verdict", "says"),
    [
        (
            {"checks": [{"name": "http", "status": "critical", "output": "boom\x1b"}]},
            BAD,
            "whose check http says “boom”",
        ),
        ({"checks": [{"name": "http", "status": "warning", "output": ""}]}, WARN, "with a warning from http"),
        ({"host_status": "unreachable"}, BAD, "whose host is unreachable"),
        ({"host_status": "unknown"}, WARN, "whose host is unknown"),
        ({"cordoned": True}, WARN, "cordoned"),
        ({"state": "replacing"}, WARN, "web-m1 in ams, replacing"),
        ({"state": "suspended"}, OK, "run, and their checks pass"),
        ({"state": "destroyed"}, OK, "2 of 2 machines"),
    ],
)
def test_it_judges_a_machine(fly: Fly, app: App, changed: dict[str, Any], verdict: Verdict, says: str) -> None:
    app.machines["m1"] |= changed
    told = check_fly_machines.fn(fly)
    assert told.verdict is verdict
    assert says in told.says


def test_none_that_runs_is_an_outage(fly: Fly, app: App) -> None:
    for one in app.machines.values():
        one["state"] = "stopped"
    assert check_fly_machines.fn(fly).verdict is BAD
    # And nothing that a restart could mend: they were stopped by somebody.
    assert RestartFlyMachines().plan(fly).commands == ()


def test_it_restarts_exactly_the_ill_ones_each_under_its_lease(fly: Fly, app: App) -> None:
    app.ill("m1", "m3")
    action = RestartFlyMachines()
    plan = action.plan(fly)
    assert [command.line for command in plan.commands] == [
        "fly machine restart m1 --app shop",
        "fly machine restart m3 --app shop",
    ]
    assert action.applied(fly, plan) is False
    assert action.people(plan) == 2
    outcome = action.apply(fly, plan)
    assert (outcome.complete, outcome.not_done) == (True, [])
    assert app.restarted == [("m1", "noncem1"), ("m3", "noncem3")]
    assert action.applied(fly, plan) is True


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda one: one.update(instance_id="02"), "changed or started anew"),
        (lambda one: one["events"].insert(0, {"type": "restart", "timestamp": 2000}), "changed or started anew"),
        (lambda one: one.update(checks=[{"name": "http", "status": "passing"}]), "its checks pass by now"),
        (lambda one: one.update(state="stopped"), "does not run"),
    ],
)
def test_it_leaves_alone_what_changed_since(fly: Fly, app: App, change: Any, why: str) -> None:
    app.ill("m1", "m2")
    plan = RestartFlyMachines().plan(fly)
    change(app.machines["m1"])
    outcome = RestartFlyMachines().apply(fly, plan)
    assert [name for name, _ in app.restarted] == ["m2"]
    assert not outcome.complete
    assert why in outcome.says
    assert outcome.not_done == [plan.commands[0].target]


def test_a_machine_that_is_gone_or_leased_is_left_and_the_next_one_done(fly: Fly, app: App) -> None:
    app.ill("m1", "m2", "m3")
    plan = RestartFlyMachines().plan(fly)
    del app.machines["m1"]
    app.leased["m2"] = "somebody"
    outcome = RestartFlyMachines().apply(fly, plan)
    assert [name for name, _ in app.restarted] == ["m3"]
    assert "m1: it is gone" in outcome.says
    assert "somebody else may be changing it" in outcome.says
    assert len(outcome.not_done) == 2


@pytest.mark.parametrize("answer", [None, 500])
def test_one_that_does_not_get_well_ends_it(fly: Fly, app: App, answer: int | None) -> None:
    app.ill("m1", "m2")
    app.stays_ill = {"m1"}
    if answer:
        app.answers["POST/restart"] = answer
    plan = RestartFlyMachines().plan(fly)
    outcome = RestartFlyMachines().apply(fly, plan)
    assert not outcome.complete
    assert [row["machine"] for row in outcome.rows] == ["m1"]
    assert outcome.not_done == [plan.commands[1].target]
    # Whether what was begun is done nobody can tell from its events alone.
    assert RestartFlyMachines().applied(fly, plan) is (False if answer else None)


@pytest.mark.parametrize(
    ("status", "said", "refused"),
    [(401, "refuses us", True), (404, "knows no such app", True), (429, "too often", False), (500, "trouble", False)],
)
def test_it_says_what_fly_says(
    fly: Fly, app: App, monkeypatch: pytest.MonkeyPatch, status: int, said: str, refused: bool
) -> None:
    monkeypatch.setattr(app, "told", lambda *_: (status, {"error": f"no {CANARY}"}))
    monkeypatch.setattr("tasks.web.retry.sleep", lambda _: None)
    with pytest.raises(CannotLook, match=said) as raised:
        fly.machines()
    assert isinstance(raised.value, Refused) is refused
    assert CANARY not in raised.value.says
