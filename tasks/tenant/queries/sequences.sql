-- The counters behind a table's columns. A copy writes its numbers past them, and the next INSERT would use one again.
SELECT
    s.sequence,
    quote_ident(a.attname) AS column,
    has_sequence_privilege(s.sequence, 'UPDATE') AND has_sequence_privilege(s.sequence, 'SELECT') AS movable,
    format('GRANT SELECT, UPDATE ON SEQUENCE %%s TO %%I;', s.sequence, current_user) AS grant_move
FROM pg_attribute a
CROSS JOIN LATERAL (SELECT pg_get_serial_sequence(%(ident)s, a.attname) AS sequence) s
WHERE a.attrelid = %(ident)s::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    AND s.sequence IS NOT NULL
ORDER BY a.attnum
