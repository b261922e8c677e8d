-- Drop exactly this slot if nobody used it since the plan, or only say whether we could; otherwise say why not.
-- One statement, and CASE evaluates in order: a slot that moved on or is in use is never dropped.
SELECT CASE
    WHEN s.slot_name IS NULL THEN 'already gone'
    WHEN s.active THEN 'in use'
    WHEN s.restart_lsn IS DISTINCT FROM %(restart_lsn)s::pg_lsn
        OR s.confirmed_flush_lsn IS DISTINCT FROM %(confirmed_flush_lsn)s::pg_lsn THEN 'used meanwhile'
    WHEN NOT (me.rolreplication OR me.rolsuper) THEN 'no right'
    WHEN %(verb)s = 'look' THEN 'within reach'
    WHEN %(verb)s = 'drop' AND pg_drop_replication_slot(s.slot_name) IS NOT NULL THEN 'dropped'
END AS fate,
format('ALTER ROLE %%I REPLICATION;', current_user) AS grant_replication
FROM (VALUES (%(slot)s::name)) AS t (slot)
JOIN pg_roles me ON me.rolname = current_user
LEFT JOIN pg_replication_slots s ON s.slot_name = t.slot
