"""Where the results of our flow runs are kept: nowhere."""

from __future__ import annotations

from pathlib import Path

from prefect.filesystems import WritableFileSystem


class NoResults(WritableFileSystem):
    """Forgets what it is given.

    Prefect pickles the exception of every run that fails into its result storage, as it was raised, unredacted; and
    what a run came to is in the journal.
    """

    def _resolve_path(self, path: str) -> Path:
        """Prefect asks its own storages for it; without one it complains in each failed run's log."""
        return Path(path)

    async def write_path(self, path: str, content: bytes) -> None:
        """Nothing is kept."""

    async def read_path(self, path: str) -> bytes:
        """Raises: FileNotFoundError: always."""
        raise FileNotFoundError(f"{path}: the results of flow runs are not kept; see `incident timeline`.")
