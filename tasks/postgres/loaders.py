"""How what a server sends becomes values: one that cannot be read is shown as far as it can be, and blinds no other."""

from __future__ import annotations

import json
from typing import Any

import psycopg
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Loader
from psycopg.types.datetime import DateLoader, IntervalLoader, TimestampLoader, TimestamptzLoader


def codec_of(connection: psycopg.BaseConnection[Any] | None) -> str:
    """Python's name for the encoding that the server now speaks; UTF-8 where it says that it has none."""
    said = connection.info.encoding if connection else "utf-8"
    return "utf-8" if said == "ascii" else said


class _Text(Loader):
    """pg_stat_activity shows statements of databases in other encodings, which need not be valid here."""

    def __init__(self, oid: int, context: AdaptContext | None = None) -> None:
        super().__init__(oid, context)
        self._codec = codec_of(self.connection)

    def load(self, data: Buffer) -> str:
        return bytes(data).decode(self._codec, "replace")


class _Json(_Text):
    def load(self, data: Buffer) -> Any:
        return json.loads(super().load(data))


class _Readable(Loader):
    """A moment may be infinity, before Christ, or after the year 9999: Python has none such, and it stays text."""

    def load(self, data: Buffer) -> Any:
        try:
            return super().load(data)  # type: ignore[safe-super]  # it stands before one that loads
        except psycopg.DataError:
            return bytes(data).decode("ascii", "replace")


class _Moment(_Readable, TimestamptzLoader):
    """With a time zone."""


class _LocalMoment(_Readable, TimestampLoader):
    """Without one."""


class _Day(_Readable, DateLoader):
    """A date."""


class _Span(_Readable, IntervalLoader):
    """An interval."""


_LOADERS: dict[type[Loader], tuple[str, ...]] = {
    _Text: ("text", "varchar", "bpchar", "name", '"char"'),
    _Json: ("json", "jsonb"),
    _Moment: ("timestamptz",),
    _LocalMoment: ("timestamp",),
    _Day: ("date",),
    _Span: ("interval",),
}


def register(connection: psycopg.Connection[Any]) -> None:
    """Have `connection` read like this."""
    for loader, kinds in _LOADERS.items():
        for kind in kinds:
            connection.adapters.register_loader(kind, loader)
