"""The questions in SQL, one file each. They run on Postgres 13 to 18; a `%` is written `%%`, as psycopg wants it."""

from importlib.resources import files


def _read(name: str) -> str:
    return files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8")


BLOCKING_CHAINS = _read("blocking_chains")
LONG_TRANSACTIONS = _read("long_transactions")
IDLE_IN_TRANSACTION = _read("idle_in_transaction")
DEADLOCKS = _read("deadlocks")
RIGHTS = _read("rights")
CLIENT_SESSIONS = _read("client_sessions")
SIGNAL_SESSION = _read("signal_session")
STILL_THERE = _read("still_there")
STILL_WAITING = _read("still_waiting")
SPARE_COLUMN = _read("spare_column")
STATEMENT_STATISTICS = _read("statement_statistics")
STATEMENTS = _read("statements")
STATEMENTS_TO_EXPLAIN = _read("statements_to_explain")
INDEX_PLACE = _read("index_place")
INDEX_STATE = _read("index_state")
INDEX_SHAPES = _read("index_shapes")
TABLE_SHAPES = _read("table_shapes")
INVALID_INDEXES = _read("invalid_indexes")
IDLE_INDEXES = _read("idle_indexes")
SCAN_COUNTING = _read("scan_counting")
TABLE_SCANS = _read("table_scans")
TABLE_CARE = _read("table_care")
CARE_DONE = _read("care_done")
INDEXES_ON = _read("indexes_on")
RESET_STATEMENT = _read("reset_statement")
