"""Google and Microsoft by the lab's stand-in, whose every answer is held against what is published."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deployments.lab import calendar as lab
from tasks.calendar.system import Calendar

# Canaries: they must be found nowhere.
SECRET, SPARE, OTHER = "canary-secret-in-use-1f9c", "canary-spare-secret-77ab", "canary-microsoft-secret-03de"
GOOGLE_URI, MICROSOFT_URI = (lab.REGISTERED.format(vendor=vendor) for vendor in (lab.GOOGLE, lab.MICROSOFT))
# RFC 6749, 5.2 and 4.1.2.1, and the names that are Google's or Microsoft's own.
NAMES = {
    *("invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type"),
    *("invalid_scope", "deleted_client", "interaction_required", "invalid_resource"),
}


class Seen(lab.Vendors):
    """The stand-in, writing down what it was asked and what it answered."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, 0)
        self.seen: list[tuple[str, str, bytes, lab.Reply]] = []

    def answer(self, method: str, target: str, body: bytes) -> lab.Reply:
        reply = super().answer(method, target, body)
        self.seen.append((method, target, body, reply))
        return reply


def slips(method: str, target: str, reply: lab.Reply) -> list[str]:
    """Where a token endpoint's refusal is otherwise than RFC 6749, 5.2 has it; Microsoft's with its numbers."""
    status, headers, told = reply
    if method != "POST" or status == 404 or status >= 500:
        return []
    wrong = [] if headers.get("Cache-Control") == "no-store" else [f"{target}: no Cache-Control: no-store (5.1)"]
    if status == 200:
        missing = {"access_token", "token_type"} - told.keys()
        return [*wrong, *(f"{target}: no {name} (5.1)" for name in missing)]
    if status not in (400, 401) or told.get("error") not in NAMES:
        wrong.append(f"{target}: {status} {told.get('error')} is no refusal of 5.2")
    if "/microsoft/" in target and f"AADSTS{told['error_codes'][0]}" not in told["error_description"]:
        wrong.append(f"{target}: the number is not in the description")
    return wrong


@dataclass
class Place:
    """Where the stand-in runs, and what an environment says of it."""

    folder: Path
    vendors: Seen
    more: dict[str, Any] = field(default_factory=dict)

    def tell(self, **trouble: Any) -> None:
        (self.folder / lab.TROUBLE).write_text(json.dumps(trouble), encoding="utf-8")

    def calendar(self, *, only: str = "", **changed: Any) -> Calendar:
        """The door; `changed` replaces settings of the Google client."""
        google = {
            "vendor": "google",
            "url": f"{self.vendors.base}/google",
            "client_id": "lab-google",
            "secret_file": self.folder / "secret",
            "spare_secret": SPARE,
            "redirect_uri": GOOGLE_URI,
            "redirect_file": self.folder / "redirect",
            **changed,
        }
        microsoft = {
            "vendor": "microsoft",
            "url": f"{self.vendors.base}/microsoft",
            "tenant": lab.TENANT,
            "client_id": "lab-microsoft",
            "secret": OTHER,
            "redirect_uri": MICROSOFT_URI,
        }
        clients = [one for one in (google, microsoft) if not only or one["vendor"] == only]
        return Calendar.model_validate(
            {"clients": clients, "drill_file": self.folder / lab.TROUBLE, "timeout_s": 20, **self.more}
        )


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between attempts in seconds; none is really waited."""
    waited: list[float] = []
    monkeypatch.setattr("tasks.web.retry.sleep", waited.append)
    return waited


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    clients = {
        "google": {"client_id": "lab-google", "secrets": [SECRET, SPARE], "redirects": [GOOGLE_URI]},
        "microsoft": {"client_id": "lab-microsoft", "secrets": [OTHER], "redirects": [MICROSOFT_URI]},
    }
    (tmp_path / lab.CLIENTS).write_text(json.dumps(clients), encoding="utf-8")
    (tmp_path / "secret").write_text(f"{SECRET}\n", encoding="utf-8")
    (tmp_path / "redirect").write_text(f"{GOOGLE_URI}\n", encoding="utf-8")
    vendors = Seen(tmp_path)
    threading.Thread(target=vendors.serve_forever, daemon=True).start()
    yield Place(tmp_path, vendors)
    vendors.shutdown()
    vendors.server_close()
    assert [slip for method, target, _, reply in vendors.seen for slip in slips(method, target, reply)] == []
