-- A drill's days without figures, whoever wrote them meanwhile.
DELETE FROM {analytics} AS t
USING jsonb_populate_recordset(NULL::{analytics}, %(rows)s::jsonb) AS w
WHERE t.{analytics.campaign} = w.{analytics.campaign} AND t.{analytics.date} = w.{analytics.date}
