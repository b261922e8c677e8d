"""What belongs to a database itself and not to what is in it: whose it is, who may enter, how its sessions are set."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from tasks.backup import shelf
from tasks.backup.programs import Programs
from tasks.backup.shelf import Backup
from tasks.backup.system import Backups
from tasks.postgres.refusals import quoted
from tasks.program import LINE_CHARACTERS, run

LISTS_WITHIN_S = 120.0
# As pg_restore --list names them; a remark on the database is left out, because ours stands there.
_OF_THE_DATABASE = re.compile(r"^\d+; \d+ \d+ (DATABASE|DATABASE PROPERTIES|ACL - DATABASE) ")
_IDENT = r"(?:\"(?:[^\"]|\"\")+\"|\w+)"
_STATEMENT = re.compile(rf"^(ALTER DATABASE|(?:GRANT|REVOKE) [A-Z, ]+ ON DATABASE) {_IDENT} (.*);$")
_MOST = re.compile(r"^CONNECTION LIMIT = (-?\d+)$")


def properties(backup: Backups, one: Backup, programs: Programs, database: str) -> tuple[list[str], int]:
    """The statements that give `database` what the backed up one had, and how many sessions might be in it.

    The archive has them, and pg_restore leaves them out unless it also makes the database, under its old name.

    Raises:
        ProgramFailed, ProgramTookTooLong, Refused: pg_restore cannot read the archive.
    """
    statements: list[str] = []
    most = -1
    for line in _told(backup, one, programs):
        found = _STATEMENT.match(line)
        if found is None or len(line) >= LINE_CHARACTERS:
            continue
        verb, rest = found.groups()
        if limit := _MOST.match(rest):
            most = int(limit[1])
        elif not rest.startswith("IS_TEMPLATE"):
            statements.append(f"{verb} {quoted(database)} {rest}")
    return statements, most


def _told(backup: Backups, one: Backup, programs: Programs) -> tuple[str, ...]:
    dump = str(one.place / shelf.DUMP)
    listed: list[str] = []
    # Without --create they are not even listed.
    asked = [programs.path("pg_restore"), "--create"]
    run([*asked, "--list", dump], limit_s=LISTS_WITHIN_S, heard=listed.append)
    wanted = [line for line in listed if _OF_THE_DATABASE.match(line)]
    with tempfile.TemporaryDirectory(prefix=".", suffix=shelf.PARTIAL, dir=backup.folder) as private:
        file = Path(private) / "list"
        file.write_text("\n".join(wanted) + "\n", encoding="utf-8")
        return run([*asked, f"--use-list={file}", "--file=-", dump], limit_s=LISTS_WITHIN_S).lines
