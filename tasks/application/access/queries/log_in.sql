INSERT INTO {sessions} ({sessions.user}, {sessions.created_at}, {sessions.last_seen}, {sessions.address})
VALUES (%(account)s, now(), now(), %(address)s)
RETURNING {sessions.id}::text AS id
