"""The door to n8n: its health, and its public API v1. A `name` is an id here, as n8n gives them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar
from urllib.parse import quote

from pydantic import AfterValidator, ConfigDict, Field, SecretStr

from tasks.model import CannotLook, Finding, Json, Refused, Verdict
from tasks.n8n import reading
from tasks.n8n.told import Credential, Execution, Health, State, Workflow
from tasks.web.door import Door
from tasks.web.exchange import Answer, Limits, named
from tasks.web.pages import by_cursor, pages
from tasks.web.system import HostedApi, http_url

# The largest page there is; what asks for more gets no more.
PAGE = 250
# 5,000 workflows: more are not one team's.
PAGES = 20
# What we ask with, by scope; and what each is wanted for.
READS = {
    "workflow:list": "which workflows there are",
    "workflow:read": "what is in them",
    "execution:list": "what ran",
    "execution:read": "why it failed",
    "credential:list": "whether credentials are there",
    "credential:read": "whether credentials work",
}
CHANGES = {
    "workflow:activate": "reactivate",
    "workflow:deactivate": "take that back",
    "execution:retry": "retry",
    "execution:stop": "stop what is stuck",
    "workflow:create": "import workflows",
}


class N8n(HostedApi):
    """n8n: workflows, what became of their runs, and the credentials they use.

    `expected` are the workflows that must run, by name or id, each with the seconds it may go without a success.
    `concurrency` is what N8N_CONCURRENCY_PRODUCTION_LIMIT is set to: n8n does not tell it.
    """

    kind: ClassVar[str] = "n8n"
    config_lines: ClassVar[str] = (
        'url = "https://n8n.example.com"\n'
        'key = "${N8N_API_KEY}"                  # Settings, n8n API; `incident doctor` names missing scopes\n'
        'expected = { "Message Scheduler" = 900 } # by name, with the seconds each may go without a success'
    )
    model_config = ConfigDict(hide_input_in_errors=True)

    url: Annotated[str, AfterValidator(http_url("n8n's address, like https://n8n.example.com"))]
    key: SecretStr
    # N8N_PUBLIC_API_ENDPOINT, where it is another, and its version.
    api: str = Field(default="/api/v1", pattern=r"^(/[A-Za-z0-9_-]{1,64}){1,4}$")
    expected: Mapping[str, Annotated[float, Field(gt=0, le=90 * 86400)]] = Field(default_factory=dict, max_length=50)
    concurrency: int | None = Field(default=None, ge=1, le=10_000)
    # Where workflows are exported to: a folder a day. It holds what people wrote into nodes.
    exports: Path | None = None
    # Read by a stand-in that can be told to be ill, as the lab's is. Never set it in production.
    drill_file: Path | None = None

    def health(self) -> Health:
        """Its process, and its database behind it.

        Raises:
            CannotLook: nobody answers, or not in time. Refused: what answers is not n8n.
        """
        door = replace(self._door, place=replace(self._door.place, key=None), words=lambda _, __: None)
        alive = door.get("/healthz", taken=_ANY)
        if not alive.is_success:
            return Health(alive=False, ready=False, says=f"its health page answers {alive.status}")
        # Bots are answered with nothing by some versions; so does a proxy that is no n8n.
        if reading.table(alive.body).get("status") != "ok":
            raise reading.not_n8n("its health page has no status")
        ready = door.get("/healthz/readiness", taken=_ANY)
        says = "it answers and is ready" if ready.is_success else f"it answers, and is not ready ({ready.status})"
        return Health(alive=True, ready=ready.is_success, says=says)

    def scopes(self) -> frozenset[str] | None:
        """What the key may; None where this n8n is too old to tell.

        Raises:
            CannotLook, Refused: it does not answer, or does not take the key.
        """
        answer = self._door.get(f"{self.api}/discover", taken=(404,))
        if answer.status == 404:
            return None
        found = reading.table(reading.table(answer.body).get("data")).get("scopes")
        if not isinstance(found, list):
            raise reading.not_n8n("the key's scopes are no list")
        return frozenset(reading.text(one, 64) for one in found)

    def workflows(self) -> list[Workflow]:
        """All of them.

        Raises:
            CannotLook, Refused: they cannot be had, or are more than can be read.
        """
        return [reading.workflow(one) for one in self.workflow_tables()]

    def workflow_tables(self) -> Iterator[Mapping[str, Json]]:
        """All of them as n8n tells them, for what keeps them whole.

        Raises:
            CannotLook, Refused: they cannot be had, or are more than can be read.
        """
        for page in self._pages("/workflows", "its workflows", {"limit": PAGE, "excludePinnedData": "true"}):
            yield from page

    def workflow(self, name: str) -> Workflow | None:
        """One; None where it is not there, or not shown to this key.

        Raises:
            CannotLook, Refused: it cannot be had.
        """
        answer = self._door.get(f"{self.api}/workflows/{quote(name, safe='')}", taken=(404,))
        return None if answer.status == 404 else reading.workflow(reading.table(answer.body))

    def executions(self, state: State | None, *, workflow: str = "", limit: int = PAGE) -> Iterator[list[Execution]]:
        """Runs in one state, the newest first, a page at a time; take only the pages that are needed.

        None leaves out those that run: n8n's list without a state does.

        Raises:
            CannotLook, Refused: a page cannot be had.
        """
        params: dict[str, str | int] = {"limit": limit}
        params |= {"status": state.value} if state else {}
        params |= {"workflowId": workflow} if workflow else {}
        for page in self._pages("/executions", "its executions", params):
            found = [reading.execution(one) for one in page]
            yield [one for one in found if one.id]

    def execution(self, name: str, *, data: bool = False) -> Mapping[str, Json] | None:
        """One run as n8n tells it, with its data or without; None where it is not there any more.

        Raises:
            CannotLook, Refused: it cannot be had, or is longer than is read.
        """
        params = {"includeData": "true"} if data else {}
        answer = self._door.get(f"{self.api}/executions/{quote(name, safe='')}", params=params, taken=(404,))
        return None if answer.status == 404 else reading.table(answer.body)

    def credentials(self) -> list[Credential] | None:
        """Those there are, without their secrets; None where this n8n is too old to tell.

        Raises:
            CannotLook, Refused: they cannot be had.
        """
        first = self._door.get(f"{self.api}/credentials", params={"limit": PAGE}, taken=(404, 405))
        if not first.is_success:
            return None
        listed = self._pages("/credentials", "its credentials", {"limit": PAGE})
        return [reading.credential(one) for page in listed for one in page]

    def try_credential(self, name: str) -> tuple[bool, str] | None:
        """Have n8n log in with it, as its page does: did it work, and n8n's words. None where it knows no such test.

        Raises:
            CannotLook, Refused: it does not answer in time.
        """
        path = f"{self.api}/credentials/{quote(name, safe='')}/test"
        answer = self._door.send("POST", path, reads=True, taken=(400, 404, 405))
        told = reading.table(answer.body)
        if not answer.is_success or told.get("status") not in ("OK", "Error"):
            return None
        said = reading.text(told.get("message"))
        return (told["status"] == "OK" or "no testing function" in said.lower()), said

    def retry(self, name: str) -> Execution:
        """Run it again from the node at which it failed, with the workflow of then. n8n answers when it is over.

        Raises:
            CannotLook: it may run still. Refused: it cannot be retried, or is not there any more.
        """
        path = f"{self.api}/executions/{quote(name, safe='')}/retry"
        answer = self._door.send("POST", path, json={"loadWorkflow": False})
        return reading.execution(reading.table(answer.body))

    def stop(self, name: str) -> None:
        """
        Raises:
            CannotLook: no answer; it may have been stopped. Refused: it does not run any more.
        """
        self._door.send("POST", f"{self.api}/executions/{quote(name, safe='')}/stop")

    def switch(self, name: str, *, on: bool) -> None:
        """
        Raises:
            CannotLook: no answer; it may have been done. Refused: n8n says no, as to what is archived.
        """
        verb = "activate" if on else "deactivate"
        self._door.send("POST", f"{self.api}/workflows/{quote(name, safe='')}/{verb}")

    def create(self, workflow: Json) -> Workflow:
        """
        Raises:
            CannotLook: no answer; it may be there. Refused: n8n says no.
        """
        answer = self._door.send("POST", f"{self.api}/workflows", json=workflow)
        return reading.workflow(reading.table(answer.body))

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        try:
            health = self.health()
            yield Finding(
                verdict=Verdict.OK if health.ready else Verdict.BAD, says=f"{self.url}: {health.says}.",
                remedy="" if health.ready else "Look at n8n's log: its database, or a migration that has not ended.",
            )  # fmt: skip
            yield self._key_found()
        except CannotLook as error:
            bad = Verdict.BAD if isinstance(error, Refused) else Verdict.UNKNOWN
            yield Finding(verdict=bad, says=error.says, remedy=error.remedy)

    def _key_found(self) -> Finding:
        scopes = self.scopes()
        if scopes is None:
            next(iter(self.executions(State.ERROR, limit=1)), None)
            return Finding(verdict=Verdict.OK, says="n8n takes the key; it is too old to tell what the key may.")
        missing = missing_scopes(scopes, READS | CHANGES)
        if not missing:
            return Finding(verdict=Verdict.OK, says="n8n takes the key, and it may do all that is asked of it.")
        worst = Verdict.BAD if missing.keys() & READS.keys() else Verdict.WARN
        return Finding(verdict=worst, says=lacking(missing), remedy=GIVE_SCOPES)

    @property
    def _door(self) -> Door:
        # One for all: a change voids what was told before only where both go through the same place.
        limits = Limits(total_s=self.timeout_s, pages=PAGES)
        return Door(
            place=self.place(named("X-N8N-API-KEY", self.key), limits=limits),
            words=self._words,
            name="n8n",
            unreachable="Look whether its service runs, and at its log.",
        )

    def _pages(self, path: str, what: str, params: Mapping[str, str | int]) -> Iterator[list[Mapping[str, Json]]]:
        answers: Iterator[Answer] = pages(
            self._door, f"{self.api}{path}", by_cursor("cursor", "nextCursor"), params=params
        )
        for answer in answers:
            yield reading.listed(answer.body, what)

    def _words(self, status: int, body: Json) -> CannotLook | None:
        said = reading.text(reading.table(body).get("message"))
        if status == 401:
            return Refused(
                "n8n does not take this key, or its public API is switched off: it says the same to both.",
                remedy="Look in n8n under Settings, n8n API, whether the key is there and has not expired; and whether "
                "N8N_PUBLIC_API_DISABLED is set.",
            )
        if status == 403:
            return Refused("n8n takes the key and says that it may not do this.", remedy=GIVE_SCOPES)
        if status == 404 and not said:
            return Refused(
                f"n8n has no public API at {self.url}{self.api}.",
                remedy="Look whether N8N_PUBLIC_API_DISABLED is set, and correct `url` or `api`.",
            )
        if 400 <= status < 500 and status != 429 and said:
            return Refused(f"n8n says no ({status}): “{said}”.")
        return None


GIVE_SCOPES = (
    "Make a key with these scopes in n8n under Settings, n8n API (an edition without scopes gives them all): "
    + ", ".join([*READS, *CHANGES])
    + "."
)
# What health pages say no with is an answer here; 401 and 403 come from a proxy, and are none.
_ANY = frozenset({404, 500, 501, 502, 503, 504})


def missing_scopes(has: frozenset[str], wanted: Mapping[str, str]) -> dict[str, str]:
    """Those of `wanted` that a key lacks, with what each is wanted for."""
    return {scope: purpose for scope, purpose in wanted.items() if scope not in has}


def lacking(missing: Mapping[str, str]) -> str:
    """A sentence about the scopes that are missing."""
    return "n8n takes the key, and it lacks " + ", ".join(f"{name} ({to})" for name, to in missing.items()) + "."
