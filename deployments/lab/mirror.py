"""The lab's second store: the CRM that keeps a copy of the application's leads."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
from psycopg import sql

from deployments.accounts import create_database
from deployments.cluster import SUPERUSER, Cluster
from deployments.lab.application import GRANTS
from deployments.progress import Progress, stage

DATABASE = "crm"


def build(cluster: Cluster, passwords: Mapping[str, str], source: str, progress: Progress) -> None:
    """Make the copy of the database `source` if it is not there yet."""
    with psycopg.connect(cluster.url(SUPERUSER, passwords[SUPERUSER], "postgres"), autocommit=True) as session:
        create_database(session, DATABASE, "app")
        for role in GRANTS:
            names = sql.Identifier(DATABASE), sql.Identifier(role)
            session.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(*names))
        # Rows are tried in a table of the auditor's own before anybody is asked to copy them.
        session.execute(sql.SQL("GRANT TEMPORARY ON DATABASE {} TO auditor").format(sql.Identifier(DATABASE)))
    with psycopg.connect(cluster.url("app", passwords["app"], DATABASE)) as crm:
        if crm.execute("SELECT FROM pg_class WHERE oid = to_regclass('public.leads')").rowcount:
            return
        with (
            stage(progress, "Copying the lab's leads into its second store"),
            psycopg.connect(cluster.url("app", passwords["app"], source)) as app,
        ):
            _copy(app, crm)


def _copy(app: psycopg.Connection, crm: psycopg.Connection) -> None:
    # One transaction, so that a copy that breaks off leaves nothing.
    crm.execute(
        "CREATE TABLE leads (id bigint PRIMARY KEY, organization_id text NOT NULL, name text, email text, "
        "metadata jsonb, created_at timestamptz NOT NULL, updated_at timestamptz NOT NULL)"
    )
    columns = "id, organization_id, name, email, metadata, created_at, updated_at"
    with (
        app.cursor().copy(f"COPY leads ({columns}) TO STDOUT") as rows,
        crm.cursor().copy(f"COPY leads ({columns}) FROM STDIN") as into,
    ):
        for piece in rows:
            into.write(piece)
    crm.execute("ANALYZE leads")
