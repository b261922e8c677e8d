UPDATE {relation} AS t SET {column} = concat(t.{column}, ' (drill)') WHERE t.{first_key}::text = ANY (%(keys)s)
