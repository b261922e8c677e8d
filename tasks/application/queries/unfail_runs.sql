UPDATE {executions} AS x
SET {executions.status} = was.{executions.status}
FROM jsonb_populate_recordset(NULL::{executions}, %(rows)s::jsonb) AS was
WHERE x.{executions.id} = was.{executions.id}
