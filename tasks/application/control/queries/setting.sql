-- The setting of this name, as a text; does it stop all sending?
SELECT
    g.{settings.value}::text AS value,
    coalesce(g.{settings.value} IN {settings.stops.on}, false) AS stops
    [[, g.{settings.changed_at} AS changed_at]]
    [[, left(g.{settings.changed_by}::text, 100) AS changed_by]]
    [[, left(g.{settings.reason}::text, 300) AS reason]]
FROM {settings} AS g
WHERE g.{settings.key} = %(setting)s
LIMIT 2
