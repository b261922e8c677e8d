-- The old rows of one batch that are still there.
SELECT count(*) AS rows FROM {ident} p
WHERE {old} AND ({key_list}) >= ({from_keys}) AND ({key_list}) <= ({to_keys})
