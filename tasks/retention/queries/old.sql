-- Old rows by their keys, the smallest first: where each lies, and how large it is.
SELECT p.tableoid::bigint AS "table", p.ctid::text AS place, {key_texts} AS key, pg_column_size(p.*) AS bytes
FROM {ident} p WHERE {old}
ORDER BY {key_list}
LIMIT %(most)s
