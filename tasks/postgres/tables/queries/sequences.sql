-- How far each sequence has come of what it, and the columns that take its numbers, can hold: its own columns, those with
-- it as their default, and those that refer to them. `known` is whether we may read it.
WITH {locked_out},
fills AS (
    SELECT d.objid AS seq, d.refobjid AS tab, d.refobjsubid::int2 AS att, false AS refers
    FROM pg_depend d
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
        AND d.deptype IN ('a', 'i') AND d.objid IN (SELECT seqrelid FROM pg_sequence)
    UNION
    SELECT d.refobjid, a.adrelid, a.adnum, false
    FROM pg_depend d
    JOIN pg_attrdef a ON a.oid = d.objid
    WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass
        AND d.refobjid IN (SELECT seqrelid FROM pg_sequence)
),
takes AS (
    SELECT * FROM fills
    UNION
    SELECT f.seq, k.conrelid, k.conkey[array_position(k.confkey, f.att)], true
    FROM fills f
    JOIN pg_constraint k ON k.contype = 'f' AND k.confrelid = f.tab AND f.att = ANY (k.confkey)
),
columns AS (
    SELECT t.seq, t.refers, format('%%I.%%I', n.nspname, c.relname) AS table_ident, quote_ident(a.attname) AS column,
        CASE a.atttypid WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647
            WHEN 'int8'::regtype THEN 9223372036854775807 END AS most,
        CASE WHEN c.oid NOT IN (SELECT relation FROM locked_out) THEN pg_relation_size(c.oid)::float8 END AS table_bytes
    FROM takes t
    JOIN pg_class c ON c.oid = t.tab
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = t.tab AND a.attnum = t.att
),
sequences AS MATERIALIZED (
    SELECT s.*, format('%%I.%%I', n.nspname, c.relname) AS ident,
        c.oid NOT IN (SELECT relation FROM locked_out) AND has_sequence_privilege(c.oid, 'SELECT, USAGE') AS known,
        -- What is not logged is not on a standby: to ask for it there is an error.
        CASE WHEN c.oid NOT IN (SELECT relation FROM locked_out) AND has_sequence_privilege(c.oid, 'SELECT, USAGE')
            AND (c.relpersistence = 'p' OR NOT pg_is_in_recovery()) THEN pg_sequence_last_value(c.oid) END AS last,
        quote_ident(n.nspname) AS schema_ident
    FROM pg_sequence s
    JOIN pg_class c ON c.oid = s.seqrelid AND c.relpersistence <> 't'
    JOIN pg_namespace n ON n.oid = c.relnamespace
)
SELECT s.ident AS sequence, s.schema_ident, s.known, k.table_ident, k.column, coalesce(k.refers, false) AS refers,
    concat_ws(' ', s.ident, k.table_ident, k.column) AS key,
    s.last::float8 AS last, least(k.most, s.seqmax)::float8 AS most, k.most <= s.seqmax AND k.most < 9223372036854775807 AS narrower, k.table_bytes,
    -- Of what lies between the least and the most; one that counts down is as good as empty.
    CASE WHEN s.seqincrement > 0 THEN greatest(0, (s.last::float8 - s.seqmin) / greatest(least(k.most, s.seqmax)::float8
        - s.seqmin, 1)) ELSE 0 END AS used,
    extract(epoch FROM clock_timestamp())::float8 AS at_s
FROM sequences s
LEFT JOIN columns k ON k.seq = s.seqrelid
-- One that begins again at its end is meant to, where its column can hold all it counts.
WHERE NOT (s.seqcycle AND coalesce(k.most >= s.seqmax, true))
ORDER BY used DESC NULLS LAST, 1, 4, 5
