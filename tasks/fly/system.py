"""The door to an app at Fly.io: its machines, their states and checks, and the restart of one of them.

superfly/docs@5c22c8ce and superfly/fly-go@22d6e518 (Apache-2.0). A way back to an older image is not offered: a
machine's whole configuration would have to be written anew for it, and nothing there says which image served before.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar
from urllib.parse import quote

from pydantic import AfterValidator, Field, SecretStr

from tasks.excerpt import excerpt
from tasks.model import CannotLook, Json, Refused
from tasks.platform.hosted import HostedApiWithToken, identifier
from tasks.web.door import Door
from tasks.web.exchange import Key, Request, bearer, named
from tasks.web.reading import listed, number, rows, table, text
from tasks.web.system import http_url

STARTED, STOPPED, SUSPENDED = "started", "stopped", "suspended"
CRITICAL, WARNING = "critical", "warning"
NONCE = "fly-machine-lease-nonce"
# As long as a restart may take, and what follows it: others cannot touch the machine meanwhile.
LEASE_S = 60
# Fly takes one request a second for each action on a machine.
POLL_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A machine in Fly's words. `failing` are its checks that are critical, with what they print."""

    id: str
    name: str
    state: str
    region: str
    instance: str
    host: str  # ok, unknown, unreachable
    cordoned: bool
    warning: Sequence[str]
    failing: Mapping[str, str]
    newest_event: float  # as Fly counts moments

    @property
    def is_ill(self) -> bool:
        """It runs, and a check of its own says that it cannot serve."""
        return self.state == STARTED and bool(self.failing)


class Fly(HostedApiWithToken):
    """An app at Fly.io, by its name."""

    kind: ClassVar[str] = "fly"
    config_lines: ClassVar[str] = (
        'token = "${FLY_TOKEN}"                   # fly tokens create deploy --app shop\napp = "shop"'
    )
    said: ClassVar[str] = "Fly"
    about_tokens: ClassVar[str] = "Look at `fly tokens list --app APP`: has it ended, or is it another app's?"

    url: Annotated[str, AfterValidator(http_url("the API's address, like https://api.machines.dev"))] = (
        "https://api.machines.dev"
    )
    status_url: str = "https://status.flyio.net"
    app: str = Field(pattern=r"^[a-z0-9-]{1,63}$")

    @property
    def address(self) -> str:
        """The app, for people."""
        return f"the app {self.app} at Fly"

    def known_as(self) -> str:
        return f"Fly shows us {len(self.machines())} machines of {self.app}."

    def machines(self) -> list[Machine]:
        """All machines of the app.

        Raises:
            CannotLook, Refused: it does not tell. So with all that follow.
        """
        told = listed(self._door.get(self._path).body, self.said, "the machines")
        return [one for one in map(_machine, told) if one is not None]

    def machine(self, machine: str) -> Machine | None:
        """One of them as it is now; None: there is none by that id."""
        answer = self._door.get(f"{self._path}/{quote(machine, safe='')}", taken=(404,))
        return _machine(table(answer.body)) if answer.status != 404 else None

    def line(self, machine: str) -> str:
        """The command that restarts this machine, as a person would type it."""
        return f"fly machine restart {machine} --app {self.app}"

    def restart(self, machine: str) -> None:
        """Restart this machine, under a lease: nobody else's change comes between.

        Raises:
            Refused: somebody else has the lease, or it says no. CannotLook: no answer, and it may have been done.
        """
        one = f"{self._path}/{quote(machine, safe='')}"
        leased = self._door.send("POST", f"{one}/lease", json={"ttl": LEASE_S}, taken=(409,))
        # Where the mark of a lease lies in the answer, no document that we have says: it goes by its name.
        nonce = _nonce(leased.body)
        if leased.status == 409 or not nonce:
            raise Refused(
                f"Fly does not lease us the machine {machine}: somebody else may be changing it.",
                remedy=f"fly machine leases view {machine} --app {self.app}; a lease ends by itself.",
            )
        request = Request(
            method="POST", url=f"{self.place().base}{one}/restart", headers={NONCE: nonce.value.get_secret_value()}
        )
        self._door.answer(request, self._door.until())

    def serving(self, machine: str, within_s: float) -> bool:
        """Wait until it runs, and none of its checks is critical."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            time.sleep(POLL_S)
            now = self.machine(machine)
            if now is not None and now.state == STARTED and not now.failing:
                return True
        return False

    @property
    def _path(self) -> str:
        return f"/v1/apps/{quote(self.app, safe='')}/machines"

    @property
    def _door(self) -> Door:
        return Door(place=self.place(bearer(self.token)), words=self._words, name=self.said)

    def _words(self, status: int, body: Json) -> CannotLook | None:
        said = excerpt(text(table(body).get("error")), 200)
        quoted = f": “{said}”" if said else ""
        if status in (401, 403):
            return Refused(f"Fly refuses us ({status}){quoted}.", remedy=self.about_tokens)
        if status == 404:
            return Refused(f"Fly knows no such app, or not for this token (404){quoted}.", remedy="Correct `app`.")
        if status == 408:
            return CannotLook(f"Fly did not do it in time (408){quoted}.")
        return None


def _machine(one: Mapping[str, Json]) -> Machine | None:
    found = identifier(one.get("id"))
    if not found:
        return None
    checks = rows(one.get("checks"))
    moments = [number(event.get("timestamp")) for event in rows(one.get("events"))]
    return Machine(
        id=found,
        name=text(one.get("name"), 80),
        state=text(one.get("state"), 40),
        region=text(one.get("region"), 20),
        instance=identifier(one.get("instance_id")),
        host=text(one.get("host_status"), 20),
        cordoned=one.get("cordoned") is True,
        warning=[text(check.get("name"), 60) for check in checks if check.get("status") == WARNING],
        failing={
            text(check.get("name"), 60): text(check.get("output"), 200)
            for check in checks
            if check.get("status") == CRITICAL
        },
        newest_event=max((at for at in moments if at is not None), default=0.0),
    )


def _nonce(body: Json) -> Key | None:
    told = table(body)
    found = identifier(told.get("nonce")) or identifier(table(told.get("data")).get("nonce"))
    return named(NONCE, SecretStr(found)) if found else None
