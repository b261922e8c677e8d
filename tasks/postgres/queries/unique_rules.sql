-- What no two rows of a table may have alike: unique indexes and exclusion constraints, column by column, by the operators
-- they compare with. `only_where` is the condition of a partial one.
SELECT
    quote_ident(i.relname) AS name,
    coalesce(k.condeferrable, false) AS deferrable,
    x.indisprimary AS is_key,
    coalesce(pg_get_expr(x.indpred, x.indrelid), 'true') AS only_where,
    (SELECT json_agg(pg_get_indexdef(x.indexrelid, p.n, false) ORDER BY p.n)
     FROM generate_series(1, x.indnkeyatts) p (n)) AS parts,
    (SELECT json_agg(
        CASE WHEN k.contype = 'x' THEN (
            SELECT format('OPERATOR(%%I.%%s)', n.nspname, o.oprname)
            FROM pg_operator o JOIN pg_namespace n ON n.oid = o.oprnamespace WHERE o.oid = k.conexclop[p.n]
        ) ELSE (
            SELECT format('OPERATOR(%%I.%%s)', n.nspname, o.oprname)
            FROM pg_opclass c
            JOIN pg_amop m ON m.amopfamily = c.opcfamily AND m.amopstrategy = 3
                AND m.amoplefttype = c.opcintype AND m.amoprighttype = c.opcintype
            JOIN pg_operator o ON o.oid = m.amopopr
            JOIN pg_namespace n ON n.oid = o.oprnamespace
            WHERE c.oid = (x.indclass::oid[])[p.n - 1]
        ) END ORDER BY p.n)
     FROM generate_series(1, x.indnkeyatts) p (n)) AS operators,
    -- Since 15 two NULLs may count as alike.
    coalesce((to_jsonb(x) ->> 'indnullsnotdistinct')::bool, false) AS nulls_alike
FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid
LEFT JOIN pg_constraint k ON k.conindid = x.indexrelid AND k.contype IN ('p', 'u', 'x') AND k.conrelid = x.indrelid
WHERE x.indrelid = %(table)s::regclass AND (x.indisunique OR x.indisexclusion) AND x.indisready
ORDER BY 1
