-- Rows that are long due, as copies of others under keys of their own.
INSERT INTO {ident} ({copied}, {bare_age})
SELECT {copied_from}, now() - %(age_days)s * interval '1 day' FROM {ident} p WHERE {old} LIMIT %(rows)s
RETURNING {bare_key}::text AS key
