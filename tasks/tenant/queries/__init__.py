"""The questions about a tenant's tables, one file each. They run on Postgres 13 to 18; a `%` is written `%%`."""

from importlib.resources import files


def _read(name: str) -> str:
    return files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8")


TABLES = _read("tables")
REFERENCES = _read("references")
SEQUENCES = _read("sequences")
