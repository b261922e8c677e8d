"""What goes or changes along with a row, and what fires: told as the server then does it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tasks.model import Refused
from tasks.postgres import along
from tasks.postgres.along import Fate, Followed, Start, follow, triggers, written_since
from tasks.postgres.session import Session
from tests.tasks.postgres.conftest import Stage

PEOPLE = (
    "CREATE TABLE people (id int PRIMARY KEY, name text UNIQUE); INSERT INTO people VALUES (1, 'a'), (2, 'b'), (3, 'c')"
)


@contextmanager
def looking(stage: Stage, user: str = "boss") -> Iterator[Session]:
    with stage.door(reads=user).snapshot() as session:
        yield session


def followed(stage: Stage, ids: list[int], changed: set[str] | None = None, user: str = "boss") -> Followed[int]:
    at = stage.admin("SELECT id, tableoid::bigint, ctid::text FROM people")
    starts = [
        Start(who=int(str(n)), table=int(str(table)), place=str(place), changed=frozenset(changed) if changed else None)
        for n, table, place in sorted(at)
        if n in ids
    ]
    with looking(stage, user) as session:
        return follow(session, starts)


def deleted_for_real(stage: Stage, ids: list[int]) -> dict[str, tuple[int, int]]:
    """How many rows are (changed, deleted) by table, as the server counts them."""
    with stage.door(acts="boss").transaction() as session:
        session.run("DELETE FROM public.people WHERE id = ANY (%(ids)s)", ids=ids)
        counted = written_since(session)
        done = {table: (counted[table, "updated"], counted[table, "deleted"]) for table, _ in counted}
        session.rest()
        session.run("BEGIN")
    return done


TREE = """
CREATE SCHEMA shop;
CREATE TABLE shop.orders (id int PRIMARY KEY, person int REFERENCES people ON DELETE CASCADE);
CREATE TABLE shop.lines (id int PRIMARY KEY, "order" int REFERENCES shop.orders ON DELETE CASCADE);
CREATE TABLE notes (
    id int, author int REFERENCES people ON DELETE SET NULL,
    editor int DEFAULT 3 REFERENCES people ON DELETE SET DEFAULT
);
INSERT INTO shop.orders SELECT n, 1 FROM generate_series(1, 500) n;
INSERT INTO shop.lines SELECT n, n FROM generate_series(1, 40) n;
INSERT INTO notes VALUES (1, 1, 2), (2, 1, 1), (3, 2, 1)
"""


def test_it_follows_foreign_keys_through_every_schema(stage: Stage) -> None:
    stage.admin(f"{PEOPLE};{TREE}")

    found = followed(stage, [1, 2])

    assert found.total == Counter(
        {("shop.orders", Fate.DELETED): 500, ("shop.lines", Fate.DELETED): 40, ("public.notes", Fate.CHANGED): 3}
    )
    assert found.along[2] == Counter({("public.notes", Fate.CHANGED): 1})
    assert found.written >= {("shop.lines", None), ("public.notes", frozenset({"author"}))}
    real = deleted_for_real(stage, [1, 2])
    assert (real["shop.orders"], real["shop.lines"]) == ((0, 500), (0, 40))
    # Each of its two keys writes a row of its own.
    assert real["public.notes"][1] == 0
    assert not found.held


def test_it_goes_round_a_circle_once(stage: Stage) -> None:
    stage.admin(f"{PEOPLE}; ALTER TABLE people ADD boss int REFERENCES people ON DELETE CASCADE")
    stage.admin("UPDATE people SET boss = CASE id WHEN 1 THEN 3 ELSE id - 1 END")

    assert followed(stage, [2]).total == Counter({("public.people", Fate.DELETED): 2})
    assert deleted_for_real(stage, [2])["public.people"] == (0, 3)


@pytest.mark.parametrize("rule", ["NO ACTION", "RESTRICT", "NO ACTION DEFERRABLE INITIALLY DEFERRED", "SET NULL"])
def test_it_tells_what_would_refuse(stage: Stage, rule: str) -> None:
    stage.admin(PEOPLE)
    stage.admin(f"CREATE TABLE bills (person int NOT NULL REFERENCES people ON DELETE {rule})")
    stage.admin("INSERT INTO bills VALUES (1), (1), (2)")

    found = followed(stage, [1, 3])

    assert (found.along, list(found.held)) == ({}, [1])
    assert along.holding(found.held[1]) == "2 rows of public.bills (bills_person_fkey) point at it"


def test_what_goes_itself_does_not_refuse(stage: Stage) -> None:
    stage.admin(f"{PEOPLE}; ALTER TABLE people ADD boss int REFERENCES people")
    stage.admin("UPDATE people SET boss = 1 WHERE id = 2")

    assert not followed(stage, [1, 2]).held
    assert list(followed(stage, [1]).held) == [1]
    assert deleted_for_real(stage, [1, 2])["public.people"] == (0, 2)


def test_it_follows_partitions_from_either_end(stage: Stage) -> None:
    stage.admin(
        "CREATE TABLE people (id int PRIMARY KEY) PARTITION BY RANGE (id);"
        "CREATE TABLE low PARTITION OF people FOR VALUES FROM (0) TO (2) PARTITION BY RANGE (id);"
        "CREATE TABLE lowest PARTITION OF low FOR VALUES FROM (0) TO (2);"
        "CREATE TABLE high PARTITION OF people DEFAULT; INSERT INTO people VALUES (1), (2), (3);"
        "CREATE TABLE visits (person int REFERENCES people ON DELETE CASCADE, y int) PARTITION BY LIST (y);"
        "CREATE TABLE v1 PARTITION OF visits FOR VALUES IN (1); CREATE TABLE v2 PARTITION OF visits FOR VALUES IN (2);"
        "INSERT INTO visits VALUES (1, 1), (1, 2), (2, 2), (3, 1)"
    )
    assert followed(stage, [1, 2]).total == Counter({("public.visits", Fate.DELETED): 3})
    assert deleted_for_real(stage, [1, 2]) == {"public.people": (0, 2), "public.visits": (0, 3)}


def test_it_follows_a_key_that_changes(stage: Stage) -> None:
    stage.admin(f"{PEOPLE}; CREATE TABLE tags (person text PRIMARY KEY REFERENCES people (name) ON UPDATE CASCADE)")
    stage.admin(
        "CREATE TABLE uses (tag text REFERENCES tags ON UPDATE CASCADE);"
        "INSERT INTO tags VALUES ('a'); INSERT INTO uses VALUES ('a'), ('a')"
    )
    assert followed(stage, [1, 2], {"name"}).total == Counter(
        {("public.tags", Fate.CHANGED): 1, ("public.uses", Fate.CHANGED): 2}
    )
    assert not followed(stage, [1, 2], {"email"}).along
    assert list(followed(stage, [1]).held) == [1]


def test_it_tells_what_is_left_pointing_at_nothing(stage: Stage) -> None:
    """A foreign key whose triggers are switched off neither refuses nor follows."""
    stage.admin(f"{PEOPLE};{TREE}; ALTER TABLE people DISABLE TRIGGER ALL")

    assert followed(stage, [1]).total[("shop.orders", Fate.ORPHANED)] == 500
    assert "shop.orders" not in deleted_for_real(stage, [1])


def test_it_says_which_grant_it_lacks_to_count(stage: Stage) -> None:
    stage.admin(f"{PEOPLE};{TREE}; GRANT SELECT ON people, notes TO app")

    with pytest.raises(
        Refused, match=r"shop\.\w+ point at rows that would be written .* app may not see how many"
    ) as no:
        followed(stage, [1], user="app")
    stage.admin(no.value.remedy)
    with pytest.raises(Refused, match=r"shop\.lines") as no:
        followed(stage, [1], user="app")
    stage.admin(no.value.remedy)
    assert followed(stage, [1], user="app").total[("shop.lines", Fate.DELETED)] == 40


def test_it_refuses_what_is_no_repair_any_more(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.admin(f"{PEOPLE};{TREE}")
    monkeypatch.setattr(along, "MOST_ROWS", 100)
    with pytest.raises(Refused, match=r"More than 100 rows of other tables would go or change along, shop\.orders"):
        followed(stage, [1])


TRIGGERS = """
CREATE FUNCTION mail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN coalesce(NEW, OLD); END';
CREATE TRIGGER greet AFTER INSERT ON people FOR EACH ROW EXECUTE FUNCTION mail();
CREATE TRIGGER told AFTER INSERT OR DELETE ON people FOR EACH STATEMENT EXECUTE FUNCTION mail();
CREATE TRIGGER renamed BEFORE UPDATE OF name ON people FOR EACH ROW WHEN (OLD.id > 1) EXECUTE FUNCTION mail();
CREATE TRIGGER off BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION mail();
CREATE TRIGGER copied BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION mail();
ALTER TABLE people DISABLE TRIGGER off; ALTER TABLE people ENABLE REPLICA TRIGGER copied
"""


def fired(stage: Stage, event: str, *columns: str, user: str = "boss") -> list[str]:
    with looking(stage, user) as session:
        return [f"{one.name} {one.when}" for one in triggers(session, "public.people", event, columns)]


def test_it_tells_which_triggers_fire_and_when(stage: Stage) -> None:
    stage.admin(f"{PEOPLE};{TRIGGERS}")

    assert fired(stage, "insert") == ["greet after each row is inserted", "told after rows are inserted"]
    assert fired(stage, "delete") == ["told after rows are deleted"]
    assert fired(stage, "update", "id") == []
    assert fired(stage, "update", "id", "name") == ["renamed before each row is updated, where its condition holds"]


def test_it_tells_those_of_a_session_that_replicates(stage: Stage) -> None:
    stage.admin(f"{PEOPLE};{TRIGGERS}")
    database = stage.admin_url.rpartition("/")[2]
    stage.admin(f"ALTER ROLE boss IN DATABASE {database} SET session_replication_role = replica")
    assert fired(stage, "insert") == ["copied before each row is inserted"]


def test_it_tells_a_partitions_own_triggers_and_each_once(stage: Stage) -> None:
    stage.admin(
        "CREATE TABLE people (id int, name text) PARTITION BY RANGE (id);"
        "CREATE TABLE low PARTITION OF people FOR VALUES FROM (0) TO (9);"
        "CREATE TABLE high PARTITION OF people DEFAULT;"
        "CREATE FUNCTION mail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER a AFTER INSERT ON people FOR EACH ROW EXECUTE FUNCTION mail();"
        "CREATE TRIGGER b AFTER INSERT ON low FOR EACH ROW EXECUTE FUNCTION mail();"
        "CREATE TRIGGER c AFTER INSERT ON low FOR EACH STATEMENT EXECUTE FUNCTION mail()"
    )
    assert [said[0] for said in fired(stage, "insert")] == ["a", "b"]
    with looking(stage) as session:
        assert [one.name for one in triggers(session, "public.low", "insert")] == ["a", "b", "c"]


def test_it_tells_a_rule(stage: Stage) -> None:
    stage.admin(f"{PEOPLE}; CREATE RULE kept AS ON DELETE TO people WHERE OLD.id = 1 DO INSTEAD NOTHING")
    assert fired(stage, "delete") == ["kept instead of each row is deleted, where its condition holds"]
    assert fired(stage, "insert") == []


def test_it_writes_no_sentence_of_a_hundred_triggers() -> None:
    one = along.Trigger(
        name="greet", on="public.people", runs="public.mail()", when="after each row is inserted", each_row=True
    )
    assert along.fires([(one, 20)]) == (
        "Triggers fire, and what they do is not known here: greet on public.people (it runs public.mail() after each "
        "row is inserted: 20 times)."
    )
    assert along.fires([(one, 1)] * 7).endswith("and 2 more.")
    assert along.fires([]) == ""
