"""The file with links by which users connect their accounts again: for whoever hands them on, and nobody else."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from tasks.model import Refused

# As many as Unipile lists of accounts, each with the longest link that is taken, and some more.
LARGEST = 5_000_000


@dataclass(frozen=True, kw_only=True)
class Link:
    """One account's link, and until when it is good."""

    account: str
    until: datetime
    url: SecretStr


def write(file: Path, links: Sequence[Link]) -> None:
    """Put them beside those of other accounts that are still good, in one step, readable by us alone.

    Raises:
        Refused: it cannot be written.
    """
    new_ones = {one.account for one in links}
    all_of_them = [*(one for one in _good(file) if one.account not in new_ones), *links]
    lines = [f"{one.account}\t{one.until.isoformat()}\t{one.url.get_secret_value()}\n" for one in all_of_them]
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
    return {one.account for one in _good(file)}


def _good(file: Path) -> Iterator[Link]:
    """The links there that are still good."""
    try:
        with file.open("rb") as opened:
            text = opened.read(LARGEST).decode("utf-8", "replace")
    except OSError:
        return
    for line in text.splitlines():
        account, _, rest = line.partition("\t")
        written, _, url = rest.partition("\t")
        try:
            until = datetime.fromisoformat(written)
            good = until > datetime.now(UTC)
        except (ValueError, TypeError):
            continue
        if good:
            yield Link(account=account, until=until, url=SecretStr(url))
