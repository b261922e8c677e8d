-- Indexes of partitioned tables that are not complete, and the line that does the next thing for each partition they lack.
-- One is complete when every partition has an index that works attached to it; it is never dropped for want of that.
WITH {at_work},
partitioned AS (
    SELECT i.indexrelid AS oid, i.indrelid, c.relname, format('%%I.%%I', n.nspname, c.relname) AS ident,
        format('%%I.%%I', n.nspname, t.relname) AS table_ident, i.indisunique, k.contype,
        substring(pg_get_indexdef(c.oid) FROM ' USING .*$') AS shape
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid AND c.relkind = 'I'
    JOIN pg_class t ON t.oid = i.indrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_constraint k ON k.conindid = c.oid AND k.contype IN ('p', 'u') AND k.conrelid = t.oid
    WHERE NOT i.indisvalid
),
parts AS (
    SELECT p.*, c.oid AS part_oid, c.relname AS part, c.relkind AS part_kind,
        format('%%I.%%I', n.nspname, c.relname) AS part_ident,
        quote_ident(left(format('%%s_%%s', c.relname, p.relname), 63)) AS new_name, quote_ident(n.nspname) AS part_schema,
        a.ident AS attached_ident, a.indisvalid AS attached_valid, f.ident AS fits
    FROM partitioned p
    JOIN pg_inherits h ON h.inhparent = p.indrelid
    JOIN pg_class c ON c.oid = h.inhrelid AND c.relkind IN ('r', 'p')
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN LATERAL (
        SELECT i.indisvalid, format('%%I.%%I', n.nspname, x.relname) AS ident
        FROM pg_inherits b
        JOIN pg_index i ON i.indexrelid = b.inhrelid AND i.indrelid = c.oid
        JOIN pg_class x ON x.oid = i.indexrelid
        WHERE b.inhparent = p.oid
    ) a ON true
    -- Built already, or just now, and not attached yet.
    LEFT JOIN LATERAL (
        SELECT format('%%I.%%I', n.nspname, x.relname) AS ident
        FROM pg_index i
        JOIN pg_class x ON x.oid = i.indexrelid AND NOT x.relispartition AND x.relkind = CASE c.relkind WHEN 'p' THEN 'I'
            ELSE 'i' END
        WHERE i.indrelid = c.oid AND i.indisunique = p.indisunique
            AND (i.indisvalid OR x.relkind = 'I' OR i.indexrelid IN (SELECT w.index_oid FROM at_work w))
            AND substring(pg_get_indexdef(x.oid) FROM ' USING .*$') = p.shape
            AND (p.contype IS NULL OR EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.oid AND k.contype = p.contype))
        ORDER BY x.oid
        LIMIT 1
    ) f ON true
)
SELECT ident, table_ident, part_ident, attached_ident, coalesce(attached_valid, false) AS works,
    concat_ws(' ',
        CASE WHEN attached_ident IS NULL AND fits IS NULL THEN concat_ws(' ',
            format('CREATE %%sINDEX %%s%%s ON %%s%%s%%s;', CASE WHEN indisunique THEN 'UNIQUE ' END,
                CASE part_kind WHEN 'r' THEN 'CONCURRENTLY ' END, new_name, CASE part_kind WHEN 'p' THEN 'ONLY ' END,
                part_ident, shape),
            CASE WHEN contype IS NOT NULL AND part_kind = 'r' THEN format('ALTER TABLE %%s ADD %%s USING INDEX %%s;',
                part_ident, CASE contype WHEN 'p' THEN 'PRIMARY KEY' ELSE 'UNIQUE' END, new_name) END
        ) END,
        CASE WHEN NOT attached_valid AND part_kind = 'r' THEN format('REINDEX INDEX CONCURRENTLY %%s;', attached_ident) END,
        format('ALTER INDEX %%s ATTACH PARTITION %%s;', ident,
            coalesce(attached_ident, fits, format('%%s.%%s', part_schema, new_name)))
    ) AS line
FROM parts
-- What is attached and works lacks nothing. If that is so of all of them, attaching one again has Postgres see it, since
-- 14; queries plan with the partitions' own indexes in any case.
WHERE attached_valid IS NOT TRUE
    OR current_setting('server_version_num')::int >= 140000 AND part_oid = (SELECT min(o.part_oid) FROM parts o WHERE o.oid = parts.oid HAVING bool_and(o.attached_valid IS TRUE))
ORDER BY ident, part_ident
