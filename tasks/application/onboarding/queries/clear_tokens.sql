-- The tokens of connections that are as they were seen; told is whose.
UPDATE {connections} AS c
SET {connections.refresh_token} = NULL[[, {connections.access_token} = NULL]], {connections.status} = %(cleared)s
FROM jsonb_to_recordset(%(rows)s::jsonb) AS w (key text, status text, mark text)
WHERE c.{connections.id}::text = w.key AND c.{connections.status}::text = w.status
  AND left(encode(sha256(convert_to(c.{connections.refresh_token}::text, 'UTF8')), 'hex'), 16) = w.mark
RETURNING c.{connections.id}::text AS key
