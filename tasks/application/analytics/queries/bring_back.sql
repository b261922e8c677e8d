-- Rows as they were, all their columns.
INSERT INTO {analytics} OVERRIDING SYSTEM VALUE
SELECT * FROM jsonb_populate_recordset(NULL::{analytics}, %(rows)s::jsonb)
ON CONFLICT DO NOTHING
