UPDATE {inbox_days} AS d
SET {inbox_days.bounced} = was.{inbox_days.bounced}
FROM jsonb_populate_recordset(NULL::{inbox_days}, %(rows)s::jsonb) AS was
WHERE d.{inbox_days.inbox} = was.{inbox_days.inbox} AND d.{inbox_days.day} = was.{inbox_days.day}
