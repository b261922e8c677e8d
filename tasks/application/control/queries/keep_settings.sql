SELECT to_jsonb(g)::text AS kept FROM {settings} AS g WHERE g.{settings.key} = ANY (%(keys)s)
