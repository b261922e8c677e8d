-- Counters behind columns that we leave to their default, and from which our role may not draw: a new row would fail.
SELECT format('%%I.%%I', n.nspname, s.relname) AS sequence,
       format('GRANT USAGE ON SEQUENCE %%I.%%I TO %%I;', n.nspname, s.relname, current_user) AS grant_draw,
       current_user AS "user"
FROM pg_attrdef AS d
JOIN pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum AND a.attname <> ALL (%(written)s::text[])
JOIN pg_depend AS p ON p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid AND p.refclassid = 'pg_class'::regclass
JOIN pg_class AS s ON s.oid = p.refobjid AND s.relkind = 'S'
JOIN pg_namespace AS n ON n.oid = s.relnamespace
WHERE d.adrelid = %(table)s::regclass
    AND NOT (has_schema_privilege(n.oid, 'USAGE') AND has_sequence_privilege(s.oid, 'USAGE, UPDATE'))
