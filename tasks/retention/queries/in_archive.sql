-- What lies in the archive of one batch.
SELECT count(*) AS rows FROM {archive} p WHERE ({key_list}) >= ({from_keys}) AND ({key_list}) <= ({to_keys})
