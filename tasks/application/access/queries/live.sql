-- Logins that count and were used lately, the newest first.
SELECT
    s.{sessions.id}::text AS id,
    s.{sessions.user}::text AS account,
    s.{sessions.address}::text AS address,
    s.{sessions.last_seen}::text AS last_seen
    [[, s.{sessions.created_at}::text AS created_at]]
FROM {sessions} AS s
WHERE s.{sessions.revoked_at} IS NULL AND s.{sessions.last_seen} >= %(since)s
ORDER BY s.{sessions.last_seen} DESC
LIMIT %(most)s
