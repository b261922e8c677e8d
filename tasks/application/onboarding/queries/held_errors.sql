-- Of these connections, the error that is written down now; nobody changes them until this transaction ends.
SELECT c.{connections.id}::text AS key, left(c.{connections.error}::text, 2000) AS error
FROM {connections} AS c
WHERE c.{connections.id}::text = ANY (%(keys)s)
FOR UPDATE
