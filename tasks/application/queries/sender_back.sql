UPDATE {workflows} AS w
SET {workflows.active} = was.{workflows.active}
FROM jsonb_populate_recordset(NULL::{workflows}, %(rows)s::jsonb) AS was
WHERE w.{workflows.name} = was.{workflows.name}
