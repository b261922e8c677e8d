"""What the vendors publish about the requests that we make: which there are, what they take, and what they answer.

`specs/` holds what we use of their OpenAPI descriptions (Mailgun: Apache-2.0, SendGrid and Resend: MIT), without their
texts. `python -m tests.tasks.mail_provider.spec FOLDER` takes it out of the whole descriptions again.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import jsonschema

HERE = Path(__file__).parent / "specs"
MAILGUN = "mailgun/openapi.json"
# By vendor, the files of its description and what we ask of it.
USED: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "mailgun": (
        (MAILGUN,),
        (
            "GET /v4/domains/{name}",
            "POST /v1/analytics/metrics",
            "GET /v3/{domain_name}/events",
            "GET /v3/domains/{name}/sending_queues",
            "GET /v5/accounts/limit/custom/monthly",
            "GET /v5/accounts/subaccounts/{subaccount_id}",
            "POST /v5/accounts/subaccounts/{subaccount_id}/disable",
            "POST /v5/accounts/subaccounts/{subaccount_id}/enable",
            *(
                f"{verb} /v3/{{domain_name}}/{kind}{who}"
                for kind in ("bounces", "complaints", "unsubscribes")
                for verb, who in (("GET", ""), ("POST", ""), ("GET", "/{address}"), ("DELETE", "/{address}"))
            ),
        ),
    ),
    "sendgrid": (
        tuple(
            f"sendgrid/tsg_{name}_v3.json"
            for name in ("scopes", "stats", "suppressions", "domain_authentication", "subusers", "user")
        ),
        (
            "GET /v3/scopes",
            "GET /v3/stats",
            "GET /v3/whitelabel/domains",
            "GET /v3/subusers",
            "PATCH /v3/subusers/{subuser_name}",
            "GET /v3/subusers/reputations",
            "GET /v3/user/account",
            "GET /v3/user/credits",
            "GET /v3/suppression/unsubscribes",
            "POST /v3/asm/suppressions/global",
            "GET /v3/asm/suppressions/global/{email}",
            "DELETE /v3/asm/suppressions/global/{email}",
            "GET /v3/suppression/blocks",
            *(
                f"{verb} /v3/suppression/{kind}{who}"
                for kind in ("bounces", "invalid_emails", "spam_reports")
                for verb, who in (("GET", ""), ("GET", "/{email}"), ("DELETE", "/{email}"))
            ),
        ),
    ),
    "resend": (
        ("resend/resend.json",),
        (
            "GET /domains",
            "GET /domains/{domain_id}",
            "PATCH /domains/{domain_id}",
            "GET /emails/metrics",
            "GET /emails",
            "GET /suppressions",
            "POST /suppressions",
            "GET /suppressions/{suppression}",
            "DELETE /suppressions/{suppression}",
        ),
    ),
}
# What we take of a schema: what can be told right from wrong by. Formats are left out: vendors' own examples miss them.
KEPT = {"type", "properties", "required", "items", "enum", "anyOf", "oneOf", "additionalProperties", "nullable"}
DEEPEST = 12


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """A request as it came in, and what was answered to it."""

    method: str
    target: str
    body: bytes
    status: int
    answer: bytes

    def __str__(self) -> str:
        return f"{self.method} {self.target} → {self.status}"


def wrong(vendor: str, exchange: Exchange) -> list[str]:
    """What the vendor's description has against it; empty where nothing."""
    parts = urlsplit(exchange.target)
    found = _operation(vendor, exchange.method, parts.path)
    if found is None:
        return [f"{exchange}: there is no such request"]
    told = [
        f"{exchange}: takes no parameter {name!r}"
        for name in parse_qs(parts.query)
        if name not in found["parameters"] and name not in _PAGING.get(vendor, ())
    ]
    if exchange.body:
        told += _against(found["body"], exchange.body, f"{exchange}: the body", strict=True)
    if exchange.status < 300 and (schema := found["answers"].get(str(exchange.status))) is None:
        told.append(f"{exchange}: no such answer; there are {', '.join(found['answers'])}")
    elif exchange.status < 300 and exchange.answer and not _is_nobody(exchange):
        told += _against(schema, exchange.answer, f"{exchange}: the answer", strict=False)
    return told


def _is_nobody(exchange: Exchange) -> bool:
    """SendGrid's text has an empty table for an address that is not suppressed; its schema forgets it."""
    return "/v3/asm/suppressions/global/" in exchange.target and exchange.answer == b"{}"


# Mailgun's addresses of further pages hold what it likes.
_PAGING = {"mailgun": ("address",)}


def extracted(folder: Path, vendor: str) -> dict[str, Any]:
    """What we use of the vendor's description in `folder`."""
    files, used = USED[vendor]
    whole = [json.loads((folder / file).read_text(encoding="utf-8")) for file in files]
    return {wanted: _extract(whole, wanted) for wanted in used}


@cache
def committed(vendor: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((HERE / f"{vendor}.json").read_text(encoding="utf-8"))
    return told


def _operation(vendor: str, method: str, path: str) -> Any:
    fitting = [
        (template.count("{"), operation)
        for line, operation in committed(vendor).items()
        for verb, template in (line.split(" ", 1),)
        if verb == method and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), path)
    ]
    # /v3/subusers/reputations is no subuser.
    return min(fitting, key=lambda one: one[0])[1] if fitting else None


def _against(schema: Any, content: bytes, what: str, *, strict: bool) -> list[str]:
    if schema is None:
        return [f"{what} is not foreseen"]
    validator = jsonschema.Draft202012Validator(_closed(schema) if strict else schema)
    return [f"{what}: {error.json_path}: {error.message}" for error in validator.iter_errors(json.loads(content))]


def _closed(schema: Any) -> Any:
    """Of what we send, whatever is not described is a slip of ours."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(value) for name, value in schema.items()}
    if "properties" in closed:
        closed.setdefault("additionalProperties", False)
    return closed


def _extract(whole: list[Any], wanted: str) -> dict[str, Any]:
    method, _, path = wanted.partition(" ")
    description = next(one for one in whole if path in one["paths"])
    shared = description["paths"][path]
    operation = _resolved(description, shared[method.lower()])
    parameters = operation.get("parameters", []) + _resolved(description, shared.get("parameters", []))
    content = operation.get("requestBody", {}).get("content", {})
    return {
        "parameters": sorted(one["name"] for one in parameters if one["in"] == "query"),
        "body": _schema(content["application/json"]["schema"]) if "application/json" in content else None,
        "answers": {
            status: _schema(answer.get("content", {}).get("application/json", {}).get("schema", {}))
            for status, answer in operation["responses"].items()
            if status.startswith("2")
        },
    }


def _resolved(description: Any, part: Any, depth: int = 0) -> Any:
    if depth > DEEPEST * 3:
        return {}
    if isinstance(part, list):
        return [_resolved(description, one, depth + 1) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        target = description
        for name in part["$ref"].removeprefix("#/").split("/"):
            target = target[unquote(name).replace("~1", "/").replace("~0", "~")]
        return _resolved(description, target, depth + 1)
    return {name: _resolved(description, value, depth + 1) for name, value in part.items()}


def _schema(part: Any) -> Any:
    """A schema without texts and examples; `allOf` put together, `nullable` in JSON Schema's words."""
    if not isinstance(part, dict):
        return part
    merged = dict(part)
    for one in merged.pop("allOf", []):
        # An "object" that is described as a text by its own definition is that text.
        merged = {**merged, **_schema(one), "properties": {**merged.get("properties", {}), **one.get("properties", {})}}
    kept = {name: value for name, value in merged.items() if name in KEPT and value != {}}
    if kept == {"type": "object"} and "imestamp" in merged.get("description", ""):
        # Mailgun describes its own type of a moment as a table; in every example it is a text.
        return {"type": "string"}
    for name in ("items", "additionalProperties"):
        if name in kept:
            kept[name] = _schema(kept[name])
    if "properties" in kept:
        kept["properties"] = {name: _schema(value) for name, value in kept["properties"].items()}
    for name in ("anyOf", "oneOf"):
        if name in kept:
            kept[name] = [_schema(one) for one in kept[name]]
    if kept.pop("nullable", False) and isinstance(kept.get("type"), str):
        kept["type"] = [kept["type"], "null"]
    return kept


def main(folder: Path) -> None:
    for vendor in USED:
        told = json.dumps(extracted(folder, vendor), indent=1, sort_keys=True)
        (HERE / f"{vendor}.json").write_text(told + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
