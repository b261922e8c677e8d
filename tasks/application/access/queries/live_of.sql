-- Logins of some accounts that count, the newest first, however long ago they were used.
SELECT
    s.{sessions.id}::text AS id,
    s.{sessions.user}::text AS account
    [[, s.{sessions.address}::text AS address]]
    [[, s.{sessions.last_seen}::text AS last_seen]]
    [[, s.{sessions.created_at}::text AS created_at]]
FROM {sessions} AS s
WHERE s.{sessions.revoked_at} IS NULL AND s.{sessions.user}::text = ANY (%(accounts)s)
ORDER BY s.{sessions.id} DESC
LIMIT %(most)s
