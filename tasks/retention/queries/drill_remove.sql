-- What is left of a drill's rows.
DELETE FROM {ident} p WHERE p.{bare_key}::text = ANY (%(keys)s)
