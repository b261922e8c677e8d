-- A table of the same shape, with nothing that could refuse a row.
CREATE TABLE {aside} (LIKE {events})
