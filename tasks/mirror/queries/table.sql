-- One table as it can be read and written by who asks.
SELECT format('%%I.%%I', n.nspname, c.relname) AS relation,
       -- A rule may do something else than what is written, before it can be seen.
       c.relkind IN ('r', 'p') AND NOT EXISTS (SELECT FROM pg_rewrite AS r WHERE r.ev_class = c.oid) AS writable,
       has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS may_read,
       has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE')
           AND has_table_privilege(c.oid, 'DELETE') AS may_write,
       pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on' AS read_only,
       -- Row security would hide rows from us, and they would look as if they were missing.
       row_security_active(c.oid) AS filtered,
       format('ALTER ROLE %%I BYPASSRLS;', current_user) AS grant_sight,
       current_user AS "user",
       format('GRANT USAGE ON SCHEMA %%I TO %%I; GRANT SELECT ON %%I.%%I TO %%I;',
              n.nspname, current_user, n.nspname, c.relname, current_user) AS grant_read,
       format('GRANT INSERT, UPDATE, DELETE ON %%I.%%I TO %%I;', n.nspname, c.relname, current_user) AS grant_write,
       format('CREATE UNIQUE INDEX CONCURRENTLY ON %%I.%%I (%%s);', n.nspname, c.relname,
              (SELECT string_agg(format('%%I', k), ', ') FROM unnest(%(key)s::text[]) AS k)) AS make_unique,
       EXISTS (
           SELECT FROM pg_index AS i
           WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
             AND (SELECT array_agg(a.attname::text) FROM pg_attribute AS a
                  WHERE a.attrelid = c.oid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]))
                 <@ %(key)s::text[]
       ) AS key_is_unique
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(table)s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
