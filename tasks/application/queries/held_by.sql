-- What rows hold, found by one of their columns.
SELECT {held}
FROM {{part}} AS t
WHERE t.{{part}.{by}}::text = ANY (%(keys)s)
