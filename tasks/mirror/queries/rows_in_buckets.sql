SELECT {key} AS key, {hash} AS hash, {young} AS young
FROM {relation} AS t
WHERE {bucket} & %(mask)s = ANY (%(buckets)s::int[])
