-- Who points at whom: every foreign key that begins or ends at one of the named tables, partitions' own copies left out.
SELECT
    format('%%I.%%I', fn.nspname, f.relname) AS child,
    format('%%I.%%I', tn.nspname, t.relname) AS parent,
    quote_ident(k.conname) AS name,
    k.condeferrable AS deferrable,
    -- Deleting the parent's row deletes or alters the child's (cascade, set null, set default), where it is not refused.
    k.confdeltype IN ('c', 'n', 'd') AS follows,
    (SELECT json_agg(quote_ident(a.attname) ORDER BY x.place)
     FROM unnest(k.conkey) WITH ORDINALITY x (attnum, place)
     JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = x.attnum) AS child_columns,
    (SELECT json_agg(quote_ident(a.attname) ORDER BY x.place)
     FROM unnest(k.confkey) WITH ORDINALITY x (attnum, place)
     JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = x.attnum) AS parent_columns,
    -- As the foreign key itself compares, the parent's column first.
    (SELECT json_agg(format('OPERATOR(%%I.%%s)', n.nspname, o.oprname) ORDER BY x.place)
     FROM unnest(k.conpfeqop) WITH ORDINALITY x (operator, place)
     JOIN pg_operator o ON o.oid = x.operator
     JOIN pg_namespace n ON n.oid = o.oprnamespace) AS equals
FROM pg_constraint k
JOIN pg_class f ON f.oid = k.conrelid
JOIN pg_namespace fn ON fn.oid = f.relnamespace
JOIN pg_class t ON t.oid = k.confrelid
JOIN pg_namespace tn ON tn.oid = t.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0
    AND (format('%%I.%%I', fn.nspname, f.relname) = ANY (%(idents)s)
        OR format('%%I.%%I', tn.nspname, t.relname) = ANY (%(idents)s))
ORDER BY 1, 2, 3
