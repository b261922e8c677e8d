-- A table of the same shape, with the same key and nothing that could refuse an old row.
CREATE TABLE {archive} (LIKE {ident}, PRIMARY KEY ({bare_keys}))
