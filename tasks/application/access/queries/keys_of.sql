-- Keys of some accounts that count, the newest first.
SELECT
    k.{api_keys.id}::text AS id,
    k.{api_keys.owner}::text AS account
    [[, k.{api_keys.last_used}::text AS last_used]]
FROM {api_keys} AS k
WHERE k.{api_keys.revoked_at} IS NULL AND k.{api_keys.owner}::text = ANY (%(accounts)s)
ORDER BY k.{api_keys.id} DESC
LIMIT %(most)s
