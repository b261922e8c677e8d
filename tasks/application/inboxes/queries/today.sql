SELECT (now() AT TIME ZONE 'UTC')::date::text AS day
