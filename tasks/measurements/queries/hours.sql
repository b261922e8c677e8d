WITH made AS (
    INSERT INTO incident.hours (environment, check_name, fact, at, number, lowest, average, highest, unit,
                                ok, warn, unknown, bad)
    SELECT environment, check_name, fact, date_trunc('hour', at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC',
           count(value), min(value), avg(value), max(value), max(unit),
           count(*) FILTER (WHERE verdict = 'OK'), count(*) FILTER (WHERE verdict = 'WARN'),
           count(*) FILTER (WHERE verdict = 'UNKNOWN'), count(*) FILTER (WHERE verdict = 'BAD')
      FROM (SELECT environment, check_name, '' AS fact, at, value, unit, verdict FROM incident.{part} WHERE at < %(before)s
             UNION ALL
            SELECT environment, check_name, f.key, at, f.value::text::float8, '', NULL
              FROM incident.{part}, json_each(facts) AS f
             WHERE at < %(before)s AND f.key <> '' AND json_typeof(f.value) = 'number') AS points
     GROUP BY 1, 2, 3, 4
    RETURNING 1
)
SELECT count(*) AS rows FROM made
