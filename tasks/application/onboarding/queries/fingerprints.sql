-- Of these connections, a mark of the token that is there now; none: there is none.
SELECT
    c.{connections.id}::text AS key,
    left(encode(sha256(convert_to(c.{connections.refresh_token}::text, 'UTF8')), 'hex'), 16) AS mark
FROM {connections} AS c
WHERE c.{connections.id}::text = ANY (%(keys)s)
