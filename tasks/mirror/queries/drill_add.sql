INSERT INTO {relation} OVERRIDING SYSTEM VALUE
SELECT (jsonb_populate_record(NULL::{relation}, e)).* FROM jsonb_array_elements(%(rows)s::jsonb) AS e
