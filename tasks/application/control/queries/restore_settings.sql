UPDATE {settings} AS g
SET {settings.value} = was.{settings.value}
    [[, {settings.changed_at} = was.{settings.changed_at}]]
    [[, {settings.changed_by} = was.{settings.changed_by}]]
    [[, {settings.reason} = was.{settings.reason}]]
FROM jsonb_populate_recordset(NULL::{settings}, %(rows)s::jsonb) AS was
WHERE g.{settings.key} = was.{settings.key}
