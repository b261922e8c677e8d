"""Ways to make a website ill that lets itself be told to (`drill_file`), as the lab's does."""

from __future__ import annotations

import json
from pathlib import Path

from tasks.fault import Fault
from tasks.model import Json, Refused
from tasks.website.system import Website


class _Told(Fault):
    """Tell the website what to do, by a file that it reads before each answer."""

    def _tell(self, website: Website, **what: Json) -> Path:
        if website.drill_file is None:
            raise Refused(
                "This website cannot be told to be ill: it has no `drill_file`.",
                remedy='drill_file = "/path/that/your/staging/website/reads.json"  # in lab and staging only',
            )
        # In one step: a half file would be read as none.
        new = website.drill_file.with_name(f"{website.drill_file.name}.new")
        new.write_text(json.dumps(what), encoding="utf-8")
        new.rename(website.drill_file)
        return website.drill_file

    def cure(self, trouble: Path) -> None:
        trouble.unlink(missing_ok=True)


class AnswerUnavailable(_Told):
    """Answer 503, with the part that is down in the body."""

    def cause(self, website: Website) -> Path:
        return self._tell(website, status=503, body={"status": "down", "database": "connection refused"})


class HangOnToTrouble(_Told):
    """Answer 503 until it is restarted.

    As a process does that has lost its way: no pool, no thread left, a cache that went bad.
    """

    def cause(self, website: Website) -> Path:
        return self._tell(website, status=503, body={"status": "down"}, until_restarted=True)


class AnswerSlowly(_Told):
    """Answer late, though rightly."""

    def __init__(self, wait_s: float = 5.5) -> None:
        self.wait_s = wait_s

    def cause(self, website: Website) -> Path:
        return self._tell(website, wait_s=self.wait_s)


class ShowEndingCertificate(_Told):
    """Show a certificate that ends in two days."""

    def cause(self, website: Website) -> Path:
        return self._tell(website, certificate="ending")
