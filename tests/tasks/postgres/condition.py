"""The questions about a server's condition, all of them."""

from __future__ import annotations

from typing import Any

from tasks.check import Check
from tasks.postgres.replication.checks import check_replication_lag, check_replication_slots
from tasks.postgres.server.checks import check_cache_hits, check_checkpoints, check_temp_files, check_wal_rate
from tasks.postgres.tables.checks import check_database_size
from tasks.postgres.tables.sequences import check_sequences
from tasks.postgres.vacuum.age import check_transaction_age
from tasks.postgres.vacuum.checks import check_autovacuum, check_vacuum_held_back

CONDITION: tuple[Check[Any], ...] = (
    check_cache_hits,
    check_temp_files,
    check_checkpoints,
    check_wal_rate,
    check_replication_lag,
    check_replication_slots,
    check_transaction_age,
    check_database_size,
    check_sequences,
    check_autovacuum,
    check_vacuum_held_back,
)
