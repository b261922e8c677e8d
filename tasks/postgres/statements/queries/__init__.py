"""The questions about statements, slow ones and those that do not end. See tasks/postgres/queries."""

from tasks.postgres.queries import with_counting
from tasks.sql import reader

_read = reader(__name__)

STATEMENT_STATISTICS = _read("statement_statistics")
STATEMENTS = with_counting(_read("statements"))
STATEMENTS_UNDER_WAY = _read("statements_under_way")
FORGOTTEN_STATEMENTS = _read("forgotten_statements")
RUNNING_STATEMENTS = _read("running_statements")
RESET_STATEMENT = _read("reset_statement")
