"""The door to one tenant's rows: the tables they lie in, the folder they are taken to, the database they go into."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from tasks.model import CannotLook, Finding, Refused, Verdict
from tasks.postgres.system import PostgresServer
from tasks.postgres.url import Url
from tasks.system import System

Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class TenantTable(BaseModel):
    """A table, and how its rows are told to be a tenant's: by a column of its own, or by the row they belong to.

    `table` is written as in SQL (`public.leads`, `"Odd name"`); `column` and `key` as they are called.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: Word
    # Holds the tenant, or, with `of`, the `key` of a row of that table.
    column: Word
    of: Word | None = None
    key: Word = "id"


class TenantData(System):
    """Which rows are a tenant's, where they are read, and where they may go."""

    model_config = ConfigDict(hide_input_in_errors=True)

    kind: ClassVar[str] = "tenant"
    config_lines: ClassVar[str] = (
        'url = "${TENANT_SOURCE_URL}"           # reads: GRANT SELECT on the tables TO its role\n'
        'target_url = "${TENANT_TARGET_URL}"    # imports: GRANT SELECT, INSERT, DELETE on the tables,\n'
        "                                       # TEMPORARY on the database (rows are tried first)\n"
        'folder = "/var/lib/incident/tenants"   # exports are kept here, for their owner only\n'
        "tables = [\n"
        '  { table = "organizations", column = "id" },\n'
        '  { table = "leads", column = "organization_id" },\n'
        '  { table = "lead_preferences", column = "lead_id", of = "leads" },\n'
        "]"
    )

    url: Url
    target_url: Url | None = None
    folder: Path
    tables: tuple[TenantTable, ...] = Field(min_length=1)
    connect_timeout_s: float = Field(default=3, gt=0, le=60)
    # Counting a tenant's rows reads an index, or the whole table where there is none.
    statement_timeout_s: float = Field(default=60, gt=0, le=3600)

    @model_validator(mode="after")
    def _each_belongs(self) -> Self:
        seen: set[str] = set()
        for one in self.tables:
            if one.of is not None and one.of not in seen:
                raise ValueError(f"tables: {one.table} belongs to {one.of}, which does not stand before it")
            if one.table in seen:
                raise ValueError(f"tables: {one.table} is named twice")
            seen.add(one.table)
        return self

    @property
    def source(self) -> PostgresServer:
        """The database the tenant's rows are in."""
        return self._server(self.url)

    @property
    def target(self) -> PostgresServer:
        """The database an import goes into.

        Raises:
            Refused: none is configured.
        """
        if self.target_url is None:
            raise Refused(
                "No database is configured to import a tenant into.",
                remedy='target_url = "${TENANT_TARGET_URL}"  # GRANT SELECT, INSERT, DELETE on the tables TO its role',
            )
        return self._server(self.target_url)

    def examine(self) -> Iterator[Finding]:
        """What `incident doctor` asks."""
        for server, noun in ((self.source, "read"), *(((self.target, "written"),) if self.target_url else ())):
            try:
                server.rows("SELECT 1")
            except CannotLook as error:
                yield Finding(verdict=Verdict.BAD, says=error.says, remedy=error.remedy)
            else:
                yield Finding(verdict=Verdict.OK, says=f"{server.address} answers; a tenant's rows are {noun} there.")

    def _server(self, url: Url) -> PostgresServer:
        return PostgresServer(
            url=url, connect_timeout_s=self.connect_timeout_s, statement_timeout_s=self.statement_timeout_s
        )
