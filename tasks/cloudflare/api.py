"""What all doors to Cloudflare share: the account, the envelope of its answers, GraphQL, and whether a token lives.

cloudflare/cloudflare-typescript@faaaf89e (Apache-2.0). Its error codes, and the fields of the datasets that GraphQL is
asked for, are Cloudflare's documents as remembered: what is missing there is told as not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar
from urllib.parse import quote

from pydantic import AfterValidator, Field

from tasks.excerpt import excerpt
from tasks.model import CannotLook, Json, Refused
from tasks.platform.hosted import HostedApiWithToken
from tasks.web.door import Door
from tasks.web.exchange import Params, bearer
from tasks.web.reading import not_as_documented, rows, table, text
from tasks.web.system import http_url

# What Cloudflare says of a token that is wrong, whatever the status it comes with.
AUTHENTICATION = (1000, 9109, 10000)


class CloudflareApi(HostedApiWithToken):
    """An account at Cloudflare. A token needs only what is asked of it: Workers Scripts, D1, Account Analytics."""

    said: ClassVar[str] = "Cloudflare"
    about_tokens: ClassVar[str] = (
        "Look in Cloudflare under Manage account, API tokens: is it active, of this account, with the rights that "
        "environments.example.toml names?"
    )

    url: Annotated[str, AfterValidator(http_url("the API's address, like https://api.cloudflare.com/client/v4"))] = (
        "https://api.cloudflare.com/client/v4"
    )
    status_url: str = "https://www.cloudflarestatus.com"
    account: str = Field(pattern=r"^[A-Za-z0-9]{1,64}$")

    def known_as(self) -> str:
        # A token is its user's, or the account's: each is known at its own address only.
        refusals = (400, 401, 403)
        answer = self._door.get("/user/tokens/verify", taken=refusals)
        if answer.status in refusals:
            answer = self._door.get(f"{self._account}/tokens/verify")
        status = text(table(table(answer.body).get("result")).get("status"), 40)
        if status != "active":
            raise Refused(f"Cloudflare calls our token {status or 'nothing that we know'}.", remedy=self.about_tokens)
        return "Cloudflare calls our token active."

    def result(self, path: str, params: Params | None = None) -> Json:
        """What lies in the envelope of an answer, under a path of the account.

        Raises:
            CannotLook, Refused: it does not tell.
        """
        return self._opened(self._door.get(f"{self._account}{path}", params=params).body)

    def posted(self, path: str, json: Json, *, params: Params | None = None, reads: bool = False) -> Json:
        """The same of a request that changes something, or, with `reads`, asks by its body."""
        answer = self._door.send("POST", f"{self._account}{path}", json=json, params=params, reads=reads)
        return self._opened(answer.body)

    def graphql(self, query: str, variables: Mapping[str, Json]) -> Mapping[str, Json]:
        """What GraphQL answers for this account. What is wrong with a question comes with a 200.

        Raises:
            CannotLook, Refused: it does not tell, or not about this account.
        """
        json: Json = {"query": query, "variables": {"account": self.account, **variables}}
        body = table(self._door.send("POST", "/graphql", json=json, reads=True).body)
        wrong = rows(body.get("errors"))
        if wrong:
            said = text(wrong[0].get("message"))
            raise Refused(f"Cloudflare does not answer what was asked: “{said}”.", remedy=self.about_tokens)
        accounts = rows(table(table(body.get("data")).get("viewer")).get("accounts"))
        if len(accounts) != 1:
            raise not_as_documented(self.said, f"GraphQL tells of {len(accounts)} accounts, and one was asked for")
        return accounts[0]

    @property
    def _account(self) -> str:
        return f"/accounts/{quote(self.account, safe='')}"

    @property
    def _door(self) -> Door:
        return Door(place=self.place(bearer(self.token)), words=self._words, name=self.said)

    def _opened(self, body: Json) -> Json:
        if table(body).get("success") is not True:
            raise not_as_documented(self.said, "nothing says that it succeeded")
        return table(body).get("result")

    def _words(self, status: int, body: Json) -> CannotLook | None:
        errors = rows(table(body).get("errors"))
        # GraphQL has no envelope, and its errors words of their own.
        failed = status >= 400 or table(body).get("success") is False
        if not failed:
            return None
        said = excerpt("; ".join(f"{text(one.get('code'))} {text(one.get('message'))}".strip() for one in errors), 300)
        quoted = f": “{said}”" if said else ""
        if status in (401, 403) or any(one.get("code") in AUTHENTICATION for one in errors):
            return Refused(f"Cloudflare refuses us ({status}){quoted}.", remedy=self.about_tokens)
        if status == 404:
            return Refused(
                f"Cloudflare knows no such thing in this account (404){quoted}.",
                remedy="Write `account`, and the name or id asked for, as they stand in Cloudflare's dashboard.",
            )
        if status < 500 and status != 429:
            return Refused(f"Cloudflare does not do that ({status}){quoted}.")
        return None
