-- Large objects, as rows.sql counts and hashes rows.
SELECT count(*) AS rows,
    coalesce(sum(('x' || left(encode(sha256(int8send(oid::bigint) || lo_get(oid)), 'hex'), 15))::bit(60)::bigint), 0)::text
        AS hash
FROM pg_largeobject_metadata
