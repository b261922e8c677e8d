"""The questions about a tenant's tables, one file each. They run on Postgres 13 to 18; a `%` is written `%%`."""

from tasks.sql import reader

_read = reader(__name__)

TABLES = _read("tables")
REFERENCES = _read("references")
SEQUENCES = _read("sequences")
