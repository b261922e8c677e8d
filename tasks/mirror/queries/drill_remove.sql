DELETE FROM {relation} AS t WHERE t.{first_key}::text = ANY (%(keys)s)
