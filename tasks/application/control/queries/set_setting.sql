-- Set the setting that still has the value it had when this was planned.
UPDATE {settings} AS g
SET {settings.value} = %(value)s
    [[, {settings.changed_at} = now()]]
    [[, {settings.changed_by} = %(by)s]]
    [[, {settings.reason} = %(reason)s]]
WHERE g.{settings.key} = %(setting)s AND g.{settings.value}::text = %(was)s
RETURNING g.{settings.key}::text AS setting
