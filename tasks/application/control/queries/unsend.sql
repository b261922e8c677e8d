UPDATE {sends} AS s
SET
    {sends.lead} = was.{sends.lead},
    {sends.status} = was.{sends.status},
    {sends.scheduled_for} = was.{sends.scheduled_for},
    {sends.sent_at} = was.{sends.sent_at}
FROM jsonb_populate_recordset(NULL::{sends}, %(rows)s::jsonb) AS was
WHERE s.{sends.id} = was.{sends.id}
