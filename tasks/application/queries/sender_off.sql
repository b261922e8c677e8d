-- The sender is switched off; told is what it was.
WITH chosen AS (
    SELECT w.{workflows.name} AS name, w.{workflows.active} AS active
    FROM {workflows} AS w
    WHERE w.{workflows.name} = %(sender)s
), changed AS (
    UPDATE {workflows} AS w SET {workflows.active} = %(off)s FROM chosen WHERE w.{workflows.name} = chosen.name
)
SELECT name::text, active::text FROM chosen
