-- How many rows are old, and since when the oldest.
SELECT count(*) AS rows, extract(epoch FROM now() - min({age})::timestamptz)::float8 AS oldest_s
FROM {ident} p WHERE {old}
