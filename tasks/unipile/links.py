"""The file with links by which users connect their accounts again: for whoever hands them on, and nobody else."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from tasks.model import Refused

LARGEST = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Link:
    """One account's link, and until when it is good."""

    account: str
    until: datetime
    url: SecretStr


def write(file: Path, links: Sequence[Link]) -> None:
    """Put them in place of what is there, in one step, readable by us alone.

    Raises:
        Refused: it cannot be written.
    """
    lines = [f"{one.account}\t{one.until.isoformat()}\t{one.url.get_secret_value()}\n" for one in links]
    new = file.with_name(f"{file.name}.new")
    try:
        new.unlink(missing_ok=True)
        out = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(out, "w", encoding="utf-8") as opened:
            opened.writelines(lines)
        new.replace(file)
    except OSError as error:
        raise Refused(
            f"The links cannot be written into {file}: {error.strerror or error}.",
            remedy=f"Let whoever runs this write in {file.parent}. The links that were made end by themselves.",
        ) from None


def accounts_in(file: Path) -> set[str]:
    """The accounts that have a link there which is still good; none where there is no such file."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")[:LARGEST]
    except OSError:
        return set()
    found: set[str] = set()
    for line in text.splitlines():
        account, _, rest = line.partition("\t")
        try:
            good = datetime.fromisoformat(rest.partition("\t")[0]) > datetime.now(UTC)
        except (ValueError, TypeError):
            continue
        if good:
            found.add(account)
    return found
