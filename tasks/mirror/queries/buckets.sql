-- The table in buckets by the hash of the key: how many rows each holds, and the sum of their hashes. One line, because
-- tens of thousands would take longer to fetch than to compute.
SELECT coalesce(string_agg(concat_ws(' ', bucket, rows, hash), ','), '') AS buckets
FROM (
    SELECT bucket, count(*) AS rows, sum(('x' || left(hash, 15))::bit(60)::bigint) AS hash
    FROM (SELECT {bucket} & %(mask)s AS bucket, {hash} AS hash FROM {relation} AS t) AS hashed
    GROUP BY bucket
) AS summed
