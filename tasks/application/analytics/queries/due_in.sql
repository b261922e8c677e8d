-- The updater runs next in so many seconds; below zero: it has been due since.
UPDATE {workflows} AS w
SET {workflows.next_run_at} = now() + %(in_s)s * interval '1 second'
WHERE w.{workflows.name} = %(workflow)s
