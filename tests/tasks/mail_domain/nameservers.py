"""The lab's name server, in the test's own process, for the zones a test makes up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from deployments.lab.name_server import KEY, NameServer
from tasks.mail_domain.system import MailDomain, Update

START = "@ 300 IN SOA ns1 root 1 3600 600 86400 60\n@ 300 IN NS ns1\nns1 300 IN A 127.0.0.1\n"
KEY_NAME, SECRET = "tests", "dGVzdHN0ZXN0c3Rlc3RzdGVzdHN0ZXN0c3Rlc3RzdGVzdHM="


class Names:
    """A name server and what it answers for; it counts what it is asked."""

    def __init__(self, folder: Path) -> None:
        (folder / KEY).write_text(json.dumps({"name": KEY_NAME, "secret": SECRET}), encoding="utf-8")
        self.server = NameServer(folder)
        self.server.start()

    @property
    def at(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    def zone(self, origin: str, text: str) -> None:
        """Answer for `origin`, which has a start of authority already."""
        self.server.zones.load(origin, f"$TTL 300\n{START}{text}\n")

    def domain(self, domain: str = "shop.test", **more: Any) -> MailDomain:
        """A sending domain that is asked about here, and here only."""
        update = Update(server=self.at, key_name=KEY_NAME, key=SecretStr(SECRET))
        given = {
            "resolvers": (self.at,),
            "authoritative": (self.at,),
            "update": update,
            "blocklists": (),
            "limit_s": 5,
            **more,
        }
        return MailDomain.model_validate({"domain": domain, **given})


def txt(name: str, text: str) -> str:
    """A TXT record as a zone file has it."""
    parts = [text[n : n + 255] for n in range(0, len(text), 255)] or [""]
    return f"{name} IN TXT " + " ".join('"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"' for part in parts)
