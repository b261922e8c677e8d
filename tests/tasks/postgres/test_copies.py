"""Several questions about one moment, several changes that are one, and rows in bulk through the door."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tasks.model import CannotLook, Refused
from tests.tasks.postgres.conftest import Stage

OUT = "COPY (SELECT id, email FROM public.leads WHERE email LIKE 'lead%' ORDER BY id) TO STDOUT (FORMAT csv)"
IN = "COPY public.leads (email, status) FROM STDIN (FORMAT csv)"


def counted(stage: Stage) -> object:
    return stage.admin("SELECT count(*) FROM leads")[0][0]


def test_it_sees_one_moment(stage: Stage) -> None:
    stage.admin("GRANT SELECT ON leads TO reader")
    pieces: list[bytes] = []
    with stage.door().snapshot() as moment:
        moment.run("SELECT count(*) FROM public.leads")
        stage.admin("INSERT INTO leads (email) SELECT 'lead-later' || n FROM generate_series(1, 5) n")

        rows = moment.copy_out(OUT, pieces.append)

    assert rows == 9
    assert b"".join(pieces).decode().splitlines()[0] == "1,lead1"


def test_it_cannot_write_in_that_moment(stage18: Stage) -> None:
    with stage18.door(reads="boss").snapshot() as moment, pytest.raises(Refused, match="read-only transaction"):
        moment.run("DELETE FROM public.leads")
    assert counted(stage18) == 9


def test_it_changes_all_or_nothing(stage: Stage) -> None:
    door = stage.door(acts="app")
    with pytest.raises(Refused, match="duplicate key"), door.transaction() as work:  # noqa: PT012 - both in one
        work.copy_in(IN, [b"new1,new\n", b"new2,new\n"])
        work.copy_in(IN, [b"lead1,again\n"])
    assert counted(stage) == 9

    with door.transaction() as work:
        assert work.copy_in(IN, [b"new1,n", b"ew\nnew2,new\n"]) == 2
    assert counted(stage) == 11


def test_it_takes_nothing_of_a_copy_that_breaks_off(stage18: Stage) -> None:
    def breaking() -> Iterator[bytes]:
        yield b"new1,new\n"
        raise Refused("The file is not what it was.")

    with pytest.raises(Refused, match="not what it was"), stage18.door(acts="app").transaction() as work:
        work.copy_in(IN, breaking())

    assert counted(stage18) == 9


def test_it_does_not_queue_for_hours(stage18: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.postgres.system.LOCK_S", 0.1)
    stage18.begins("other", "LOCK TABLE leads")

    with pytest.raises(CannotLook, match="is locked"), stage18.door(acts="app").transaction() as work:
        work.run("DELETE FROM public.leads")
