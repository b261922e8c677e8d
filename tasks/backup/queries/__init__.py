"""What a database holds, in SQL, a file each. They run on Postgres 13 to 18; a `%` is written `%%`."""

from tasks.sql import reader

_read = reader(__name__)

TABLES = _read("tables")
ROWS = _read("rows")
LARGE_OBJECTS = _read("large_objects")
SEQUENCES = _read("sequences")
OWNERS = _read("owners")
DATABASE_BYTES = _read("database_bytes")
SERVER = _read("server")
LOCALE = _read("locale")
OLD_LOCALE = _read("old_locale")
MAY_RESTORE = _read("may_restore")
OUR_ROLES = _read("our_roles")
DATABASES = _read("databases")
LIVE = _read("live")
FEW_ROWS = _read("few_rows")
IDENTS = _read("idents")
END_SESSIONS = _read("end_sessions")
ROLES_THERE = _read("roles_there")
HOW_LARGE = _read("how_large")
