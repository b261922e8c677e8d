-- A workflow is switched on or off.
UPDATE {workflows} AS w
SET {workflows.active} = %(value)s
WHERE w.{workflows.name} = %(workflow)s
