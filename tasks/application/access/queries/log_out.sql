DELETE FROM {sessions} AS s WHERE s.{sessions.id}::text = ANY (%(keys)s)
