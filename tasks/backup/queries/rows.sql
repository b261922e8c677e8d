-- How many rows, and the sum of their hashes: the same in whatever order, and a row that is there twice counts twice.
-- SHA-256, because a server that follows FIPS refuses MD5.
SELECT count(*) AS rows,
    coalesce(sum(('x' || left(encode(sha256(convert_to(one, getdatabaseencoding())), 'hex'), 15))::bit(60)::bigint), 0)::text
        AS hash
FROM (SELECT {row_text} AS one FROM ONLY {ident} AS t) AS texts
