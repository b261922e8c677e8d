-- The sender is not due for a year; told is when it was.
WITH chosen AS (
    SELECT w.{workflows.id} AS id, w.{workflows.next_run_at} AS next_run_at, w.{workflows.active} AS active
    FROM {workflows} AS w
    WHERE w.{workflows.name} = %(sender)s
), changed AS (
    UPDATE {workflows} AS w SET {workflows.next_run_at} = now() + interval '365 days'
    FROM chosen WHERE w.{workflows.id} = chosen.id
)
SELECT id::text, next_run_at::text, active::text FROM chosen
