"""The questions about a schema, one file each. They run on Postgres 13 to 18; a `%` is written `%%`."""

from importlib.resources import files


def _read(name: str) -> str:
    return files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8")


SCHEMA = _read("schema")
SAME_PLACE = _read("same_place")
AT_WORK = _read("at_work")
