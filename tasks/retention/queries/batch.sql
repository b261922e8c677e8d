-- The old rows of one batch, from key to key, deleted; a row that somebody holds is left for the next time.
WITH gone AS (
    DELETE FROM {ident} p
    WHERE {old} AND ({key_list}) IN (
        SELECT {key_list} FROM {ident} p
        WHERE {old} AND ({key_list}) >= ({from_keys}) AND ({key_list}) <= ({to_keys})
        ORDER BY {key_list} FOR UPDATE SKIP LOCKED
    )
    RETURNING 1
)
SELECT count(*) AS gone FROM gone
